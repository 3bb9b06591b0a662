package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.testing.Breach;
import io.tunnelmux.protocol.testing.CollectedFrames;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FrameDecoderTest {

    private static final int MAX_FRAME_BYTES = 32_768;

    private final PayloadTracker tracker = new PayloadTracker();
    private final CollectedFrames received = new CollectedFrames();
    private final FrameDecoder decoder = new FrameDecoder(MAX_FRAME_BYTES);

    @AfterEach
    void nothingLeaks() {
        assertThat(tracker.alive()).as("payloads not released").isZero();
    }

    @Test
    void handsOnDataAsItComes() {
        decode("0011000a00000001" + "0102"); // END and TEXT, 10 bytes
        decode("030405");
        decode("060708090a");

        assertThat(received.asDelivered())
                .containsExactly(
                        data(1, "0102", Frame.FLAG_MORE | Frame.FLAG_TEXT),
                        data(1, "030405", Frame.FLAG_MORE),
                        data(1, "060708090a", Frame.FLAG_END));
    }

    @Test
    void handsOnNoEmptyPieceOfDataThatIsNotEmpty() {
        decode("0000000200000001");
        assertThat(received.asDelivered()).isEmpty();
        decode("");
        assertThat(received.asDelivered()).isEmpty();
        decode("0102");
        assertThat(received.asDelivered()).containsExactly(data(1, "0102", 0));
    }

    @Test
    void handsOnTheInputItselfWhereDataReachesItsEnd() {
        Payload input = tracker.payload(bytes("0000000400000001" + "0102"));
        AtomicReference<Payload> piece = new AtomicReference<>();

        decoder.decode(input, new FrameSink() {
            @Override
            public void onData(Frame.Data frame) {
                piece.set(frame.payload());
            }
        });

        assertThat(piece.get()).isSameAs(input);
        assertThat(tracker.slices()).isZero();
        piece.get().release();
    }

    @Test
    void slicesDataThatOtherFramesFollow() {
        decode("0000000200000001" + "0102" + "0001000100000001" + "03" + "0001000000000003");

        assertThat(received.asDelivered())
                .containsExactly(data(1, "0102", 0), data(1, "03", Frame.FLAG_END), data(3, "", Frame.FLAG_END));
        assertThat(tracker.slices()).isEqualTo(2);
    }

    @Test
    void keepsMoreOfTheWireOnTheLastPiece() {
        decode("0002000200000001" + "01");
        decode("02");

        assertThat(received.asDelivered())
                .containsExactly(data(1, "01", Frame.FLAG_MORE), data(1, "02", Frame.FLAG_MORE));
    }

    @Test
    void masksFlagsThatMeanNothingOnTheirFrame() {
        decode("00ff000100000001" + "00");
        decode("01ff000100000001" + "00");
        decode("02ff000100000001" + "00");
        decode("02ff000100000000" + "00");
        decode("06fb000800000000" + "0000000000000000");

        assertThat(received.asDelivered())
                .containsExactly(
                        data(1, "00", Frame.FLAG_END | Frame.FLAG_MORE | Frame.FLAG_TEXT),
                        new Frame.Open(1, payload("00"), Frame.FLAG_END | Frame.FLAG_MORE),
                        new Frame.Message(1, payload("00"), Frame.FLAG_END | Frame.FLAG_MORE),
                        new Frame.Message(0, payload("00"), Frame.FLAG_MORE),
                        new Frame.Ping(0, false));
    }

    @Test
    void deliversAnExtensionOnceAndSkipsItsPayload() {
        decode("40000005ffffffff".replace("ff", "7f") + "01");
        assertThat(received.asDelivered()).containsExactly(new Frame.Extension(0x40, 0x7f7f7f7f, 5));
        decode("020304");
        decode("05" + "ff00000000000000");

        assertThat(received.asDelivered())
                .containsExactly(new Frame.Extension(0x40, 0x7f7f7f7f, 5), new Frame.Extension(0xff, 0, 0));
        assertThat(decoder.isBetweenFrames()).isTrue();
    }

    @Test
    void goesOnAfterABreachThatCostsAStream() {
        decode("0300000400000005" + "00000000" + "0300000400000007" + "80000000" + "0001000000000009");

        assertThat(received.asDelivered())
                .containsExactly(
                        new Breach(5, ErrorCode.PROTOCOL_ERROR),
                        new Breach(7, ErrorCode.FLOW_CONTROL_ERROR),
                        data(9, "", Frame.FLAG_END));
    }

    @Test
    void deliversWhatStoodBeforeABreachAndNothingAfterIt() {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> decode("0001000000000001" + "0a00000000000000" + "0001000000000003"))
                .withMessageContaining("0x0a");

        assertThat(received.asDelivered()).containsExactly(data(1, "", Frame.FLAG_END));
        assertThat(decoder.isBetweenFrames()).isFalse();
        assertThatIllegalStateException().isThrownBy(() -> decode("0001000000000003"));
    }

    @Test
    void judgesAHeaderBeforeItsPayloadComes() {
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> decode("0000800100000001"))
                .satisfies(breach -> assertThat(Breach.of(breach)).isEqualTo(new Breach(0, ErrorCode.FRAME_TOO_LARGE)));
    }

    @Test
    void releasesTheInputWhenTheHandlerThrows() {
        FrameSink throwing = new FrameSink() {
            @Override
            public void onData(Frame.Data frame) {
                frame.payload().release();
                throw new UnsupportedOperationException("thrown by the handler");
            }
        };

        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> decoder.decode(tracker.payload(bytes("000000010000000101" + "00")), throwing));
        assertThatIllegalStateException().isThrownBy(() -> decode("00"));

        assertThatExceptionOfType(UnsupportedOperationException.class)
                .isThrownBy(() -> new FrameDecoder(MAX_FRAME_BYTES)
                        .decode(tracker.payload(bytes("000000010000000101")), throwing));
    }

    @Test
    void refusesToBeCalledFromWithinTheHandler() {
        FrameSink nested = new FrameSink() {
            @Override
            public void onPing(Frame.Ping frame) {
                assertThatIllegalStateException().isThrownBy(() -> decode("00"));
            }
        };

        decoder.decode(tracker.payload(bytes("0600000800000000" + "0000000000000000")), nested);

        assertThat(decoder.isBetweenFrames()).isTrue();
    }

    @Test
    void tellsWhetherItIsBetweenFrames() {
        String dataOfTwoBytes = "0000000200000001" + "aabb";
        String windowOfFour = "0300000400000001" + "00000004";
        for (String frame : new String[] {dataOfTwoBytes, windowOfFour, dataOfTwoBytes}) {
            for (int at = 0; at < frame.length(); at += 2) {
                assertThat(decoder.isBetweenFrames())
                        .as("at %d of %s", at / 2, frame)
                        .isEqualTo(at == 0);
                decode(frame.substring(at, at + 2));
            }
        }
        assertThat(decoder.isBetweenFrames()).isTrue();
    }

    @Test
    void knowsHowMuchOfAFrameHasYetToCome() {
        assertThat(decoder.missingBytes()).isZero();
        decode("00000003");
        assertThat(decoder.missingBytes()).as("within a header").isZero();
        decode("00000001");
        assertThat(decoder.missingBytes()).isEqualTo(3);
        decode("0a");
        assertThat(decoder.missingBytes()).isEqualTo(2);
        decode("0b0c");
        assertThat(decoder.missingBytes()).isZero();
        decode("4000000500000001" + "01");
        assertThat(decoder.missingBytes()).as("to be skipped").isEqualTo(4);
    }

    @Test
    void takesAHelloLongerThanOtherFramesMayBe() {
        FrameDecoder small = new FrameDecoder(1_024);

        small.decode(tracker.payload(frame(FrameType.HELLO, 0, 0, new byte[16_384])), received);

        assertThat(received.frames()).containsExactly(new Frame.Hello(Payload.of(new byte[16_384]), false));
        assertThatExceptionOfType(ProtocolException.class)
                .isThrownBy(() -> new FrameDecoder(65_535)
                        .decode(tracker.payload(frame(FrameType.HELLO, 0, 0, new byte[16_385])), received))
                .satisfies(breach -> assertThat(Breach.of(breach)).isEqualTo(new Breach(0, ErrorCode.FRAME_TOO_LARGE)));
    }

    @Test
    void cutsALongReasonBetweenTwoCharacters() {
        byte[] reason = ("x".repeat(1_023) + "é and more").getBytes(StandardCharsets.UTF_8);

        decoder.decode(tracker.payload(frame(FrameType.CLOSE, 0, 1, concat(new byte[4], reason))), received);

        assertThat(received.frames()).containsExactly(new Frame.Close(1, 0, "x".repeat(1_023)));
    }

    @Test
    void replacesWhatIsNoUtf8AndKeepsTheReasonWithinItsLimit() {
        byte[] reason = new byte[1_024];
        Arrays.fill(reason, (byte) 0xff);

        decoder.decode(tracker.payload(frame(FrameType.CANCEL, 0, 1, concat(new byte[4], reason))), received);

        assertThat(received.frames()).containsExactly(new Frame.Cancel(1, 0, "\ufffd".repeat(341)));
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MIN_VALUE, 0, 1_023, 65_536, Integer.MAX_VALUE})
    void refusesALimitThatNoSideMayAnnounce(int maxFrameBytes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new FrameDecoder(maxFrameBytes))
                .withMessageContaining(Integer.toString(maxFrameBytes));
    }

    private void decode(String hex) {
        decoder.decode(tracker.payload(bytes(hex)), received);
    }

    private static Frame.Data data(int streamId, String hex, int flags) {
        return new Frame.Data(streamId, payload(hex), flags);
    }

    private static Payload payload(String hex) {
        return Payload.of(bytes(hex));
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    private static byte[] frame(int type, int flags, int streamId, byte[] payload) {
        return ByteBuffer.allocate(8 + payload.length)
                .put((byte) type)
                .put((byte) flags)
                .putShort((short) payload.length)
                .putInt(streamId)
                .put(payload)
                .array();
    }

    private static byte[] concat(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length)
                .put(first)
                .put(second)
                .array();
    }
}
