package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How a transport ends, and what each side is told of it. */
class NettyTransportEndTest extends EmbeddedTransport {
    @ParameterizedTest
    @EnumSource(ErrorCode.class)
    void closesWithTheCodeThatTheWireNames(ErrorCode code) {
        int expected = switch (code) {
            case NO_ERROR -> 1_000;
            case PROTOCOL_ERROR, FLOW_CONTROL_ERROR, UNSUPPORTED, TIMEOUT -> 1_002;
            case UNAUTHORIZED, FORBIDDEN -> 1_008;
            case FRAME_TOO_LARGE -> 1_009;
            case SHUTTING_DOWN -> 1_012;
            case OVERLOADED, CALM_DOWN -> 1_013;
            case SUPERSEDED -> 4_001;
            default -> 1_011;
        };

        transport.close(code, "so it is");

        assertThat(sent()).containsExactly(Sent.close(expected, "so it is"));
    }

    @Test
    void aReasonTooLongForACloseFrameIsCutBetweenCharacters() {
        transport.close(ErrorCode.NO_ERROR, "x" + "ü".repeat(100));

        assertThat(sent()).containsExactly(Sent.close(1_000, "x" + "ü".repeat(61)));
    }

    @Test
    void closesTheChannelWhenThePeerSaysGoodbyeToo() {
        transport.close(ErrorCode.NO_ERROR, "");
        assertThat(channel.isOpen()).isTrue();

        receive(RawFrames.masked().close(1_000, new byte[0]));

        assertThat(channel.isOpen()).isFalse();
        assertThat(recorder.cause()).isNull();
        assertThat(sent()).containsExactly(Sent.close(1_000, ""));
    }

    @Test
    void closesTheChannelAfterTwoSecondsIfThePeerSaysNothing() {
        transport.close(ErrorCode.NO_ERROR, "");
        channel.advanceTimeBy(1_999, TimeUnit.MILLISECONDS);
        channel.runPendingTasks();
        assertThat(channel.isOpen()).isTrue();

        channel.advanceTimeBy(1, TimeUnit.MILLISECONDS);
        channel.runPendingTasks();
        assertThat(channel.isOpen()).isFalse();
        assertThat(recorder.closedCalls()).isEqualTo(1);
    }

    @Test
    void answersTheGoodbyeOfThePeerBehindWhatWasWritten() {
        transport.write(new Frame.Ping(1, false));

        receive(RawFrames.masked().close(1_001, text("bye")));

        assertThat(sent()).containsExactly(new Sent(2, frames(new Frame.Ping(1, false))), Sent.close(1_001, ""));
        assertThat(channel.isOpen()).isFalse();
        assertThat(recorder.closedCalls()).isEqualTo(1);
    }

    @Test
    void anEmptyGoodbyeGetsAnEmptyAnswerAndIsNoFault() {
        receive(RawFrames.masked().frame(8, new byte[0]));

        assertThat(sent()).containsExactly(new Sent(8, new byte[0]));
        assertThat(recorder.cause()).isNull();
    }

    @Test
    void tellsWithWhatThePeerClosed() {
        receive(RawFrames.masked().close(1_013, text("full")));

        assertThat(recorder.cause())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("1013")
                .hasMessageContaining("full");
        assertThat(sent()).hasSize(1);
    }

    @Test
    void findsTheGoodbyeOfThePeerAlsoAfterABreachOfFrames() {
        receive(RawFrames.masked().frame(2, new byte[] {0x0a, 0, 0, 0, 0, 0, 0, 0}));
        transport.close(ErrorCode.PROTOCOL_ERROR, "reserved");
        receive(RawFrames.masked().frame(2, frames(new Frame.Ping(1, false))).close(1_002, new byte[0]));

        assertThat(channel.isOpen()).isFalse();
        assertThat(sent()).containsExactly(Sent.close(1_002, "reserved"));
        assertThat(recorder.frames()).isEmpty();
    }

    @Test
    void aLostConnectionIsToldWithItsCause() {
        channel.pipeline().fireExceptionCaught(new IOException("reset by peer"));
        channel.runPendingTasks();

        assertThat(recorder.cause()).isInstanceOf(IOException.class).hasMessage("reset by peer");
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void anEndWithoutGoodbyeIsALoss() {
        transport.write(new Frame.Data(1, tracker.payload(new byte[10]), 0));

        channel.close();
        channel.runPendingTasks();

        assertThat(recorder.cause()).isInstanceOf(IOException.class).hasMessageContaining("lost");
    }
}
