package io.tunnelmux.netty.status;

import io.tunnelmux.core.StreamReport;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelReport;
import io.tunnelmux.netty.http.Json;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What a tunnel reports, as operators see it. Any thread. */
public final class TunnelStatus {

    /** A stream that has waited for so long is stalled. */
    public static final Duration STALL = Duration.ofSeconds(1);

    /** Streams described over all tunnels, so that the answer stays a matter of a few megabytes. */
    private static final int MAX_STREAMS = 10_000;

    private static final long PATIENCE_SECONDS = 2;

    private final Tunnel tunnel;
    private final @Nullable TunnelReport report;
    private final boolean listsAll;

    private TunnelStatus(Tunnel tunnel, @Nullable TunnelReport report, boolean listsAll) {
        this.tunnel = tunnel;
        this.report = report;
        this.listsAll = listsAll;
    }

    /**
     * Asks tunnels how they stand.
     *
     * @param listsAll whether also streams are listed that are not stalled
     * @return completes with one status for each in the same order, after two seconds at the latest
     */
    static CompletionStage<List<TunnelStatus>> of(Collection<Tunnel> tunnels, boolean listsAll) {
        List<Tunnel> asked = List.copyOf(tunnels);
        int maxStreams = Math.min(TunnelReport.DEFAULT_STREAMS, MAX_STREAMS / Math.max(1, asked.size()));
        List<CompletableFuture<TunnelStatus>> statuses = new ArrayList<>(asked.size());
        for (Tunnel tunnel : asked) {
            statuses.add(report(tunnel, maxStreams)
                    .toCompletableFuture()
                    .handle((report, failure) -> new TunnelStatus(tunnel, failure == null ? report : null, listsAll))
                    .completeOnTimeout(new TunnelStatus(tunnel, null, listsAll), PATIENCE_SECONDS, TimeUnit.SECONDS));
        }
        return CompletableFuture.allOf(statuses.toArray(CompletableFuture<?>[]::new))
                .thenApply(all -> statuses.stream().map(CompletableFuture::join).toList());
    }

    private static CompletionStage<TunnelReport> report(Tunnel tunnel, int maxStreams) {
        try {
            return tunnel.report(maxStreams);
        } catch (RejectedExecutionException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    /** Whose status it is. */
    public Tunnel tunnel() {
        return tunnel;
    }

    /** Writes members of an object that was begun. */
    public void describe(Json json) {
        json.put("remote_address", tunnel.remoteAddress())
                .put("instance_id", tunnel.peer().instanceId())
                .put("takes_streams", tunnel.takesStreams())
                .put("answers", report != null);
        if (report == null) {
            return;
        }
        List<StreamReport> stalled =
                report.streams().stream().filter(TunnelStatus::isStalled).toList();
        List<StreamReport> listed = listsAll ? report.streams() : stalled;
        json.put(
                        "connected_since",
                        Instant.now()
                                .minus(report.age())
                                .truncatedTo(ChronoUnit.MILLIS)
                                .toString())
                .putMillis("session_age_ms", report.age())
                .putMillis("round_trip_ms", report.roundTrip())
                .put("open_streams", report.openStreams())
                .put("stalled_streams", stalled.size())
                .put("held_bytes", report.heldBytes())
                .put("opened_streams", report.totals().streams())
                .put("sent_bytes", report.totals().sentBytes())
                .put("received_bytes", report.totals().receivedBytes())
                .beginArray("streams");
        listed.forEach(stream -> describe(json, stream));
        json.end().put("streams_not_listed", report.openStreams() - listed.size());
    }

    private static boolean isStalled(StreamReport stream) {
        return stream.waited().compareTo(STALL) >= 0;
    }

    private static void describe(Json json, StreamReport stream) {
        json.beginObject()
                .put("id", stream.id())
                .put("opened_by", stream.isLocal() ? "local" : "remote")
                .put("priority", stream.priority().name())
                .put("what", stream.description());
        describe(json.beginObject("sending"), stream.sending());
        describe(json.beginObject("receiving"), stream.receiving());
        json.end();
    }

    private static void describe(Json json, StreamReport.Half half) {
        json.put("bytes", half.bytes())
                .put("held_bytes", half.heldBytes())
                .put("waits_for", half.waitsFor().name())
                .putMillis("waited_ms", half.waited())
                .end();
    }
}
