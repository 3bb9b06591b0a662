package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.ProtocolException;

/** Expects nothing; a test overrides what it does expect. */
class FrameSink implements FrameHandler {

    @Override
    public void onData(Frame.Data frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onOpen(Frame.Open frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onMessage(Frame.Message frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onWindow(Frame.Window frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onClose(Frame.Close frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onPing(Frame.Ping frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onHello(Frame.Hello frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onAck(Frame.Ack frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        throw new AssertionError(frame);
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        throw new AssertionError(breach);
    }
}
