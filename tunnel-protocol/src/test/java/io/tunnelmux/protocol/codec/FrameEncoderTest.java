package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class FrameEncoderTest {

    private static final int ALL_FLAGS = 0xff;

    private final PayloadTracker tracker = new PayloadTracker();

    @Test
    void handsOnTheVeryPayloadOfLongFrames() {
        Payload payload = tracker.payload(new byte[] {1, 2, 3});

        for (Frame frame : List.of(
                new Frame.Data(1, payload, 0),
                new Frame.Open(1, payload, 0),
                new Frame.Message(0, payload, 0),
                new Frame.Hello(payload, true))) {
            assertThat(FrameEncoder.header(frame) >>> 32 & 0xffff).isEqualTo(3);
            assertThat(FrameEncoder.payload(frame)).isSameAs(payload);
        }
        payload.release();
        assertThat(tracker.alive()).isZero();
        assertThat(tracker.slices()).isZero();
    }

    @Test
    void writesOnlyFlagsThatMeanSomething() {
        Payload one = Payload.of(new byte[1]);

        assertThat(flags(new Frame.Data(1, one, ALL_FLAGS)))
                .isEqualTo(Frame.FLAG_END | Frame.FLAG_MORE | Frame.FLAG_TEXT);
        assertThat(flags(new Frame.Open(1, one, ALL_FLAGS))).isEqualTo(Frame.FLAG_END | Frame.FLAG_MORE);
        assertThat(flags(new Frame.Message(1, one, ALL_FLAGS))).isEqualTo(Frame.FLAG_END | Frame.FLAG_MORE);
        assertThat(flags(new Frame.Message(0, one, ALL_FLAGS))).isEqualTo(Frame.FLAG_MORE);
    }

    @Test
    void cutsALongReasonInHeaderAndPayloadAlike() {
        String reason = "r".repeat(1_023) + "é and more";
        byte[] cut = "r".repeat(1_023).getBytes(StandardCharsets.UTF_8);

        for (Frame frame : List.of(
                new Frame.Close(1, 2, reason), new Frame.Cancel(1, 2, reason), new Frame.GoAway(0, 2, 0, reason))) {
            byte[] payload = FrameEncoder.payload(frame).toByteArray();
            assertThat(payload).endsWith(cut);
            assertThat(FrameEncoder.header(frame) >>> 32 & 0xffff).isEqualTo(payload.length);
        }
    }

    @Test
    void refusesWhatNoHeaderCanTell() {
        Payload tooLong = Payload.of(new byte[65_536]);

        for (Frame frame : List.of(
                new Frame.Data(1, tooLong, 0), new Frame.Open(1, tooLong, 0), new Frame.Message(1, tooLong, 0))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> FrameEncoder.header(frame))
                    .withMessageContaining("65536");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> FrameEncoder.header(new Frame.Hello(Payload.of(new byte[16_385]), false)))
                .withMessageContaining("16385");
    }

    @Test
    void refusesWhatEveryPeerWouldTakeForABreach() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> FrameEncoder.header(new Frame.Open(2, Payload.EMPTY, Frame.FLAG_MORE)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> FrameEncoder.header(new Frame.Message(0, Payload.EMPTY, Frame.FLAG_MORE)));
    }

    @Test
    void refusesExtensionsWhichAreOnlyReceived() {
        Frame extension = new Frame.Extension(0x40, 0, 0);

        assertThatIllegalArgumentException().isThrownBy(() -> FrameEncoder.header(extension));
        assertThatIllegalArgumentException().isThrownBy(() -> FrameEncoder.payload(extension));
    }

    private static int flags(Frame frame) {
        return (int) (FrameEncoder.header(frame) >>> 48) & 0xff;
    }
}
