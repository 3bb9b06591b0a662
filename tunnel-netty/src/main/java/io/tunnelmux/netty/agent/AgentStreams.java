package io.tunnelmux.netty.agent;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves the streams of all tunnels. */
final class AgentStreams implements TunnelHandler {

    private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

    private final Map<NettyLoop, LoopUpstreams> upstreams;
    private final Set<Tunnel> tunnels;

    /**
     * @param upstreams of the loops of all tunnels
     * @param tunnels kept up to date with those that stand; for any thread
     */
    AgentStreams(Map<NettyLoop, LoopUpstreams> upstreams, Set<Tunnel> tunnels) {
        this.upstreams = upstreams;
        this.tunnels = tunnels;
    }

    @Override
    public void onOpened(Tunnel tunnel) {
        tunnels.add(tunnel);
    }

    @Override
    public void onClosed(Tunnel tunnel, Outcome outcome) {
        tunnels.remove(tunnel);
    }

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message message, boolean isEnd) {
        if (message instanceof Message.ProxyRequest request) {
            return serve(stream, request, isEnd);
        }
        boolean needsCapability = message instanceof Message.TcpTunnelStart
                || message instanceof Message.UdpTunnelStart
                || message instanceof Message.ProxyWebSocketStart;
        return needsCapability ? unsupported(stream, message.type()) : null;
    }

    private StreamHandler serve(TunnelStream stream, Message.ProxyRequest request, boolean isEnd) {
        Message.Upgrade upgrade = request.upgrade();
        if (upgrade.isWebSocket() && !upgrade.useZeroCopy()) {
            return unsupported(stream, "websocket-aware streams");
        }
        LoopUpstreams shared =
                Objects.requireNonNull(upstreams.get(stream.tunnel().loop()));
        Upstream upstream;
        try {
            upstream = shared.resolver().resolve(request);
        } catch (RuntimeException e) {
            LOG.error(
                    "the upstream resolver failed path={} traceparent={}",
                    request.head().path(),
                    request.traceparent(),
                    e);
            return refuse(
                    shared,
                    stream,
                    request,
                    ErrorCode.INTERNAL_ERROR,
                    HttpResponseStatus.BAD_GATEWAY,
                    "the agent failed");
        }
        if (upstream == null) {
            String target = request.destination().target();
            return target != null
                    ? refuse(
                            shared,
                            stream,
                            request,
                            ErrorCode.FORBIDDEN,
                            HttpResponseStatus.FORBIDDEN,
                            "no such target: " + target)
                    : refuse(
                            shared,
                            stream,
                            request,
                            ErrorCode.FORBIDDEN,
                            HttpResponseStatus.NOT_FOUND,
                            "this agent has no upstream for this path");
        }
        try {
            return upgrade.useZeroCopy()
                    ? start(new WebSocketUpstream(shared, upstream, stream, request))
                    : start(new HttpUpstream(shared, upstream, stream, request, isEnd));
        } catch (MalformedHttpException e) {
            String message = "the request is malformed: " + e.getMessage();
            return refuse(shared, stream, request, ErrorCode.PROTOCOL_ERROR, HttpResponseStatus.BAD_REQUEST, message);
        }
    }

    private static StreamHandler start(UpstreamExchange exchange) {
        exchange.begin();
        return exchange;
    }

    private static StreamHandler refuse(
            LoopUpstreams shared,
            TunnelStream stream,
            Message.ProxyRequest request,
            ErrorCode code,
            HttpResponseStatus status,
            String message) {
        RequestLog log = RequestLog.begin(shared, request, null);
        log.answered(status.code());
        log.ended(code.wireName());
        stream.send(
                UpstreamExchange.error(shared.agentId(), request, code, status.code(), message, null, false), false);
        stream.close(code, message);
        return Answered.HANDLER;
    }

    private static StreamHandler unsupported(TunnelStream stream, String what) {
        stream.cancel(ErrorCode.UNSUPPORTED, "this agent does not do " + what);
        return Answered.HANDLER;
    }

    /** Of a stream that this side has ended: nothing more comes but its end. */
    private static final class Answered implements StreamHandler {
        static final Answered HANDLER = new Answered();

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
            // Nothing to do: an answer is on its way.
        }

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            data.payload().release();
        }

        @Override
        public void onWritable(TunnelStream stream) {
            // Nothing more to write.
        }

        @Override
        public void onClosed(TunnelStream stream, Outcome outcome) {
            // Nothing is held.
        }
    }
}
