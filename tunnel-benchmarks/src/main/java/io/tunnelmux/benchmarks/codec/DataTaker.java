package io.tunnelmux.benchmarks.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;

/** Keeps the payload of the last DATA; expects nothing else. */
final class DataTaker implements FrameHandler {

    private Payload last = Payload.EMPTY;

    Payload last() {
        return last;
    }

    @Override
    public void onData(Frame.Data frame) {
        last = frame.payload();
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
