package io.tunnelmux.core;

import org.jspecify.annotations.Nullable;

/** What one stream holds, and since when it has not moved. Kept by its {@link TunnelMemory}, whose list of stalled streams it is a link of. */
final class StreamHold {

    final TunnelStream stream;
    /** Received and not consumed, and queued and not sent. */
    long bytes;
    /** What has left since {@link #sinceNanos}. */
    long movedBytes;

    long sinceNanos;

    @Nullable
    StreamHold stalledLonger;

    @Nullable
    StreamHold stalledShorter;

    StreamHold(TunnelStream stream) {
        this.stream = stream;
    }
}
