package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.core.transport.InMemoryTransport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the methods of a stream do when they are called at odd times, and from elsewhere than the loop. */
class StreamCallsTest {

    private static final Message RESPONSE = new Message.ProxyResponse("r1", 200, Headers.EMPTY);
    private static final int WRITES = 2_000;
    private static final long PATIENCE_SECONDS = 30;

    private final PayloadTracker tracker = new PayloadTracker();

    @Test
    void nothingIsWrittenBehindTheEndAndItIsFreedAllTheSame() {
        Rig rig = Rig.open();
        TunnelStream ended = rig.opens();
        ended.end();
        TunnelStream closed = rig.opens();
        closed.close(ErrorCode.NO_ERROR, "");

        for (TunnelStream stream : List.of(ended, closed)) {
            assertThatIllegalStateException().isThrownBy(() -> stream.write(tracker.payload(new byte[5])));
            assertThatIllegalStateException().isThrownBy(() -> stream.writeLast(tracker.payload(new byte[5])));
            assertThatIllegalStateException().isThrownBy(() -> stream.send(RESPONSE, false));
        }
        ended.end();
        closed.end();
        closed.close(ErrorCode.INTERNAL_ERROR, "again");
        rig.loop.runUntilIdle();

        assertThat(tracker.alive()).isZero();
        assertThat(rig.handler(closed).outcome()).isEqualTo(Outcome.local(ErrorCode.NO_ERROR, ""));
        assertThat(rig.handler(ended).outcome()).isNull();
    }

