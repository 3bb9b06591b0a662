package io.tunnelmux.netty.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Java's own decoder says what is UTF-8. */
class Utf8CheckTest {

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

    @Test
    void everySequenceOfThreeBytesIsWhatJavaTakesItFor() {
        byte[] bytes = new byte[3];
        for (int i = 0x7f_0000; i < 0x100_0000; i++) {
            bytes[0] = (byte) (i >> 16);
            bytes[1] = (byte) (i >> 8);
            bytes[2] = (byte) i;
            if (isText(bytes) != isTextToJava(bytes)) {
                throw new AssertionError(Integer.toHexString(i));
            }
        }
    }

    @Test
    void everyBeginningOfFourBytesIsWhatJavaTakesItFor() {
        byte[] bytes = new byte[4];
        for (int i = 0xf0_0000; i < 0x100_0000; i++) {
            bytes[0] = (byte) (i >> 16);
            bytes[1] = (byte) (i >> 8);
            bytes[2] = (byte) i;
            bytes[3] = (byte) 0x80;
            if (isText(bytes) != isTextToJava(bytes)) {
                throw new AssertionError(Integer.toHexString(i));
            }
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
