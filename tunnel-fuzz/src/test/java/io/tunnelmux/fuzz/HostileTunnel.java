package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.testing.PeerBytes;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelLoop;
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
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A whole tunnel in virtual time, whose peer and whose application do what a script of bytes says: frames that fit the state, such frames with a bit
 * turned over, and bytes of any kind; calls of the application; time that passes; a transport that takes nothing for a while.
 */
final class HostileTunnel implements TunnelHandler, Connector {

    private static final MessageCodec CODEC = MessageCodec.of(MessageFormat.CBOR);
    private static final byte[] REQUEST = CODEC.encode(new Message.ProxyRequest(
                    "r1",
                    new Message.HttpHead("GET", "/", null, null, null, Headers.EMPTY),
                    Message.Upgrade.NONE,
                    Message.Destination.ANY,
                    0,
                    null,
                    null))
            .toByteArray();
    private static final byte[] RESPONSE =
            CODEC.encode(new Message.ProxyResponse("r1", 200, Headers.EMPTY)).toByteArray();
    private static final byte[] EVENT = CODEC.encode(
                    new Message.Application("event", "1", null, null, "x".repeat(40), null))
            .toByteArray();
    private static final Settings SETTINGS = Settings.builder()
            .streamWindowBytes(16_384)
            .tunnelWindowBytes(65_536)
            .maxStreams(4)
            .maxMessageBytes(4_096)
            .build();
    private static final long MILLIS_OF_A_STEP = 100;
    /** Frames written for each byte that came, with what the application's own calls and the passing of time bring. */
    private static final long FIXED_FRAMES = 4_000;

    private final ByteBuffer script;
    private final boolean isDialler;
    private final PayloadTracker tracker = new PayloadTracker();
    private final VirtualLoop loop = new VirtualLoop();
    private final PeerBytes transport = new PeerBytes(loop, Settings.DEFAULT_MAX_FRAME_BYTES);
    private final List<Told> told = new ArrayList<>();
    private @Nullable Tunnel tunnel;
    private boolean isOver;
    private int lastId;
    private long receivedBytes;
    private long writtenDataFrames;

    HostileTunnel(byte[] script, boolean isDialler) {
        this.script = ByteBuffer.wrap(script);
        this.isDialler = isDialler;
    }

    void play() {
        TunnelConfig config = TunnelConfig.builder().settings(SETTINGS).build();
        TunnelClient client = null;
        if (isDialler) {
            client = TunnelClient.builder(this)
                    .gateways(List.of(URI.create("fuzz://peer")))
                    .agentId("fuzzed")
                    .config(config)
                    .handler(this)
                    .build();
            client.start();
        } else {
            new TunnelServer(config, (hello, token) -> null, this).onAccepted(transport, null);
        }
        loop.runUntilIdle();
        if ((next() & 1) == 0) {
            receive(hello(), false);
        }
        loop.runUntilIdle();
        while (script.hasRemaining() && !transport.isClosed()) {
            step(next());
            forgetWrittenData();
        }
        transport.letWrite(true);
        loop.runUntilIdle();
        if (client != null) {
            client.close(Duration.ZERO);
        }
        if (tunnel != null) {
            tunnel.close(ErrorCode.NO_ERROR, "");
        }
        transport.cut();
        loop.advance(Duration.ofMinutes(1));
        judge();
    }

    private void judge() {
        assertThat(told).allMatch(each -> each.ends == 1);
        assertThat(tunnel == null || isOver && tunnel.openStreams() == 0).isTrue();
        assertThat(loop.pendingTimers()).as("timers left").isZero();
        assertThat(tracker.alive()).as("payloads not released").isZero();
        assertThat(writtenDataFrames + transport.written().size()).isLessThan(receivedBytes + FIXED_FRAMES);
        assertThat(transport.written()).allMatch(HostileTunnel::hasKnownCode, "codes that are known");
    }

    /** A long script writes more than a test should keep. */
    private void forgetWrittenData() {
        int frames = transport.written().size();
        transport.written().removeIf(Frame.Data.class::isInstance);
        writtenDataFrames += frames - transport.written().size();
    }

    private static boolean hasKnownCode(Frame frame) {
        if (frame instanceof Frame.GoAway goAway) {
            return ErrorCode.of(goAway.code()) != null;
        }
        return !(frame instanceof Frame.Cancel cancel) || ErrorCode.of(cancel.code()) != null;
    }

    private int next() {
        return script.hasRemaining() ? script.get() & 0xff : 0;
    }

    private void step(int what) {
        if (what < 0x80) {
            byte[] frame = frame(what & 0x0f, next(), next());
            if ((what & 0x40) != 0) {
                int at = next() % frame.length;
                frame[at] ^= (byte) next();
            }
            receive(frame, (what & 0x20) != 0);
        } else if (what < 0xc0) {
            int length = (what & 0x3f) << 8 | next();
            byte[] bytes = new byte[Math.min(script.remaining(), length)];
            script.get(bytes);
            receive(bytes, false);
        } else if (what < 0xe0) {
            act(what & 0x1f, next());
        } else if (what < 0xf0) {
            loop.advance(Duration.ofMillis(MILLIS_OF_A_STEP * next()));
        } else if (what < 0xf8) {
            loop.runUntilIdle();
        } else {
            transport.letWrite((what & 1) == 0);
        }
    }

    private void receive(byte[] bytes, boolean isDripping) {
        receivedBytes += bytes.length;
        if (isDripping) {
            for (byte each : bytes) {
                transport.receive(tracker.payload(new byte[] {each}));
            }
        } else {
            transport.receive(tracker.payload(bytes));
        }
    }

