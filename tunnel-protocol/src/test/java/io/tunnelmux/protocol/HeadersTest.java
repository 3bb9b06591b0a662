package io.tunnelmux.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadersTest {

    @Test
    void namesCompareWithoutCaseAndKeepTheFirstSpelling() {
        Headers headers = Headers.builder()
                .add("X-Tag", "1")
                .add("Accept", "*/*")
                .add("x-tag", "2")
                .build();

        assertThat(headers.names()).containsExactly("X-Tag", "Accept");
        assertThat(headers.all("X-TAG")).containsExactly("1", "2");
        assertThat(headers.first("x-tag")).isEqualTo("1");
        assertThat(headers.contains("ACCEPT")).isTrue();
        assertThat(headers.size()).isEqualTo(3);
        assertThat(lines(headers)).containsExactly("X-Tag: 1", "X-Tag: 2", "Accept: */*");
    }

    @Test
    void absentNamesHaveNoValues() {
        assertThat(Headers.EMPTY.isEmpty()).isTrue();
        assertThat(Headers.EMPTY.first("a")).isNull();
        assertThat(Headers.EMPTY.all("a")).isEmpty();
        assertThat(Headers.EMPTY.contains("a")).isFalse();
        assertThat(Headers.builder().build()).isSameAs(Headers.EMPTY);
    }

    @Test
    void equalsByNamesWithoutCaseAndValuesInOrder() {
        Headers headers =
                Headers.builder().add("A", "1").add("B", "2").add("a", "3").build();
        Headers same =
                Headers.builder().add("b", "2").add("a", "1").add("a", "3").build();
        Headers otherOrder =
                Headers.builder().add("a", "3").add("a", "1").add("b", "2").build();

        assertThat(headers).isEqualTo(same).hasSameHashCodeAs(same).isNotEqualTo(otherOrder);
    }

    @Test
    void showsNoCredentials() {
        Headers headers = Headers.builder()
                .add("Authorization", "Bearer s3cret")
                .add("cookie", "sid=s3cret")
                .add("Set-Cookie", "sid=s3cret")
                .add("PROXY-Authorization", "Basic s3cret")
                .add("Accept", "text/html")
                .build();

        assertThat(headers.toString()).doesNotContain("s3cret").contains("Accept=[text/html]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a b", "a:", "a\n", "a\u0000", "ä", "a,b", "(a)", "a/b", "a@b", "{a}", "\"a\""})
    void refusesNamesThatAreNoToken(String name) {
        assertThatIllegalArgumentException().isThrownBy(() -> Headers.builder().add(name, "v"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\r", "a\nb", "\u0000", "a\r\nb: c", "Ā", "😀"})
    void refusesValuesThatWouldEndTheLineOrAreNotLatin1(String value) {
        assertThatIllegalArgumentException().isThrownBy(() -> Headers.builder().add("a", value));
    }

    @Test
    void refusesWhatIsOneCharTooLong() {
        Headers.Builder headers = Headers.builder();
        headers.add("n".repeat(Headers.MAX_NAME_LENGTH), "v".repeat(Headers.MAX_VALUE_LENGTH));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> headers.add("n".repeat(Headers.MAX_NAME_LENGTH + 1), "v"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> headers.add("n", "v".repeat(Headers.MAX_VALUE_LENGTH + 1)));
        assertThat(headers.build().size()).isEqualTo(1);
    }

    @Test
    void doesNotChangeWhenItsBuilderGoesOn() {
        Headers.Builder builder = Headers.builder().add("a", "1");
        Headers headers = builder.build();

        builder.add("a", "2").add("b", "3");

        assertThat(lines(headers)).containsExactly("a: 1");
        assertThatThrownBy(() -> headers.all("a").add("x")).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> headers.names().clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    private static List<String> lines(Headers headers) {
        List<String> lines = new ArrayList<>();
        headers.forEach((name, value) -> lines.add(name + ": " + value));
        return lines;
    }
}
