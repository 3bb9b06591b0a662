package io.tunnelmux.netty.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection to a target for one stream. What comes on the stream before the connection stands waits, and keeps its credit; once it does the two are joined.
 *
 * <pre>
 * gateway                          agent                       target
 *       tcp_tunnel_start, DATA ──▶   looks up, connects   ──▶
 *         tcp_tunnel_connected ◀──                        ◀──  connected
 *                         DATA ◀────────────────────────────▶  bytes
 *
 *           proxy_error, CLOSE ◀──   refused, unreachable, too slow
 * </pre>
 */
final class TcpUpstream implements StreamHandler, Dialer.Listener {

    private final LoopUpstreams shared;
    private final TunnelStream stream;
    private final String requestId;
    private final @Nullable String client;
    private final InetSocketAddress target;
    /** Bounded by the stream's first window. */
    private final PieceQueue early = new PieceQueue();

    private boolean isEndReceived;
    private Dialer.@Nullable Dial dial;
    private @Nullable StreamRelay relay;

    /**
     * @param target not looked up yet
     * @param isEnd whether the gateway's half has ended with the request
     */
    TcpUpstream(
            LoopUpstreams shared,
            TunnelStream stream,
            Message.TcpTunnelStart request,
            InetSocketAddress target,
            boolean isEnd) {
        this.shared = shared;
        this.stream = stream;
        requestId = request.requestId();
        client = request.clientAddr();
        this.target = target;
        isEndReceived = isEnd;
    }

    /**
     * Begins to connect. Once, first.
     *
     * @param timeoutMillis what the gateway waits at most; 0 if it does not say
     */
    void start(long timeoutMillis) {
        long timeoutNanos = shared.connectTimeout().toNanos();
        if (timeoutMillis > 0) {
            timeoutNanos = Math.min(timeoutNanos, TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
        }
        dial = shared.dialer()
                .newDial(Targets.text(target), target.getPort(), timeoutNanos, channel -> {}, this)
                .begin(target.getHostString());
    }

    @Override
    public void onConnected(Channel channel) {
        dial = null;
        stream.send(new Message.TcpTunnelConnected(requestId), false);
        StreamRelay joined =
                StreamRelay.join(stream, channel, shared.loop(), new ReadGate(channel), ErrorCode.UPSTREAM_RESET);
        relay = joined;
        for (ByteBuf piece = early.poll(); piece != null; piece = early.poll()) {
            joined.onData(stream, new Frame.Data(stream.id(), NettyPayload.of(piece), 0));
        }
        if (isEndReceived) {
            joined.onData(stream, new Frame.Data(stream.id(), Payload.EMPTY, Frame.FLAG_END));
        }
    }

    @Override
    public void onUnreachable(IOException cause) {
        dial = null;
        boolean isLate = cause instanceof SocketTimeoutException;
        ErrorCode code = isLate ? ErrorCode.TIMEOUT : ErrorCode.UPSTREAM_UNREACHABLE;
        HttpResponseStatus status = isLate ? HttpResponseStatus.GATEWAY_TIMEOUT : HttpResponseStatus.BAD_GATEWAY;
        String why = String.valueOf(cause.getMessage());
        shared.failures().add(code, this, why);
        refuse(shared, stream, requestId, code, status, "the target cannot be reached", why, true);
    }

    /** Says why a stream comes to nothing, and ends it. */
    static void refuse(
            LoopUpstreams shared,
            TunnelStream stream,
            String requestId,
            ErrorCode code,
            HttpResponseStatus status,
            String message,
            @Nullable String cause,
            boolean isRetryable) {
        stream.send(
                new Message.ProxyError(
                        requestId, code.wireName(), message, status.code(), shared.agentId(), null, cause, isRetryable),
                false);
        stream.close(code, cause == null ? message : message + ": " + cause);
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (relay != null) {
            relay.onMessage(from, message, isEnd);
        } else if (Message.isKnown(message.type())) {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream of raw bytes");
        } else {
            isEndReceived |= isEnd;
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        if (relay != null) {
            relay.onData(from, data);
        } else {
            isEndReceived |= data.isEnd();
            early.add(NettyPayload.toByteBuf(data.payload()), ByteBufAllocator.DEFAULT);
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        if (relay != null) {
            relay.onWritable(from);
        }
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        early.clear();
        if (dial != null) {
            dial.cancel();
            dial = null;
        }
        if (relay != null) {
            relay.onClosed(from, outcome);
        }
    }

    /** For people who look at what is under way. */
    @Override
    public String toString() {
        return "TCP to " + Targets.text(target) + (client == null ? "" : " for " + client);
    }
}
