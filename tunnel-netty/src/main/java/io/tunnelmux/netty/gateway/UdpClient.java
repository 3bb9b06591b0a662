package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.netty.udp.DatagramAssembler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who sends datagrams from one address, and the stream that they go over: each is a unit of it. What finds no room is dropped, in both directions. On the loop
 * of the front's socket, which need not be the tunnel's.
 */
final class UdpClient implements StreamHandler {

    private final UdpFront front;
    private final InetSocketAddress address;
    private final long beganNanos;
    private final DatagramAssembler assembler = new DatagramAssembler();

    private @Nullable TunnelStream stream;
    private long movedNanos;
    private long receivedBytes;
    private long sentBytes;
    private Message.@Nullable ProxyError error;
    private boolean isOver;

    UdpClient(UdpFront front, InetSocketAddress address, long nowNanos) {
        this.front = front;
        this.address = address;
        beganNanos = nowNanos;
        movedNanos = nowNanos;
    }

    /** Once, first. */
    void open(Tunnel tunnel) {
        StreamHandler handler = tunnel.loop() == front.loop() ? this : new HandlerOnLoop(this, front.loop());
        stream = tunnel.open(front.request(address), false, handler);
    }

    InetSocketAddress address() {
        return address;
    }

    /** When a datagram came last, from it or for it. */
    long movedNanos() {
        return movedNanos;
    }

    long beganNanos() {
        return beganNanos;
    }

    long receivedBytes() {
        return receivedBytes;
    }

    long sentBytes() {
        return sentBytes;
    }

    /** Sends a datagram to the agent. Takes {@code bytes}. False if it was dropped. */
    boolean toAgent(ByteBuf bytes, long nowNanos) {
        movedNanos = nowNanos;
        TunnelStream open = stream;
        int length = bytes.readableBytes();
        if (isOver || open == null || !open.isWritable() || !front.crosses(open, length)) {
            bytes.release();
            return false;
        }
        receivedBytes += length;
        open.writeUnit(NettyPayload.of(bytes), false, false);
        return true;
    }

    /** Nobody has sent anything for too long. */
    void endIdle() {
        if (stream != null) {
            stream.close(ErrorCode.NO_ERROR, "no datagram for a while");
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (message instanceof Message.ProxyError told) {
            error = told;
        } else if (Message.isKnown(message.type())) {
            from.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream of datagrams");
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        int length = data.payload().length();
        ByteBuf unit = assembler.add(data, ByteBufAllocator.DEFAULT);
        from.consumed(length);
        if (unit != null && isOver) {
            unit.release();
        } else if (unit != null) {
            movedNanos = front.touched(this);
            sentBytes += unit.readableBytes();
            front.toClient(unit, address);
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        // What found no room is gone.
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        isOver = true;
        front.dropped(assembler.skipped());
        assembler.clear();
        if (outcome.isClean() || error == null) {
            front.onEnded(this, Recorder.outcomeOf(outcome), outcome.toString());
        } else {
            front.onEnded(this, Recorder.outcomeOf(error), error.code() + ": " + error.message());
        }
    }

    /** For people who look at what is under way. */
    @Override
    public String toString() {
        return "UDP to " + front.forward().to() + " for " + address;
    }
}
