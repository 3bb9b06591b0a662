package io.tunnelmux.netty.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Java's own decoder says what is UTF-8. */
class Utf8CheckTest {

    /** The least and the greatest of what is ASCII, goes on with a character, or begins one. */
    private static final int[] EDGES = {
        0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xdf, 0xe0, 0xef, 0xf0, 0xff
    };

    private static boolean isText(byte[] bytes, int... cuts) {
        Utf8Check check = new Utf8Check();
        int from = 0;
        for (int cut : cuts) {
            if (!check.accept(part(bytes, from, cut))) {
                return false;
            }
            from = cut;
        }
        return check.accept(part(bytes, from, bytes.length)) && check.isComplete();
    }

    private static ByteBuf part(byte[] bytes, int from, int to) {
        return Unpooled.wrappedBuffer(bytes, from, to - from);
    }

    private static boolean isTextToJava(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** Third bytes are of few kinds: those at the edges of each stand for all. */
    @Test
    void everySequenceOfThreeBytesIsWhatJavaTakesItFor() {
        for (int first = 0x7f; first < 0x100; first++) {
            for (int second = 0; second < 0x100; second++) {
                for (int third : EDGES) {
                    assertThatJavaAgrees((byte) first, (byte) second, (byte) third);
                }
            }
        }
    }

    @Test
    void everyBeginningOfFourBytesIsWhatJavaTakesItFor() {
        for (int first = 0xf0; first < 0x100; first++) {
            for (int second = 0; second < 0x100; second++) {
                for (int third : EDGES) {
                    assertThatJavaAgrees((byte) first, (byte) second, (byte) third, (byte) 0x80);
                }
            }
        }
    }

    private static void assertThatJavaAgrees(byte... bytes) {
        if (isText(bytes) != isTextToJava(bytes)) {
            throw new AssertionError(HexFormat.of().formatHex(bytes));
        }
    }

    @Test
    void textIsTextWhereverItIsCut() {
        byte[] bytes = "plain ASCII, Grüße, 日本語, 😀, and then plain again".getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                assertThat(isText(bytes, first, second)).isTrue();
            }
        }
    }

    @Test
    void aByteThatDoesNotFitIsSeenWhereverTheTextIsCut() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = "abcdefgh Grüße 日本語 😀 ijklmnopqr".getBytes(StandardCharsets.UTF_8);
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            int cut = random.nextInt(bytes.length + 1);
            assertThat(isText(bytes, cut)).as("seed %d", seed).isEqualTo(isTextToJava(bytes));
        }
    }

    @Test
    void whatCannotGoOnAsTextIsSeenAtOnce() {
        Utf8Check check = new Utf8Check();

        assertThat(check.accept(Unpooled.wrappedBuffer(new byte[] {(byte) 0xf4})))
                .isTrue();
        assertThat(check.isComplete()).isFalse();
        assertThat(check.accept(Unpooled.wrappedBuffer(new byte[] {(byte) 0x90})))
                .isFalse();
    }
}
