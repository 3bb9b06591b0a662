package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;

/** Handles a stream that nobody has taken yet: whatever comes on it is dropped. */
final class Refused implements StreamHandler {

    static final StreamHandler HANDLER = new Refused();

    private Refused() {}

    @Override
    public void onMessage(TunnelStream stream, Message message, boolean isEnd) {}

    @Override
    public void onData(TunnelStream stream, Frame.Data data) {
        int length = data.payload().length();
        data.payload().release();
        stream.consumed(length);
    }

    @Override
    public void onWritable(TunnelStream stream) {}

    @Override
    public void onClosed(TunnelStream stream, Outcome outcome) {}
}