    private byte[] hello() {
        Hello.Builder hello = Hello.builder().role(isDialler ? Hello.Role.GATEWAY : Hello.Role.AGENT);
        Hello made = isDialler
                ? hello.sessionId("fuzzed").build()
                : hello.agentId("fuzzed").build();
        return frame(
                0x08,
                isDialler ? Frame.FLAG_REPLY : 0,
                0,
                HelloCodec.encode(made).toByteArray());
    }

    /** A frame that is well-formed, on a stream that was opened or is the next to be. */
    private byte[] frame(int kind, int idByte, int sizeByte) {
        int id = id(idByte);
        int size = sizeByte < 200 ? sizeByte : (sizeByte - 200) * 590;
        return switch (kind) {
            case 0, 1 -> frame(0x00, 0, id, new byte[size]);
            case 2 -> frame(0x00, Frame.FLAG_END, id, new byte[size]);
            case 3 -> frame(0x01, sizeByte & 1, nextId(), REQUEST);
            case 4 -> frame(0x01, Frame.FLAG_MORE, nextId(), piece(REQUEST, sizeByte, true));
            case 5 -> frame(0x01, 0, id, piece(REQUEST, sizeByte, false));
            case 6 -> frame(0x02, sizeByte & 3, id, (sizeByte & 4) == 0 ? RESPONSE : EVENT);
            case 7 -> frame(0x02, 0, 0, EVENT);
            case 8 -> frame(0x03, 0, (idByte & 0x80) == 0 ? id : 0, word(1 + size * size));
            case 9 -> frame(0x04, 0, id, word(sizeByte));
            case 10 -> frame(0x05, 0, id, word(sizeByte));
            case 11 -> frame(0x06, (sizeByte & 1) << 2, 0, new byte[Long.BYTES]);
            case 12 ->
                frame(
                        0x07,
                        0,
                        0,
                        ByteBuffer.allocate(12).putInt(id).putInt(sizeByte).array());
            case 13 -> frame(0x09, 0, 0, new byte[Long.BYTES]);
            case 14 -> frame(0x40 + (idByte & 0x3f), 0, 0, new byte[size]);
            default -> frame(0x02, Frame.FLAG_MORE, id, piece(RESPONSE, sizeByte, true));
        };
    }

    private int id(int idByte) {
        return Math.max(1, lastId - 8 + (idByte & 0x0f));
    }

    private int nextId() {
        lastId = lastId == 0 ? isDialler ? 2 : 1 : lastId + 2;
        return lastId;
    }

    private static byte[] piece(byte[] whole, int at, boolean isFirst) {
        int split = at % whole.length;
        return isFirst ? Arrays.copyOf(whole, split) : Arrays.copyOfRange(whole, split, whole.length);
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

    private void act(int what, int which) {
        if (tunnel == null || isOver) {
            return;
        }
        if (what >= 0x1c) {
            Told opener = new Told();
            told.add(opener);
            opener.stream =
                    tunnel.open(new Message.Application("event", "1", null, null, null, null), what == 0x1c, opener);
        } else if (what == 0x1b) {
            tunnel.drain("fuzzed", Duration.ofSeconds(which));
        } else if (what == 0x1a) {
            tunnel.ping().exceptionally(failure -> null);
        } else if (what == 0x19) {
            tunnel.send(new Message.Application("event", "1", null, null, null, null));
        } else if (!told.isEmpty()) {
            act(told.get(which % told.size()).stream, what, which);
        }
    }

    private void act(TunnelStream stream, int what, int which) {
        try {
            switch (what & 7) {
                case 0, 1 -> stream.write(tracker.payload(new byte[which * 200]));
                case 2 -> stream.writeLast(tracker.payload(new byte[which]));
                case 3 -> stream.send(new Message.ProxyResponse("r1", 200, Headers.EMPTY), (which & 1) != 0);
                case 4 -> stream.end();
                case 5 -> stream.close(ErrorCode.UPSTREAM_RESET, "");
                case 6 -> stream.cancel(ErrorCode.CANCELLED, "");
                default -> stream.consumed(which * 64);
            }
        } catch (IllegalStateException e) {
            assertThat(e).hasMessageContaining("was ended by this side");
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageContaining("received and not yet taken");
        }
    }

    @Override
    public void onOpened(Tunnel opened) {
        tunnel = opened;
    }

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        Told handler = new Told();
        handler.stream = stream;
        told.add(handler);
        return handler;
    }

    @Override
    public void onMessage(Tunnel on, Message message) {
        assertThat(isOver).isFalse();
    }

    @Override
    public void onDraining(Tunnel draining) {
        assertThat(isOver).isFalse();
    }

    @Override
    public void onClosed(Tunnel closed, Outcome outcome) {
        assertThat(isOver).isFalse();
        isOver = true;
    }

    @Override
    public TunnelLoop loop() {
        return loop;
    }

    /** Once; later attempts stand still until the client is closed. */
    @Override
    public CompletionStage<Transport> connect(URI address, @Nullable String token) {
        return transport.isStarted() ? new CompletableFuture<>() : CompletableFuture.completedFuture(transport);
    }

    private static final class Told implements StreamHandler {

        private @Nullable TunnelStream stream;
        private int ends;

        @Override
        public void onMessage(TunnelStream from, Message message, boolean isEnd) {
            assertThat(ends).isZero();
        }

        @Override
        public void onData(TunnelStream from, Frame.Data data) {
            data.payload().release();
            assertThat(ends).isZero();
        }

        @Override
        public void onWritable(TunnelStream from) {
            assertThat(ends).isZero();
        }

        @Override
        public void onClosed(TunnelStream from, Outcome outcome) {
            ends++;
        }
    }
}
