package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The pings of this side and how long their answers took, from the call to the answer: what waits in the scheduler counts. A peer may answer only the last
 * of several, so that an answer is one to all before it as well.
 */
final class RoundTrips {

    /** Pings without an answer yet. So few cannot look like a flood, even if a line that stood still lets them through all at once. */
    static final int MAX_PENDING = 8;

    private final TunnelLoop loop;
    private final Consumer<Frame.Ping> send;
    private final Fifo<Pending> pending = new Fifo<>();
    private long lastOpaque;
    private long latestNanos;
    private @Nullable Outcome ended;

    private record Pending(
            long opaque, long sentNanos, @Nullable CompletableFuture<Duration> answered) {}

    RoundTrips(TunnelLoop loop, Consumer<Frame.Ping> send) {
        this.loop = loop;
        this.send = send;
    }

    /** How long the last answer took; 0 if none has come yet. */
    long latestNanos() {
        return latestNanos;
    }

    /** Whether a ping is under way. */
    boolean isPending() {
        return !pending.isEmpty();
    }

    /** Sends a ping, unless too many are under way. */
    void measure() {
        if (pending.size() < MAX_PENDING) {
            ping(null);
        }
    }

    /** Sends a ping; {@code answered} completes with its answer, or fails where too many are under way or the tunnel has ended or ends before. */
    void measure(CompletableFuture<Duration> answered) {
        if (ended != null) {
            answered.completeExceptionally(lost(ended));
        } else if (pending.size() < MAX_PENDING) {
            ping(answered);
        } else {
            answered.completeExceptionally(new TunnelException(
                    ErrorCode.OVERLOADED, MAX_PENDING + " pings are under way, as many as may be", null, null));
        }
    }

    private void ping(@Nullable CompletableFuture<Duration> answered) {
        lastOpaque++;
        pending.addLast(new Pending(lastOpaque, loop.nanoTime(), answered));
        send.accept(new Frame.Ping(lastOpaque, false));
    }

    /** An answer has come; one to nothing that was asked is ignored. */
    void onAnswer(long opaque) {
        Pending first = pending.peekFirst();
        if (first == null || opaque < first.opaque() || opaque > lastOpaque) {
            return;
        }
        long nowNanos = loop.nanoTime();
        for (Pending ping = first; ping != null && ping.opaque() <= opaque; ping = pending.peekFirst()) {
            pending.pollFirst();
            latestNanos = nowNanos - ping.sentNanos();
            if (ping.answered() != null) {
                ping.answered().complete(Duration.ofNanos(latestNanos));
            }
        }
    }

    /** The tunnel has ended: no answer comes any more. */
    void stop(Outcome outcome) {
        ended = outcome;
        for (Pending ping = pending.pollFirst(); ping != null; ping = pending.pollFirst()) {
            if (ping.answered() != null) {
                ping.answered().completeExceptionally(lost(outcome));
            }
        }
    }

    private static TunnelException lost(Outcome outcome) {
        return new TunnelException(ErrorCode.TRANSPORT_LOST, "the tunnel has ended: " + outcome, null, null);
    }
}
