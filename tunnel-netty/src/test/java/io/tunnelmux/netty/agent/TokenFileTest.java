package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenFileTest {

    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("token");
    }

    @Test
    void readsTheTokenAgain() throws Exception {
        Files.writeString(file, "first.token\n");
        try (TokenFile token = TokenFile.open(file)) {
            assertThat(token.get()).isEqualTo("first.token");

            Files.writeString(file, "second.token");
            token.readAgain();

            assertThat(token.get()).isEqualTo("second.token");
        }
    }

    @Test
    void keepsTheLastTokenWhileThereIsNoOther() throws Exception {
        Files.writeString(file, "only.token");
        try (TokenFile token = TokenFile.open(file)) {
            Files.delete(file);
            token.readAgain();
            assertThat(token.get()).isEqualTo("only.token");

            Files.writeString(file, "");
            token.readAgain();
            assertThat(token.get()).isEqualTo("only.token");

            Files.writeString(file, "next.token");
            token.readAgain();
            assertThat(token.get()).isEqualTo("next.token");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " \n", "two tokens", "a\r\nb", "caf\u00e9", "a\u0000b"})
    void saysNothingOfWhatIsNoToken(String content) throws Exception {
        Files.writeString(file, content);

        assertThatThrownBy(() -> TokenFile.open(file))
                .isInstanceOf(IOException.class)
                .hasMessage("no token in " + file);
    }

    @Test
    void readsNoMoreThanATokenMayHave() throws Exception {
        Files.writeString(file, "t".repeat(TokenFile.MAX_BYTES + 1));

        assertThatThrownBy(() -> TokenFile.open(file)).hasMessage("no token in " + file);
    }
}
