package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.netty.udp.DatagramAssembler;
import io.tunnelmux.netty.udp.UdpSocket;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A socket of its own for the datagrams of one stream: each unit is one, in both directions. It takes datagrams from its target alone, and ends when none has
 * come or gone for a while. What finds no room is dropped, be it on the stream, in the socket, or while the target's name is looked up. On the loop.
 */
final class UdpUpstream implements StreamHandler, UdpSocket.Receiver, AddressLookup.Listener {

    private static final long DEFAULT_IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);
    /** Before the socket is there. */
    private static final int MAX_EARLY_UNITS = 64;

    private static final int MAX_EARLY_BYTES = 128 * 1024;

    private final LoopUpstreams shared;
    private final TunnelStream stream;
    private final Message.UdpTunnelStart request;
    private final InetSocketAddress target;
    private final long idleNanos;
    private final DatagramAssembler assembler = new DatagramAssembler();
    private final Queue<ByteBuf> early = new ArrayDeque<>(0);

    private int earlyBytes;
    private long dropped;
    private TunnelLoop.@Nullable Timer timer;
    private long movedNanos;
    private @Nullable UdpSocket socket;
    private @Nullable InetSocketAddress peer;
    private boolean isOver;

    /** @param target not looked up yet */
    UdpUpstream(LoopUpstreams shared, TunnelStream stream, Message.UdpTunnelStart request, InetSocketAddress target) {
        this.shared = shared;
        this.stream = stream;
        this.request = request;
        this.target = target;
        idleNanos = request.idleMillis() > 0 ? TimeUnit.MILLISECONDS.toNanos(request.idleMillis()) : DEFAULT_IDLE_NANOS;
    }

    /** Begins to look the target up. Once, first. */
    void start() {
        long timeoutNanos = shared.connectTimeout().toNanos();
        if (request.timeoutMillis() > 0) {
            timeoutNanos = Math.min(timeoutNanos, TimeUnit.MILLISECONDS.toNanos(request.timeoutMillis()));
        }
        timer = shared.loop()
                .schedule(
                        () -> fail(ErrorCode.TIMEOUT, HttpResponseStatus.GATEWAY_TIMEOUT, "not looked up in time"),
                        timeoutNanos);
        shared.lookup().find(target.getHostString(), this);
    }

    @Override
    public void onFound(List<InetAddress> addresses) {
        if (!isOver) {
            InetSocketAddress to = new InetSocketAddress(addresses.get(0), target.getPort());
            UdpSocket.open(shared.loops(), shared.loop(), new InetSocketAddress(0), this)
                    .whenComplete((opened, failure) -> {
                        if (opened == null) {
                            onNotFound(new IOException(failure));
                        } else {
                            onOpened(opened, to);
                        }
                    });
        }
    }

    @Override
    public void onNotFound(IOException cause) {
        fail(ErrorCode.UPSTREAM_UNREACHABLE, HttpResponseStatus.BAD_GATEWAY, String.valueOf(cause.getMessage()));
    }

    private void onOpened(UdpSocket opened, InetSocketAddress to) {
        if (isOver) {
            opened.close();
            return;
        }
        try {
            opened.receiveOnlyFrom(to);
        } catch (IOException e) {
            opened.close();
            onNotFound(e);
            return;
        }
        socket = opened;
        peer = to;
        stopTimer();
        movedNanos = shared.loop().nanoTime();
        timer = shared.loop().schedule(this::onIdle, idleNanos);
        for (ByteBuf unit = early.poll(); unit != null; unit = early.poll()) {
            send(unit, opened, to);
        }
    }

    private void send(ByteBuf unit, UdpSocket from, InetSocketAddress to) {
        if (!from.send(unit, to)) {
            dropped++;
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        int length = data.payload().length();
        ByteBuf unit = assembler.add(data, ByteBufAllocator.DEFAULT);
        from.consumed(length);
        if (unit == null) {
            return;
        }
        UdpSocket open = socket;
        InetSocketAddress to = peer;
        if (open != null && to != null) {
            movedNanos = shared.loop().nanoTime();
            send(unit, open, to);
        } else if (isOver || early.size() == MAX_EARLY_UNITS || earlyBytes + unit.readableBytes() > MAX_EARLY_BYTES) {
            unit.release();
            dropped++;
        } else {
            earlyBytes += unit.readableBytes();
            early.add(unit);
        }
    }

    @Override
    public void onDatagram(ByteBuf bytes, InetSocketAddress from) {
        if (isOver) {
            bytes.release();
            return;
        }
        movedNanos = shared.loop().nanoTime();
        if (stream.isWritable()) {
            stream.writeUnit(NettyPayload.of(bytes), false, false);
        } else {
            bytes.release();
            dropped++;
        }
    }

    @Override
    public void onFailure(IOException cause) {
        dropped++;
        if (!isOver) {
            shared.failures().add(ErrorCode.UPSTREAM_UNREACHABLE, this, String.valueOf(cause.getMessage()));
        }
    }

    private void onIdle() {
        timer = null;
        long left = movedNanos + idleNanos - shared.loop().nanoTime();
        if (left > 0) {
            timer = shared.loop().schedule(this::onIdle, left);
        } else {
            over();
            stream.close(ErrorCode.NO_ERROR, "no datagram for a while");
        }
    }

    private void fail(ErrorCode code, HttpResponseStatus status, String why) {
        if (!isOver) {
            over();
            shared.failures().add(code, this, why);
            TcpUpstream.refuse(
                    shared, stream, request.requestId(), code, status, "the target cannot be reached", why, true);
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (Message.isKnown(message.type())) {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream of datagrams");
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        // What found no room is gone.
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        over();
    }

    private void over() {
        isOver = true;
        stopTimer();
        assembler.clear();
        for (ByteBuf unit = early.poll(); unit != null; unit = early.poll()) {
            unit.release();
        }
        if (socket != null) {
            socket.close();
            socket = null;
        }
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    /** For people who look at what is under way. */
    @Override
    public String toString() {
        String client = request.clientAddr();
        long lost = dropped + assembler.skipped();
        return "UDP to " + Targets.text(target) + (client == null ? "" : " for " + client)
                + (lost == 0 ? "" : ", " + lost + " dropped");
    }
}
