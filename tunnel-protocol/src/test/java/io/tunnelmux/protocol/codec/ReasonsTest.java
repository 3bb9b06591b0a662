package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReasonsTest {

    private static final long SEED = Long.getLong("tunnelmux.seed", 0x5eed_4ea5L);

    @ParameterizedTest
    @ValueSource(strings = {"", "r", "é", "€", "😀"})
    void keepsWhatFits(String character) {
        int bytes = Math.max(1, character.getBytes(StandardCharsets.UTF_8).length);
        String longest = character.repeat(Reasons.MAX_BYTES / bytes);

        assertThat(Reasons.cut(longest)).isSameAs(longest);
    }

    @Test
    void cutsBeforeTheCharacterThatPassesTheLimit() {
        assertThat(Reasons.cut("r".repeat(1_025))).isEqualTo("r".repeat(1_024));
        assertThat(Reasons.cut("r".repeat(1_023) + "é")).isEqualTo("r".repeat(1_023));
        assertThat(Reasons.cut("r".repeat(1_022) + "€")).isEqualTo("r".repeat(1_022));
        assertThat(Reasons.cut("r".repeat(1_021) + "😀")).isEqualTo("r".repeat(1_021));
    }

    @Test
    void writesHalfASurrogatePairAsOneByte() {
        String halves = "\ud83d".repeat(1_500);

        assertThat(Reasons.encode(halves)).isEqualTo("?".repeat(1_024).getBytes(StandardCharsets.UTF_8));
        assertThat(Reasons.encodedBytes(halves)).isEqualTo(1_024);
    }

    @Test
    void readsNoReasonAtTheEndOfThePayload() {
        assertThat(Reasons.decode(new byte[4], 4)).isEmpty();
    }

    @Test
    void agreesWithItselfOnAnyText() {
        Random random = new Random(SEED);
        for (int i = 0; i < 2_000; i++) {
            String reason = randomText(random);
            String cut = Reasons.cut(reason);
            byte[] encoded = Reasons.encode(reason);

            assertThat(encoded).as("seed %d, reason %d", SEED, i).hasSize(Reasons.encodedBytes(reason));
            assertThat(encoded.length).isLessThanOrEqualTo(Reasons.MAX_BYTES);
            assertThat(reason).startsWith(cut);
            assertThat(Reasons.cut(cut)).isEqualTo(cut);
            String read = Reasons.decode(encoded, 0);
            assertThat(read.getBytes(StandardCharsets.UTF_8)).isEqualTo(encoded);
        }
    }

    @Test
    void readsAnyBytesIntoAReasonWithinTheLimit() {
        Random random = new Random(SEED);
        for (int i = 0; i < 2_000; i++) {
            byte[] bytes = new byte[random.nextInt(3_000)];
            random.nextBytes(bytes);
            String whole = new String(bytes, StandardCharsets.UTF_8);

            assertThat(Reasons.decode(bytes, 0))
                    .as("seed %d, reason %d", SEED, i)
                    .isEqualTo(Reasons.cut(whole));
        }
    }

    private static String randomText(Random random) {
        int[] bounds = {0x80, 0x800, 0x1_0000, Character.MAX_CODE_POINT + 1};
        StringBuilder text = new StringBuilder();
        for (int left = random.nextInt(1_400); left > 0; left--) {
            text.appendCodePoint(random.nextInt(bounds[random.nextInt(bounds.length)]));
        }
        return text.toString();
    }
}
