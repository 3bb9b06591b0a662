package io.tunnelmux.benchmarks.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;

/** Keeps the payload of the last DATA, and releases those before it; expects nothing else. */
final class DataTaker implements FrameHandler {

    private Payload last = Payload.EMPTY;
    private int bytes;
    private int frames;

    Payload last() {
        return last;
    }

    /** Of all DATA so far; it may wrap around. */
    int bytes() {
        return bytes;
    }

    /** Frames that have come to their end. */
    int frames() {
        return frames;
    }

    @Override
    public void onData(Frame.Data frame) {
        last.release();
        last = frame.payload();
        bytes += last.length();
        if ((frame.flags() & Frame.FLAG_MORE) == 0) {
            frames++;
        }
    }

    @Override
    public void onOpen(Frame.Open frame) {
        throw unexpected(frame);
    }

    @Override
    public void onMessage(Frame.Message frame) {
        throw unexpected(frame);
    }

    @Override
    public void onWindow(Frame.Window frame) {
        throw unexpected(frame);
    }

    @Override
    public void onClose(Frame.Close frame) {
        throw unexpected(frame);
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        throw unexpected(frame);
    }

    @Override
    public void onPing(Frame.Ping frame) {
        throw unexpected(frame);
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        throw unexpected(frame);
    }

    @Override
    public void onHello(Frame.Hello frame) {
        throw unexpected(frame);
    }

    @Override
    public void onAck(Frame.Ack frame) {
        throw unexpected(frame);
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        throw unexpected(frame);
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        throw new IllegalStateException(breach);
    }

    private static IllegalStateException unexpected(Frame frame) {
        return new IllegalStateException("not DATA: " + frame);
    }
}
