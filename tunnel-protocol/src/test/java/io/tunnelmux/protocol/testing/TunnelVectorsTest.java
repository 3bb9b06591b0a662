package io.tunnelmux.protocol.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The vectors of {@code tunnel} are sound; what an endpoint makes of them is tested where there is one. */
class TunnelVectorsTest {

    private static final MessageCodec CBOR = MessageCodec.of(MessageFormat.CBOR);

    static List<TunnelVector> vectors() {
        return Vectors.tunnels();
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void whatIsReceivedAreWholeFramesOrABreach(TunnelVector vector) {
        int maxFrameBytes = Math.toIntExact(vector.settings().getOrDefault("max_frame", 32_768L));
        for (TunnelStep step : vector.steps()) {
            if (step instanceof TunnelStep.Receive receive) {
                FrameDecoder decoder = new FrameDecoder(maxFrameBytes);
                boolean isBreach = false;
                try {
                    decoder.decode(receive.bytes(), new CollectedFrames());
                } catch (ProtocolException breach) {
                    isBreach = true;
                }
                assertThat(isBreach || decoder.isBetweenFrames()).as("%s", step).isTrue();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void aPeerAnswersAnAgentAndSpeaksFirstToAGateway(TunnelVector vector) {
        if (vector.peerHello() != null) {
            assertThat(vector.peerHello().isReply()).isEqualTo(vector.role() == TunnelVector.Role.AGENT);
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void somethingIsExpected(TunnelVector vector) {
        TunnelStep last = vector.steps().get(vector.steps().size() - 1);

        assertThat(last.getClass().getSimpleName()).startsWith("Expect");
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void openingsThatAreExpectedCanBeRead(TunnelVector vector) {
        for (TunnelStep step : vector.steps()) {
            if (step instanceof TunnelStep.ExpectOpened opened) {
                received(vector, Frame.Open.class)
                        .filter(open -> open.streamId() == opened.streamId() && !open.hasMore())
                        .filter(open -> received(vector, Frame.Open.class)
                                        .filter(piece -> piece.streamId() == open.streamId())
                                        .count()
                                == 1)
                        .forEach(open -> assertThat(CBOR.decode(open.streamId(), open.payload())
                                        .type())
                                .isEqualTo(opened.messageType()));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void malformedOpeningsCannotBeRead(TunnelVector vector) {
        if (vector.name().startsWith("open-malformed-")) {
            Frame.Open open = received(vector, Frame.Open.class).findFirst().orElseThrow();
            assertThatExceptionOfType(ProtocolException.class)
                    .isThrownBy(() -> CBOR.decode(open.streamId(), open.payload()))
                    .satisfies(breach -> assertThat(Breach.of(breach))
                            .isEqualTo(new Breach(open.streamId(), ErrorCode.PROTOCOL_ERROR)));
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void whatTheApplicationSendsCanBeRead(TunnelVector vector) {
        for (TunnelStep step : vector.steps()) {
            if (step instanceof TunnelStep.Open open) {
                assertThat(CBOR.decode(open.streamId(), open.message())).isInstanceOf(Message.ProxyRequest.class);
            } else if (step instanceof TunnelStep.SendMessage send) {
                assertThat(CBOR.decode(send.streamId(), send.message())).isNotInstanceOf(Message.Application.class);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void helloIsReadOrRefusedAsExpected(TunnelVector vector) {
        if (vector.peerHello() != null) {
            HelloCodec.decode(vector.peerHello().payload());
        }
        received(vector, Frame.Hello.class).forEach(hello -> {
            try {
                HelloCodec.decode(hello.payload());
            } catch (ProtocolException breach) {
                Frame answer = new Frame.GoAway(0, breach.code().value(), 0, "");
                assertThat(vector.steps())
                        .anyMatch(step -> step instanceof TunnelStep.Expect expect
                                && expect.frames().stream().anyMatch(frame -> frame.matches(answer)));
            }
        });
    }

    @Test
    void anExpectedFrameMatchesInWhatItTells() {
        ExpectedFrame expected = Vectors.tunnels().stream()
                .filter(vector -> vector.name().equals("ping-answered"))
                .flatMap(vector -> vector.steps().stream())
                .filter(TunnelStep.Expect.class::isInstance)
                .map(step -> ((TunnelStep.Expect) step).frames().get(0))
                .findFirst()
                .orElseThrow();

        assertThat(expected.matches(new Frame.Ping(0x0123_4567_89ab_cdefL, true)))
                .isTrue();
        assertThat(expected.matches(new Frame.Ping(0x0123_4567_89ab_cdefL, false)))
                .isFalse();
        assertThat(expected.matches(new Frame.Ping(1, true))).isFalse();
        assertThat(expected.matches(new Frame.Ack(0x0123_4567_89ab_cdefL))).isFalse();
    }

    @Test
    void anExpectedFrameLeavesOpenWhatItDoesNotTell() {
        ExpectedFrame expected = Vectors.tunnels().stream()
                .filter(vector -> vector.name().equals("half-close"))
                .flatMap(vector -> vector.steps().stream())
                .filter(TunnelStep.Expect.class::isInstance)
                .map(step -> ((TunnelStep.Expect) step).frames().get(0))
                .findFirst()
                .orElseThrow();

        assertThat(expected.matches(new Frame.Message(2, Payload.EMPTY, Frame.FLAG_END)))
                .isTrue();
        assertThat(expected.matches(new Frame.Message(2, Payload.of(new byte[9]), Frame.FLAG_END)))
                .isTrue();
        assertThat(expected.matches(new Frame.Message(2, Payload.EMPTY, 0))).isFalse();
        assertThat(expected.matches(new Frame.Message(4, Payload.EMPTY, Frame.FLAG_END)))
                .isFalse();
        assertThat(expected.matches(new Frame.Data(2, Payload.EMPTY, Frame.FLAG_END)))
                .isFalse();
    }

    @Test
    void framesThatAreTheEndpointsOwnBusinessAreIgnored() {
        TunnelVector vector = new TunnelVector(
                "any",
                TunnelVector.Role.AGENT,
                Map.of(),
                Set.of(),
                null,
                Map.of(),
                TunnelVector.Application.TAKES,
                Set.of("WINDOW 0", "PONG"),
                List.of());

        assertThat(vector.ignores(new Frame.Window(0, 1))).isTrue();
        assertThat(vector.ignores(new Frame.Window(2, 1))).isFalse();
        assertThat(vector.ignores(new Frame.Ping(1, true))).isTrue();
        assertThat(vector.ignores(new Frame.Ping(1, false))).isFalse();
        assertThat(vector.ignores(new Frame.Ack(1))).isFalse();
        assertThat(vector.ignores(new Frame.Close(2, 0, ""))).isFalse();
    }

    private static <F extends Frame> Stream<F> received(TunnelVector vector, Class<F> type) {
        CollectedFrames frames = new CollectedFrames();
        for (TunnelStep step : vector.steps()) {
            if (step instanceof TunnelStep.Receive receive) {
                try {
                    new FrameDecoder(65_535).decode(receive.bytes(), frames);
                } catch (ProtocolException breach) {
                    assertThat(breach.costsTunnel()).isTrue();
                }
            }
        }
        return frames.frames().stream().filter(type::isInstance).map(type::cast);
    }
}
