package io.tunnelmux.core;

import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a tunnel keeps for its {@link TunnelObserver}, and nothing else: since when its streams are open and which of them stall. Streams are looked at by a
 * timer and not when they move, so that those that move pay nothing for it. Not there at all where nobody observes. On the loop.
 */
final class TunnelWatch {

    private static final long STALL_NANOS = TunnelObserver.STALL.toNanos();

    private final Tunnel tunnel;
    private final TunnelLoop loop;
    private final ObserverCalls observing;
    private final Map<TunnelStream, Watched> streams = new HashMap<>();
    private TunnelLoop.@Nullable Timer timer;

    TunnelWatch(Tunnel tunnel, ObserverCalls observing) {
        this.tunnel = tunnel;
        this.observing = observing;
        loop = tunnel.loop();
    }

    private static final class Watched {
        private final long openedNanos;
        private final boolean isLocal;
        private final Stall sending = new Stall();
        private final Stall receiving = new Stall();

        Watched(long openedNanos, boolean isLocal) {
            this.openedNanos = openedNanos;
            this.isLocal = isLocal;
        }
    }

    /** Of one half, which waits for nothing while it is not stalled. */
    private static final class Stall {
        private Wait reason = Wait.NOTHING;
        private long sinceNanos;
    }

    void onTunnelOpened() {
        observing.call(loop.nanoTime(), observer -> observer.onTunnelOpened(tunnel));
    }

    void onTunnelEnded(Outcome outcome, boolean wasOpen) {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
        long now = loop.nanoTime();
        if (wasOpen) {
            Duration stood = Duration.ofNanos(now - tunnel.keepAlive.startedNanos());
            observing.call(now, observer -> observer.onTunnelClosed(tunnel, outcome, stood));
        } else {
            observing.call(now, observer -> observer.onHandshakeFailed(tunnel, outcome));
        }
    }

    void onStreamOpened(TunnelStream stream) {
        long now = loop.nanoTime();
        boolean isLocal = tunnel.streams().isLocal(stream.id());
        streams.put(stream, new Watched(now, isLocal));
        observing.call(now, observer -> observer.onStreamOpened(stream, isLocal));
        if (timer == null) {
            timer = loop.schedule(this::look, STALL_NANOS / 2);
        }
    }

    /** Of a stream that never began nothing is said. */
    void onStreamClosed(TunnelStream stream, Outcome outcome) {
        Watched watched = streams.remove(stream);
        if (watched == null) {
            return;
        }
        long now = loop.nanoTime();
        end(watched.sending, stream, now);
        end(watched.receiving, stream, now);
        StreamEnd end = new StreamEnd(
                outcome,
                watched.isLocal,
                stream.sending.sentBytes(),
                stream.receiving.receivedBytes(),
                Duration.ofNanos(now - watched.openedNanos));
        observing.call(now, observer -> observer.onStreamClosed(stream, end));
    }

    void onStreamRefused(boolean isLocal, ErrorCode code) {
        observing.call(loop.nanoTime(), observer -> observer.onStreamRefused(tunnel, isLocal, code));
    }

    void onNeedlessFrame() {
        observing.call(loop.nanoTime(), observer -> observer.onNeedlessFrame(tunnel));
    }

    private void look() {
        if (streams.isEmpty()) {
            timer = null;
            return;
        }
        timer = loop.schedule(this::look, STALL_NANOS / 2);
        long now = loop.nanoTime();
        // An observer may end streams.
        for (TunnelStream stream : streams.keySet().toArray(TunnelStream[]::new)) {
            Watched watched = streams.get(stream);
            if (watched != null) {
                look(watched.sending, stream, stream.sending.waitsFor(), stream.sending.waitedNanos(now), now);
                look(watched.receiving, stream, stream.receiving.waitsFor(), stream.receiving.waitedNanos(now), now);
            }
        }
    }

    private void look(Stall stall, TunnelStream stream, Wait waitsFor, long waitedNanos, long now) {
        Wait reason = waitedNanos >= STALL_NANOS ? waitsFor : Wait.NOTHING;
        if (reason == stall.reason) {
            return;
        }
        boolean goesOn = stall.reason != Wait.NOTHING && reason != Wait.NOTHING;
        end(stall, stream, now);
        if (reason != Wait.NOTHING) {
            stall.reason = reason;
            stall.sinceNanos = goesOn ? now : now - waitedNanos;
            Duration waited = Duration.ofNanos(now - stall.sinceNanos);
            observing.call(now, observer -> observer.onStallBegan(stream, reason, waited));
        }
    }

    private void end(Stall stall, TunnelStream stream, long now) {
        Wait reason = stall.reason;
        if (reason != Wait.NOTHING) {
            stall.reason = Wait.NOTHING;
            Duration lasted = Duration.ofNanos(now - stall.sinceNanos);
            observing.call(now, observer -> observer.onStallEnded(stream, reason, lasted));
        }
    }
}
