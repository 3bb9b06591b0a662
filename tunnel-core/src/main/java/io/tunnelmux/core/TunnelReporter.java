package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells how the streams of a tunnel stand. Looks at each open stream once, and describes no more than were asked for: of a thousand, or of ten among a
 * million, it keeps the longest waiting in a heap of that size. On the loop.
 */
final class TunnelReporter {

    private static final Logger LOG = LoggerFactory.getLogger(Tunnel.class);

    private static final int MAX_DESCRIPTION_LENGTH = 256;
    private static final int MOST_STREAMS = 1_000_000;

    private final Tunnel tunnel;
    private final long nowNanos;
    private final int maxStreams;
    /** The one that has waited shortest is at the head, to be put out first. */
    private final PriorityQueue<Standing> longest = new PriorityQueue<>(
            Comparator.comparingLong(Standing::waitedNanos).thenComparing(Standing::id, Comparator.reverseOrder()));

    private record Standing(TunnelStream stream, long sendingNanos, long receivingNanos) {
        long waitedNanos() {
            return Math.max(sendingNanos, receivingNanos);
        }

        int id() {
            return stream.id();
        }
    }

    private TunnelReporter(Tunnel tunnel, int maxStreams) {
        this.tunnel = tunnel;
        nowNanos = tunnel.loop().nanoTime();
        this.maxStreams = maxStreams;
    }

    /** See {@link Tunnel#report(int)}. Any thread. */
    static CompletionStage<TunnelReport> report(Tunnel tunnel, int maxStreams) {
        if (maxStreams < 0 || maxStreams > MOST_STREAMS) {
            throw new IllegalArgumentException("maxStreams: " + maxStreams);
        }
        CompletableFuture<TunnelReport> reported = new CompletableFuture<>();
        tunnel.loop().execute(() -> {
            if (tunnel.isEnded()) {
                reported.completeExceptionally(
                        new TunnelException(ErrorCode.TRANSPORT_LOST, "the tunnel has ended", null, null));
            } else {
                reported.complete(new TunnelReporter(tunnel, maxStreams).report());
            }
        });
        return reported.minimalCompletionStage();
    }

    private TunnelReport report() {
        tunnel.streams().forEach(this::add);
        long roundTripNanos = tunnel.roundTrips.latestNanos();
        return new TunnelReport(
                tunnel.remoteAddress(),
                tunnel.peer().agentId(),
                Duration.ofNanos(nowNanos - tunnel.keepAlive.startedNanos()),
                roundTripNanos == 0 ? null : Duration.ofNanos(roundTripNanos),
                tunnel.streams().size(),
                tunnel.heldBytes() + tunnel.receiver.assembledBytes(),
                new TunnelReport.Totals(
                        tunnel.openedStreams(), tunnel.scheduler().sentBytes(), tunnel.receiver.receivedBytes()),
                describeLongest());
    }

    private void add(TunnelStream stream) {
        longest.add(new Standing(stream, stream.sending.waitedNanos(nowNanos), stream.receiving.waitedNanos(nowNanos)));
        if (longest.size() > maxStreams) {
            longest.remove();
        }
    }

    private List<StreamReport> describeLongest() {
        List<StreamReport> reports = new ArrayList<>(longest.size());
        for (Standing standing = longest.poll(); standing != null; standing = longest.poll()) {
            reports.add(describe(standing));
        }
        Collections.reverse(reports);
        return reports;
    }

    private StreamReport describe(Standing standing) {
        TunnelStream stream = standing.stream;
        SendHalf sending = stream.sending;
        ReceiveHalf receiving = stream.receiving;
        return new StreamReport(
                stream.id(),
                tunnel.streams().isLocal(stream.id()),
                sending.priority,
                descriptionOf(stream),
                new StreamReport.Half(
                        sending.sentBytes(),
                        sending.queue.payloadBytes(),
                        sending.waitsFor(),
                        waited(standing.sendingNanos)),
                new StreamReport.Half(
                        receiving.receivedBytes(),
                        receiving.window().heldBytes(),
                        receiving.waitsFor(),
                        waited(standing.receivingNanos)));
    }

    private static Duration waited(long nanos) {
        return nanos < 0 ? Duration.ZERO : Duration.ofNanos(nanos);
    }

    private static String descriptionOf(TunnelStream stream) {
        StreamHandler handler = stream.handler();
        try {
            String description = String.valueOf(handler);
            return description.length() <= MAX_DESCRIPTION_LENGTH
                    ? description
                    : description.substring(0, MAX_DESCRIPTION_LENGTH);
        } catch (RuntimeException e) {
            LOG.warn("a handler of {} cannot say what it is", stream, e);
            return handler.getClass().getName();
        }
    }
}
