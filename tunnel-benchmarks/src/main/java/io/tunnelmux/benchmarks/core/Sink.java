package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;

/** Takes whatever comes on any number of streams, and counts it. Where the peer ends its half, it does so too. */
final class Sink implements StreamHandler {

    private long frames;
    private long bytes;
    private long ended;

    /** DATA that came. */
    long frames() {
        return frames;
    }

    /** Bytes of it. */
    long bytes() {
        return bytes;
    }

    /** Streams that ended cleanly. */
    long ended() {
        return ended;
    }

    @Override
    public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
        if (isEnd) {
            stream.end();
        }
    }

    @Override
    public void onData(TunnelStream stream, Frame.Data data) {
        int length = data.payload().length();
        frames++;
        bytes += length;
        data.payload().release();
        stream.consumed(length);
        if (data.isEnd()) {
            stream.end();
        }
    }

    @Override
    public void onWritable(TunnelStream stream) {}

    @Override
    public void onClosed(TunnelStream stream, Outcome outcome) {
        if (!outcome.isClean()) {
            throw new IllegalStateException(stream + " ended: " + outcome);
        }
        ended++;
    }
}
