package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.PeerBytes;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.FrameEncoder;
import io.tunnelmux.protocol.codec.MessageCodec;
import io.tunnelmux.protocol.testing.ExpectedFrame;
import io.tunnelmux.protocol.testing.TunnelStep;
import io.tunnelmux.protocol.testing.TunnelVector;
import io.tunnelmux.protocol.testing.Vectors;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A real tunnel does what the vectors of {@code vectors/tunnel} say that an endpoint does. */
class TunnelVectorsTest {

    /** They ask that messages wait for the application; here each is handed on at once, and none ever waits. */
    private static final Set<String> ABOUT_WAITING_MESSAGES =
            Set.of("messages-waiting-65", "messages-waiting-over-max-message");

    static List<TunnelVector> vectors() {
        return Vectors.tunnels().stream()
                .filter(vector -> !ABOUT_WAITING_MESSAGES.contains(vector.name()))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void answersAsTheVectorSays(TunnelVector vector) {
        Endpoint endpoint = new Endpoint(vector);
        endpoint.begin();
        vector.steps().forEach(endpoint::follow);
    }

    private static final class Endpoint implements Tunnel.Owner {

        private final VirtualLoop loop = new VirtualLoop();
        private final MessageCodec codec = MessageCodec.of(MessageFormat.CBOR);
        private final Map<Integer, Long> sentBytes = new HashMap<>();
        private final Map<Integer, Boolean> sentEnd = new HashMap<>();
        private final TunnelVector vector;
        private final VectorApplication application;
        private final PeerBytes transport;
        private final Tunnel tunnel;

        Endpoint(TunnelVector vector) {
            this.vector = vector;
            application = new VectorApplication(vector.application());
            transport = new PeerBytes(loop, settings(vector.peerSettings()).maxFrameBytes());
            TunnelConfig config = TunnelConfig.builder()
                    .settings(settings(vector.settings()))
                    .capabilities(vector.capabilities())
                    .build();
            tunnel = new Tunnel(transport, config, handshake(config), application, this);
        }

        private Handshake handshake(TunnelConfig config) {
            boolean isAgent = vector.role() == TunnelVector.Role.AGENT;
            Hello hello = Hello.builder()
                    .role(isAgent ? Hello.Role.AGENT : Hello.Role.GATEWAY)
                    .agentId(isAgent ? "demo" : null)
                    .sessionId(isAgent ? null : "none yet")
                    .capabilities(config.capabilities())
                    .settings(config.settings())
                    .build();
            return isAgent
                    ? new Handshake.Dialler(hello)
                    : new Handshake.Acceptor(hello, config.messageFormat(), (peer, token) -> null, null);
        }

        void begin() {
            tunnel.start();
            loop.runUntilIdle();
            Frame.Hello hello = vector.peerHello();
            if (hello != null) {
                byte[] header = ByteBuffer.allocate(FrameEncoder.HEADER_BYTES)
                        .putLong(FrameEncoder.header(hello))
                        .array();
                transport.receive(Payload.of(header));
                transport.receive(hello.payload());
                loop.runUntilIdle();
                assertThat(transport.written())
                        .as("the handshake")
                        .singleElement()
                        .isInstanceOf(Frame.Hello.class);
                transport.written().clear();
            }
        }

        void follow(TunnelStep step) {
            if (step instanceof TunnelStep.Receive receive) {
                transport.receive(receive.bytes());
            } else if (step instanceof TunnelStep.Advance advance) {
                loop.advance(Duration.ofMillis(advance.millis()));
            } else if (step instanceof TunnelStep.Open open) {
                application.opens(open.streamId(), message(open.streamId(), open.message()), open.isEnd());
            } else if (step instanceof TunnelStep.SendMessage send) {
                application.stream(send.streamId()).send(message(send.streamId(), send.message()), send.isEnd());
            } else if (step instanceof TunnelStep.SendData send && send.isEnd()) {
                application.stream(send.streamId()).writeLast(send.data());
            } else if (step instanceof TunnelStep.SendData send) {
                application.stream(send.streamId()).write(send.data());
            } else if (step instanceof TunnelStep.Close close) {
                application.stream(close.streamId()).close(close.code(), "");
            } else if (step instanceof TunnelStep.Cancel cancel) {
                application.stream(cancel.streamId()).cancel(cancel.code(), "");
            } else if (step instanceof TunnelStep.Consume consume) {
                application.stream(consume.streamId()).consumed(consume.bytes());
            } else if (step instanceof TunnelStep.Drain) {
                tunnel.drain("", Duration.ofHours(1));
            } else {
                judge(step);
            }
            loop.runUntilIdle();
        }

        private void judge(TunnelStep step) {
            if (step instanceof TunnelStep.Expect expect) {
                expect(expect.frames());
            } else if (step instanceof TunnelStep.ExpectSent sent) {
                countDataOf(sent.streamId());
                assertThat(sentBytes.get(sent.streamId())).as("%s", step).isEqualTo(sent.bytes());
                assertThat(sentEnd.get(sent.streamId())).as("%s", step).isEqualTo(sent.isEnd());
            } else if (step instanceof TunnelStep.ExpectClosed) {
                assertThat(transport.isClosed()).as("%s", step).isTrue();
            } else if (step instanceof TunnelStep.ExpectOpened opened) {
                assertThat(application.seen(opened.streamId()).openedWith)
                        .as("%s", step)
                        .isEqualTo(opened.messageType());
            } else if (step instanceof TunnelStep.ExpectMessage expected) {
                VectorApplication.Told told = new VectorApplication.Told(expected.messageType(), expected.isEnd());
                assertThat(application.seen(expected.streamId()).messages)
                        .as("%s", step)
                        .contains(told);
                while (!told.equals(
                        application.seen(expected.streamId()).messages.remove())) {
                    // What no step mentions is not compared.
                }
            } else if (step instanceof TunnelStep.ExpectData expected) {
                VectorApplication.Seen seen = application.seen(expected.streamId());
                assertThat(seen.data.toByteArray())
                        .as("%s", step)
                        .isEqualTo(expected.data().toByteArray());
                assertThat(seen.isEnd).as("%s", step).isEqualTo(expected.isEnd());
                seen.data.reset();
            } else if (step instanceof TunnelStep.ExpectEnded ended) {
                Outcome outcome = application.seen(ended.streamId()).outcome;
                assertThat(outcome).as("%s", step).isNotNull();
                assertThat(outcome.code()).as("%s", step).isEqualTo(ended.code().value());
            } else {
                throw new AssertionError("no such step: " + step);
            }
        }

        private void expect(List<ExpectedFrame> expected) {
            transport.written().removeIf(vector::ignores);
            List<Frame> written = List.copyOf(transport.written());
            transport.written().clear();
            assertThat(written).as("frames, expected are %s", expected).hasSameSizeAs(expected);
            for (int i = 0; i < written.size(); i++) {
                assertThat(expected.get(i).matches(written.get(i)))
                        .as("%s, expected is %s", written.get(i), expected.get(i))
                        .isTrue();
            }
            if (expected.isEmpty()) {
                assertThat(transport.isClosed()).as("the transport is closed").isFalse();
            }
        }

        private void countDataOf(int streamId) {
            List<Frame> others = new ArrayList<>();
            sentBytes.putIfAbsent(streamId, 0L);
            sentEnd.putIfAbsent(streamId, false);
            for (Frame frame : transport.written()) {
                if (frame instanceof Frame.Data data && data.streamId() == streamId) {
                    sentBytes.merge(streamId, (long) data.payload().length(), Long::sum);
                    sentEnd.merge(streamId, data.isEnd(), Boolean::logicalOr);
                } else {
                    others.add(frame);
                }
            }
            transport.written().clear();
            transport.written().addAll(others);
        }

        private Message message(int streamId, Payload payload) {
            return codec.decode(streamId, payload);
        }

        private static Settings settings(Map<String, Long> values) {
            Settings.Builder settings = Settings.builder();
            values.forEach((name, value) -> {
                int number = Math.toIntExact(value);
                switch (name) {
                    case "max_frame" -> settings.maxFrameBytes(number);
                    case "max_message" -> settings.maxMessageBytes(number);
                    case "max_streams" -> settings.maxStreams(number);
                    case "stream_window" -> settings.streamWindowBytes(number);
                    case "tunnel_window" -> settings.tunnelWindowBytes(number);
                    case "keepalive_ms" -> settings.keepaliveMillis(number);
                    case "keepalive_timeout_ms" -> settings.keepaliveTimeoutMillis(number);
                    case "resume_timeout_ms" -> settings.resumeTimeoutMillis(number);
                    default -> throw new IllegalArgumentException("no such setting: " + name);
                }
            });
            return settings.build();
        }

        @Override
        public void onOpened(Tunnel opened) {}

        @Override
        public void onDraining(Tunnel draining) {}

        @Override
        public void onEnded(Tunnel ended, Outcome outcome) {}
    }
}
