package io.tunnelmux.core;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a tunnel stood at one moment, for people who want to know what it waits for: see {@link Tunnel#report}. Immutable; any thread.
 *
 * @param remoteAddress the peer's address
 * @param agentId the peer's, if it is an agent
 * @param age time since its handshake
 * @param roundTrip how long the last answer to a ping took; null if none has come yet
 * @param openStreams from either side
 * @param heldBytes of DATA that wait over all streams, to be sent or for their consumers, and of messages that are not whole yet
 * @param totals since its handshake
 * @param streams those that have waited longest, first; behind them those that wait for nothing
 */
public record TunnelReport(
        String remoteAddress,
        @Nullable String agentId,
        Duration age,
        @Nullable Duration roundTrip,
        int openStreams,
        long heldBytes,
        Totals totals,
        List<StreamReport> streams) {

    /** Streams in a report at most, unless asked for others. */
    public static final int DEFAULT_STREAMS = 1_000;

    /**
     * What there was so far.
     *
     * @param streams from either side, those that are open as well
     * @param sentBytes of DATA
     * @param receivedBytes of DATA
     */
    public record Totals(long streams, long sentBytes, long receivedBytes) {}

    public TunnelReport {
        streams = List.copyOf(streams);
    }

    /** Open streams that are not in {@link #streams}, as there were more than asked for. */
    public int omittedStreams() {
        return openStreams - streams.size();
    }
}