    @Test
    void aStreamEndsWithTheApplicationsOwnCodesAndWithNoneThatMeansNothing() {
        Rig rig = Rig.open();
        TunnelStream closed = rig.opens();
        TunnelStream cancelled = rig.opens();
        rig.peer.takeReceived();

        for (int unknown : List.of(20, 255)) {
            assertThatIllegalArgumentException().isThrownBy(() -> closed.close(unknown, ""));
            assertThatIllegalArgumentException().isThrownBy(() -> closed.cancel(unknown, ""));
        }
        closed.close(256, "mine");
        cancelled.cancel(-1, "the highest");
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived())
                .containsExactlyInAnyOrder(
                        new Frame.Close(closed.id(), 256, "mine"),
                        new Frame.Cancel(cancelled.id(), 0xffff_ffff, "the highest"));
        assertThat(rig.handler(closed).outcome()).isEqualTo(Outcome.local(256, "mine"));
    }

    @Test
    void afterTheEndAllCallsDoNothingButFreeWhatTheyAreGiven() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.peer.sends(new Frame.Cancel(stream.id(), ErrorCode.CANCELLED.value(), ""));
        rig.peer.takeReceived();

        stream.write(tracker.payload(new byte[5]));
        stream.writeLast(tracker.payload(new byte[5]));
        stream.send(RESPONSE, true);
        stream.end();
        stream.consumed(1_000_000);
        stream.close(ErrorCode.NO_ERROR, "");
        stream.cancel(ErrorCode.NO_ERROR, "");
        rig.loop.runUntilIdle();

        assertThat(tracker.alive()).isZero();
        assertThat(rig.peer.takeReceived()).isEmpty();
    }

    @Test
    void emptyWritesAreNothingUnlessTheyAreTheLast() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.write(tracker.payload(new byte[0]));
        rig.loop.runUntilIdle();
        assertThat(rig.peer.takeReceived()).isEmpty();
        stream.writeLast(tracker.payload(new byte[0]));
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived()).containsExactly(Rig.lastData(stream.id(), 0));
        assertThat(tracker.alive()).isZero();
    }

    @Test
    void isWritableUpTo64KibAndAgainFrom32KibOn() {
        Rig rig = Rig.open(
                Settings.DEFAULTS, Settings.builder().streamWindowBytes(16_384).build());
        TunnelStream stream = rig.opens();

        stream.write(Rig.bytes(16_384));
        rig.loop.runUntilIdle();
        stream.write(Rig.bytes(SendHalf.HIGH_WATER_BYTES - 1));
        assertThat(stream.isWritable()).isTrue();
        stream.write(Rig.bytes(1));
        assertThat(stream.isWritable()).isFalse();

        rig.peer.sends(new Frame.Window(stream.id(), SendHalf.LOW_WATER_BYTES - 1));
        assertThat(rig.handler(stream).writableCalls()).isZero();
        rig.peer.sends(new Frame.Window(stream.id(), 1));
        assertThat(rig.handler(stream).writableCalls()).isEqualTo(1);
        rig.peer.sends(new Frame.Window(stream.id(), 100_000));
        assertThat(rig.handler(stream).writableCalls()).isEqualTo(1);
    }

    @Test
    void aHandlerThatIsChosenForAStreamWhichEndsMeanwhileIsToldOfTheEnd() {
        for (boolean closes : List.of(true, false)) {
            RecordingHandler handler = new RecordingHandler();
            Rig rig = Rig.accepting((stream, request) -> {
                if (closes) {
                    stream.close(ErrorCode.REFUSED, "no");
                } else {
                    stream.cancel(ErrorCode.REFUSED, "no");
                }
                return handler;
            });

            rig.peer.opens(1, Rig.request(), 0).sends(Rig.data(1, 10));

            assertThat(handler.outcome()).isEqualTo(Outcome.local(ErrorCode.REFUSED, "no"));
            assertThat(handler.bytes()).isEmpty();
            assertThat(rig.peer.takeReceived()).hasSize(1);
        }
    }

    @Test
    void aTunnelsHandlerThatFailsCostsTheStream() {
        Rig rig = Rig.accepting((stream, request) -> {
            throw new IllegalStateException("on purpose");
        });

        rig.peer.opens(1, Rig.request(), 0);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .extracting(Frame.Cancel::code)
                .containsExactly(ErrorCode.INTERNAL_ERROR.value());
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void callsFromElsewhereArriveInTheirOrder() throws Exception {
        try (Joined joined = new Joined()) {
            RecordingHandler handler = new RecordingHandler();
            TunnelStream stream = joined.tunnel().open(Rig.request(), false, handler);
            for (int i = 0; i < WRITES; i++) {
                stream.write(tracker.payload(
                        ByteBuffer.allocate(Integer.BYTES).putInt(i).array()));
                if (i % 100 == 0) {
                    stream.send(RESPONSE, false);
                }
            }
            stream.end();
            stream.end();

            byte[] bytes = joined.peer.whole();

            assertThat(bytes).hasSize(WRITES * Integer.BYTES);
            ByteBuffer numbers = ByteBuffer.wrap(bytes);
            for (int i = 0; i < WRITES; i++) {
                assertThat(numbers.getInt()).isEqualTo(i);
            }
            assertThat(joined.peer.messagesBehind).hasSize(WRITES / 100).isSorted();
            assertThat(stream.id()).isEqualTo(2);
        }
        assertThat(tracker.alive()).isZero();
    }

    @Test
    void callsOnTheLoopWaitForAnOpenFromElsewhereThatHasNotArrived() throws Exception {
        try (Joined joined = new Joined()) {
            Tunnel tunnel = joined.tunnel();
            CompletableFuture<TunnelStream> opened = new CompletableFuture<>();
            CompletableFuture<Boolean> isBlocked = new CompletableFuture<>();
            joined.left.execute(() -> {
                isBlocked.complete(true);
                TunnelStream stream = opened.join();
                // Opened elsewhere while this task runs: its opening stands behind it in the queue of the loop.
                stream.write(tracker.payload(new byte[] {1, 2, 3}));
                stream.end();
            });
            isBlocked.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            opened.complete(tunnel.open(Rig.request(), false, new RecordingHandler()));

            assertThat(joined.peer.whole()).containsExactly(1, 2, 3);
        }
        assertThat(tracker.alive()).isZero();
    }

    @Test
    void aMistakeFromElsewhereCostsTheStream() throws Exception {
        try (Joined joined = new Joined()) {
            CompletableFuture<Outcome> ended = new CompletableFuture<>();
            TunnelStream stream = joined.tunnel().open(Rig.request(), false, new EndListener(ended));

            stream.end();
            stream.write(tracker.payload(new byte[5]));

            assertThat(ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS).is(ErrorCode.INTERNAL_ERROR))
                    .isTrue();
        }
        assertThat(tracker.alive()).isZero();
    }

    @Test
    void aRequestFromElsewhereThatCannotBeWrittenEndsItsStream() throws Exception {
        try (Joined joined = new Joined()) {
            CompletableFuture<Outcome> ended = new CompletableFuture<>();

            TunnelStream stream =
                    joined.tunnel().open(new Message.ProxyStreamClose("r1", 0, ""), false, new EndListener(ended));
            stream.write(tracker.payload(new byte[5]));

            assertThat(ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS).is(ErrorCode.INTERNAL_ERROR))
                    .isTrue();
        }
        assertThat(tracker.alive()).isZero();
    }

    /** Tells how a stream ended. */
    private record EndListener(CompletableFuture<Outcome> ended) implements StreamHandler {

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {}

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            data.payload().release();
        }

        @Override
        public void onWritable(TunnelStream stream) {}

        @Override
        public void onClosed(TunnelStream stream, Outcome outcome) {
            ended.complete(outcome);
        }
    }

    /** A gateway's tunnel on a thread of its own; the peer, on another, collects one stream. */
    private static final class Joined implements AutoCloseable, TunnelHandler {

        final ThreadLoop left = new ThreadLoop("gateway");
        final ThreadLoop right = new ThreadLoop("agent");
        final Peer peer;
        private final CompletableFuture<Tunnel> tunnel = new CompletableFuture<>();
        private final CompletableFuture<Outcome> ended = new CompletableFuture<>();

        Joined() {
            InMemoryTransport.Pair pipe = InMemoryTransport.pair(left, right);
            peer = new Peer();
            left.execute(() -> new TunnelServer(TunnelConfig.DEFAULTS, (hello, token) -> null, this)
                    .onAccepted(pipe.left(), null));
            right.execute(() -> {
                pipe.right().start(peer, Hello.MAX_BYTES);
                Hello hello =
                        Hello.builder().role(Hello.Role.AGENT).agentId("demo").build();
                pipe.right().write(new Frame.Hello(HelloCodec.encode(hello), false));
                pipe.right().flush();
            });
        }

        Tunnel tunnel() throws Exception {
            return tunnel.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }

        @Override
        public void close() throws Exception {
            tunnel().close(ErrorCode.NO_ERROR, "the test is over");
            ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            peer.closed.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            left.close();
            right.close();
        }

        @Override
        public void onOpened(Tunnel opened) {
            tunnel.complete(opened);
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            return null;
        }

        @Override
        public void onClosed(Tunnel closed, Outcome outcome) {
            ended.complete(outcome);
        }
    }

    private static final class Peer implements TransportListener {

        final List<Integer> messagesBehind = new ArrayList<>();
        final CompletableFuture<Boolean> closed = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final CompletableFuture<byte[]> whole = new CompletableFuture<>();

        byte[] whole() throws Exception {
            return whole.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }

        @Override
        public void onData(Frame.Data frame) {
            bytes.writeBytes(frame.payload().toByteArray());
            frame.payload().release();
            if (frame.isEnd()) {
                whole.complete(bytes.toByteArray());
            }
        }

        @Override
        public void onMessage(Frame.Message frame) {
            messagesBehind.add(bytes.size());
        }

        @Override
        public void onClosed(@Nullable Throwable cause) {
            closed.complete(true);
        }

        @Override
        public void onBytesReceived() {}

        @Override
        public void onWritable() {}

        @Override
        public void onBreach(ProtocolException breach) {}

        @Override
        public void onOpen(Frame.Open frame) {}

        @Override
        public void onWindow(Frame.Window frame) {}

        @Override
        public void onClose(Frame.Close frame) {}

        @Override
        public void onCancel(Frame.Cancel frame) {}

        @Override
        public void onPing(Frame.Ping frame) {}

        @Override
        public void onGoAway(Frame.GoAway frame) {}

        @Override
        public void onHello(Frame.Hello frame) {}

        @Override
        public void onAck(Frame.Ack frame) {}

        @Override
        public void onExtension(Frame.Extension frame) {}

        @Override
        public void onStreamBreach(ProtocolException breach) {}
    }
}
