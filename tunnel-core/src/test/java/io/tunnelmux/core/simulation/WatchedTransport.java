package io.tunnelmux.core.simulation;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.ProtocolException;
import org.jspecify.annotations.Nullable;

/** Shows a {@link WireModel} every frame that one end of a tunnel sends and receives. */
final class WatchedTransport implements Transport {

    private final Transport transport;
    private final TunnelLoop loop;
    private final WireModel wire;
    private final String address;
    private @Nullable TransportListener listener;
    private boolean isClosed;

    WatchedTransport(Transport transport, TunnelLoop loop, WireModel wire, String address) {
        this.transport = transport;
        this.loop = loop;
        this.wire = wire;
        this.address = address;
    }

    WireModel wire() {
        return wire;
    }

    /** Lets a ping come that the other end has not sent, if it could have. */
    void receivePing(long opaque) {
        if (listener != null && wire.isOpen() && !isClosed) {
            listener.onBytesReceived();
            listener.onPing(new Frame.Ping(opaque, false));
        }
    }

    @Override
    public TunnelLoop loop() {
        return loop;
    }

    @Override
    public void start(TransportListener listener, int maxFrameBytes) {
        this.listener = new Watched(listener);
        transport.start(this.listener, maxFrameBytes);
    }

    @Override
    public void write(Frame frame) {
        wire.onSent(frame);
        transport.write(frame);
    }

    @Override
    public void flush() {
        transport.flush();
        wire.onFlushed(transport.isWritable());
    }

    @Override
    public boolean isWritable() {
        return transport.isWritable();
    }

    @Override
    public void close(ErrorCode code, String reason) {
        isClosed = true;
        transport.close(code, reason);
    }

    @Override
    public String peer() {
        return address;
    }

    private final class Watched implements TransportListener {

        private final TransportListener listener;

        Watched(TransportListener listener) {
            this.listener = listener;
        }

        private void receive(Frame frame) {
            wire.onReceived(frame);
            frame.deliverTo(listener);
        }

        @Override
        public void onData(Frame.Data frame) {
            receive(frame);
        }

        @Override
        public void onOpen(Frame.Open frame) {
            receive(frame);
        }

        @Override
        public void onMessage(Frame.Message frame) {
            receive(frame);
        }

        @Override
        public void onWindow(Frame.Window frame) {
            receive(frame);
        }

        @Override
        public void onClose(Frame.Close frame) {
            receive(frame);
        }

        @Override
        public void onCancel(Frame.Cancel frame) {
            receive(frame);
        }

        @Override
        public void onPing(Frame.Ping frame) {
            receive(frame);
        }

        @Override
        public void onGoAway(Frame.GoAway frame) {
            receive(frame);
        }

        @Override
        public void onHello(Frame.Hello frame) {
            receive(frame);
        }

        @Override
        public void onAck(Frame.Ack frame) {
            receive(frame);
        }

        @Override
        public void onExtension(Frame.Extension frame) {
            receive(frame);
        }

        @Override
        public void onStreamBreach(ProtocolException breach) {
            throw new AssertionError("a breach between two of us", breach);
        }

        @Override
        public void onBreach(ProtocolException breach) {
            throw new AssertionError("a breach between two of us", breach);
        }

        @Override
        public void onBytesReceived() {
            listener.onBytesReceived();
        }

        @Override
        public void onWritable() {
            listener.onWritable();
        }

        @Override
        public void onClosed(@Nullable Throwable cause) {
            isClosed = true;
            listener.onClosed(cause);
        }
    }
}
