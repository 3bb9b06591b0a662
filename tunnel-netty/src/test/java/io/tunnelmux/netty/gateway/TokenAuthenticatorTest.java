package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenAuthenticatorTest {

    @TempDir
    private Path directory;

    @Test
    void oneTokenMayBeForEveryAgent() {
        TokenAuthenticator one = TokenAuthenticator.of("secret");

        assertThat(one.knows("secret")).isTrue();
        assertThat(one.mayBe("anybody", "secret")).isTrue();
        for (String wrong :
                new String[] {"", "secre", "secret ", "secrets", "SECRET", "secret\0", "x".repeat(100_000)}) {
            assertThat(one.knows(wrong)).as(wrong).isFalse();
            assertThat(one.mayBe("anybody", wrong)).as(wrong).isFalse();
        }
    }

    @Test
    void anAgentWithTokensOfItsOwnIsNobodyElse() throws IOException {
        TokenAuthenticator file = TokenAuthenticator.ofFile(file("# agents\n\n a = one \na=two==\nb=three\n*=any\n"));

        assertThat(file.knows("one")).isTrue();
        assertThat(file.mayBe("a", "one")).isTrue();
        assertThat(file.mayBe("a", "two==")).isTrue();
        assertThat(file.mayBe("a", "three")).isFalse();
        assertThat(file.mayBe("a", "any")).isFalse();
        assertThat(file.mayBe("b", "one")).isFalse();
        assertThat(file.mayBe("c", "any")).isTrue();
        assertThat(file.mayBe("c", "one")).isFalse();
        assertThat(file.mayBe("*", "one")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "# nothing\n", "a=ok\nsupersecret\n", "a=ok\n=supersecret\n", "a=ok\nb=\n"})
    void aFileThatIsWrongIsNamedWithoutItsSecrets(String text) throws IOException {
        Path file = file(text);

        assertThatThrownBy(() -> TokenAuthenticator.ofFile(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(file.toString())
                .hasMessageNotContaining("supersecret");
    }

    @Test
    void tokensAreNotShown() {
        assertThat(TokenAuthenticator.of("secret").toString()).doesNotContain("secret");
    }

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("tokens"), text);
    }
}
