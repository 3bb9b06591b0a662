package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.PeerBytes;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A peer that sends whatever can be said in frames, and an application that does whatever can be called: nothing may break but the tunnel. */
class HostilePeerTest {

    private static final int SEEDS = 3_000;
    /** Of a thousand frames, how many are anything at all. */
    private static final int[] WILDNESS = {0, 10, 50, 200, 1_000};

    private static final int MOST_FRAMES = 120;
    private static final int[] IDS = {0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 11, 12, Integer.MAX_VALUE};
    private static final int[] INCREMENTS = {0, 1, 1, 1_000, 1_000, 100_000, Integer.MAX_VALUE, -1, Integer.MIN_VALUE};
    private static final MessageCodec CODEC = MessageCodec.of(MessageFormat.CBOR);
    private static final List<Message> MESSAGES = List.of(
            Rig.request(),
            Rig.request("r2", "/" + "x".repeat(3_000)),
            new Message.ProxyResponse("r1", 200, Headers.EMPTY),
            new Message.ProxyTrailers(Headers.EMPTY),
            new Message.Application("whatever", null, null, null, "x", null));

    @Test
    void costsNothingButTheTunnel() {
        int ended = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            try {
                ended += new Encounter(seed).play() ? 1 : 0;
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        // Neither so tame that nothing is ever wrong, nor so wild that nothing ever gets far.
        assertThat(ended).isBetween(SEEDS / 10, SEEDS - SEEDS / 10);
    }

    private static final class Encounter implements TunnelHandler, Tunnel.Owner {

        private final SplittableRandom random;
        private final int wildness;
        private final PayloadTracker tracker = new PayloadTracker();
        private final VirtualLoop loop = new VirtualLoop();
        private final PeerBytes transport = new PeerBytes(loop, Settings.DEFAULT_MAX_FRAME_BYTES);
        private final List<Told> told = new ArrayList<>();
        private final List<Outcome> outcomes = new ArrayList<>();
        private final Tunnel tunnel;

        Encounter(long seed) {
            random = new SplittableRandom(seed);
            wildness = WILDNESS[random.nextInt(WILDNESS.length)];
            Settings settings = Settings.builder()
                    .streamWindowBytes(16_384)
                    .tunnelWindowBytes(65_536)
                    .maxStreams(3)
                    .maxMessageBytes(4_096)
                    .build();
            Hello template = Hello.builder()
                    .role(Hello.Role.GATEWAY)
                    .sessionId("none yet")
                    .capabilities(Set.of(Capabilities.TCP))
                    .settings(settings)
                    .build();
            TunnelConfig config = TunnelConfig.builder().settings(settings).build();
            Handshake handshake = new Handshake.Acceptor(template, MessageFormat.CBOR, (hello, token) -> null, null);
            tunnel = new Tunnel(transport, config, handshake, this, this);
        }

        /** Returns whether the peer went too far. */
        boolean play() {
            tunnel.start();
            Hello hello = Hello.builder().role(Hello.Role.AGENT).agentId("demo").build();
            receive(frame(8, 0, 0, HelloCodec.encode(hello).toByteArray()));
            int frames = random.nextInt(MOST_FRAMES);
            for (int i = 0; i < frames && !tunnel.isEnded(); i++) {
                receive(anyFrame());
                if (random.nextInt(4) == 0 && !told.isEmpty()) {
                    act(told.get(random.nextInt(told.size())).stream);
                }
                if (random.nextInt(20) == 0 && !tunnel.isEnded()) {
                    opens();
                }
                if (random.nextBoolean()) {
                    loop.runUntilIdle();
                }
            }
            loop.runUntilIdle();
            boolean wentTooFar = tunnel.isEnded();
            assertThat(outcomes).hasSize(wentTooFar ? 1 : 0);
            assertThat(transport.isClosed()).isEqualTo(wentTooFar);
            if (wentTooFar && outcomes.get(0).isLocal()) {
                Frame last = transport.written().get(transport.written().size() - 1);
                assertThat(last).isInstanceOf(Frame.GoAway.class);
            }
            tunnel.close(ErrorCode.NO_ERROR, "");
            loop.runUntilIdle();
            assertThat(told).allMatch(each -> each.ends == 1);
            assertThat(tunnel.openStreams()).isZero();
            assertThat(tracker.alive()).isZero();
            assertThat(loop.pendingTimers()).isZero();
            return wentTooFar;
        }

        private void receive(byte[] bytes) {
            transport.receive(tracker.payload(bytes));
        }

        private byte[] anyFrame() {
            return random.nextInt(1_000) < wildness ? wildFrame() : tameFrame();
        }

        /** What a peer may send that knows the rules and keeps to them, mostly. */
        private byte[] tameFrame() {
            List<TunnelStream> open = new ArrayList<>();
            tunnel.streams().forEach(open::add);
            if (open.isEmpty() || random.nextInt(8) == 0) {
                int last = tunnel.streams().lastRemoteId();
                return frame(1, random.nextInt(4) == 0 ? 1 : 0, last == 0 ? 1 : last + 2, request());
            }
            TunnelStream stream = open.get(random.nextInt(open.size()));
            int id = stream.sending.isOpenSent() ? stream.id() : 0;
            int flags = random.nextInt(8) == 0 ? 1 : 0;
            return switch (id == 0 ? 3 : random.nextInt(16)) {
                case 0, 1 -> frame(2, flags, id, response());
                case 2 -> frame(3, 0, id, word(1 + random.nextInt(9_000)));
                case 3 -> frame(3, 0, 0, word(1 + random.nextInt(9_000)));
                case 4 -> frame(4, 0, id, word(0));
                case 5 -> frame(5, 0, id, word(7));
                case 6 -> frame(6, 0, 0, new byte[8]);
                default -> frame(0, flags, id, new byte[random.nextInt(random.nextInt(4_000) + 1)]);
            };
        }

        private byte[] request() {
            return CODEC.encode(Rig.request()).toByteArray();
        }

        private byte[] response() {
            return CODEC.encode(MESSAGES.get(2)).toByteArray();
        }

        private byte[] wildFrame() {
            int id = IDS[random.nextInt(IDS.length)];
            int flags = random.nextInt(3) > 0 ? 0 : random.nextInt(32);
            return switch (random.nextInt(40)) {
                case 0, 1, 2, 3, 4, 5 -> open(id, flags);
                case 6, 7, 8, 9, 10, 11 -> frame(2, flags, id, anyMessage());
                case 12, 13, 14, 15 -> frame(3, flags, id, word(INCREMENTS[random.nextInt(INCREMENTS.length)]));
                case 16, 17, 18 -> frame(4, flags, Math.max(1, id), word(random.nextInt(20)));
                case 19, 20 -> frame(5, flags, Math.max(1, id), word(random.nextInt(20)));
                case 21 -> frame(6, flags, 0, new byte[8]);
                case 22 -> random.nextInt(6) > 0 ? frame(9, 0, 0, new byte[8]) : frame(7, 0, 0, new byte[12]);
                case 23 -> frame(0x40 + random.nextInt(0xc0), flags, id, new byte[random.nextInt(20)]);
                case 24 ->
                    random.nextInt(5) > 0
                            ? frame(0, 0, 1, new byte[10])
                            : frame(random.nextInt(256), flags, id, word(1));
                default -> frame(0, flags, Math.max(1, id), new byte[random.nextInt(random.nextInt(9_000) + 1)]);
            };
        }

        private byte[] open(int id, int flags) {
            int next = random.nextInt(3) > 0 ? tunnel.streams().lastRemoteId() + 2 : id;
            boolean isFirst = tunnel.streams().lastRemoteId() == 0 && random.nextBoolean();
            return frame(1, flags, Math.max(1, isFirst ? 1 : next | 1), anyMessage());
        }

        private byte[] anyMessage() {
            byte[] bytes =
                    CODEC.encode(MESSAGES.get(random.nextInt(MESSAGES.size()))).toByteArray();
            int from = random.nextInt(10) > 0 ? 0 : random.nextInt(bytes.length);
            int to = random.nextInt(10) > 0 ? bytes.length : random.nextInt(from, bytes.length + 1);
            return Arrays.copyOfRange(bytes, from, to);
        }

        private static byte[] word(int value) {
            return ByteBuffer.allocate(Integer.BYTES).putInt(value).array();
        }

        private static byte[] frame(int type, int flags, int id, byte[] payload) {
            return ByteBuffer.allocate(8 + payload.length)
                    .put((byte) type)
                    .put((byte) flags)
                    .putShort((short) payload.length)
                    .putInt(id)
                    .put(payload)
                    .array();
        }

        private void opens() {
            Told handler = new Told();
            told.add(handler);
            handler.stream = tunnel.open(Rig.request(), random.nextInt(4) == 0, handler);
        }

        private void act(TunnelStream stream) {
            try {
                switch (random.nextInt(9)) {
                    case 0, 1, 2 -> stream.write(tracker.payload(new byte[random.nextInt(30_000)]));
                    case 3 -> stream.writeLast(tracker.payload(new byte[random.nextInt(3_000)]));
                    case 4 -> stream.send(MESSAGES.get(random.nextInt(MESSAGES.size())), random.nextInt(3) == 0);
                    case 5 -> stream.end();
                    case 6 -> stream.close(ErrorCode.UPSTREAM_RESET, "");
                    case 7 -> stream.cancel(ErrorCode.CANCELLED, "");
                    default -> stream.consumed(random.nextInt(3_000));
                }
            } catch (IllegalStateException e) {
                assertThat(e).hasMessageContaining("was ended by this side");
            } catch (IllegalArgumentException e) {
                assertThat(e).hasMessageContaining("received and not yet taken");
            }
        }

        @Override
        public void onOpened(Tunnel opened) {}

        @Override
        public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            if (random.nextInt(12) == 0) {
                return null;
            }
            Told handler = new Told();
            handler.stream = stream;
            told.add(handler);
            if (random.nextInt(6) == 0) {
                act(stream);
            }
            return handler;
        }

        @Override
        public void onClosed(Tunnel closed, Outcome outcome) {}

        @Override
        public void onDraining(Tunnel draining) {}

        @Override
        public void onEnded(Tunnel endedTunnel, Outcome outcome) {
            outcomes.add(outcome);
        }

        private final class Told implements StreamHandler {

            private TunnelStream stream;
            private int ends;

            private void onCall() {
                assertThat(ends).isZero();
                if (random.nextInt(5) == 0) {
                    act(stream);
                }
                if (random.nextInt(30) == 0) {
                    throw new IllegalStateException("on purpose");
                }
            }

            @Override
            public void onMessage(TunnelStream from, Message message, boolean isEnd) {
                onCall();
            }

            @Override
            public void onData(TunnelStream from, Frame.Data data) {
                data.payload().release();
                onCall();
            }

            @Override
            public void onWritable(TunnelStream from) {
                onCall();
            }

            @Override
            public void onClosed(TunnelStream from, Outcome outcome) {
                assertThat(ends).isZero();
                ends++;
            }
        }
    }
}
