package io.tunnelmux.netty.agent;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.net.InetSocketAddress;
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
        if (message instanceof Message.TcpTunnelStart request) {
            return serve(stream, request, isEnd);
        }
        if (message instanceof Message.UdpTunnelStart request) {
            return serve(stream, request);
        }
        return message instanceof Message.ProxyWebSocketStart start ? serve(stream, start) : null;
    }

    private StreamHandler serve(TunnelStream stream, Message.TcpTunnelStart request, boolean isEnd) {
        LoopUpstreams shared = shared(stream);
        Message.Destination destination = request.destination();
        InetSocketAddress target = shared.tcpTargets().find(destination, request.host(), request.port());
        if (target == null) {
            String why = shared.tcpTargets().refusal(destination, request.host(), request.port());
            return forbid(shared, stream, request.requestId(), "TCP for " + request.clientAddr(), why);
        }
        TcpUpstream upstream = new TcpUpstream(shared, stream, request, target, isEnd);
        upstream.start(request.timeoutMillis());
        return upstream;
    }

    private StreamHandler serve(TunnelStream stream, Message.UdpTunnelStart request) {
        LoopUpstreams shared = shared(stream);
        Message.Destination destination = request.destination();
        InetSocketAddress target = shared.udpTargets().find(destination, request.host(), request.port());
        if (target == null) {
            String why = shared.udpTargets().refusal(destination, request.host(), request.port());
            return forbid(shared, stream, request.requestId(), "UDP for " + request.clientAddr(), why);
        }
        UdpUpstream upstream = new UdpUpstream(shared, stream, request, target);
        upstream.start();
        return upstream;
    }

    private static StreamHandler forbid(
            LoopUpstreams shared, TunnelStream stream, String requestId, String what, String why) {
        shared.refusals().add(ErrorCode.FORBIDDEN, what, why);
        TcpUpstream.refuse(
                shared, stream, requestId, ErrorCode.FORBIDDEN, HttpResponseStatus.FORBIDDEN, why, null, false);
        return Answered.HANDLER;
    }

    private LoopUpstreams shared(TunnelStream stream) {
        return Objects.requireNonNull(upstreams.get(stream.tunnel().loop()));
    }

    private StreamHandler serve(TunnelStream stream, Message.ProxyWebSocketStart start) {
        Message.ProxyRequest request;
        try {
            request = MessageUpstream.requestOf(start);
        } catch (IllegalArgumentException e) {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, start.type() + " is malformed: " + e.getMessage());
            return Answered.HANDLER;
        }
        return serve(
                stream,
                request,
                (shared, upstream, admitted) -> new MessageUpstream(shared, upstream, stream, admitted, true));
    }

    private StreamHandler serve(TunnelStream stream, Message.ProxyRequest request, boolean isEnd) {
        Message.Upgrade upgrade = request.upgrade();
        return serve(stream, request, (shared, upstream, admitted) -> {
            if (upgrade.useZeroCopy()) {
                return new WebSocketUpstream(shared, upstream, stream, admitted);
            }
            return upgrade.isWebSocket()
                    ? new MessageUpstream(shared, upstream, stream, admitted, false)
                    : new HttpUpstream(shared, upstream, stream, admitted, isEnd);
        });
    }

    /** Makes what serves a request that was let through. */
    private interface Maker {
        UpstreamExchange make(LoopUpstreams shared, Upstream upstream, Message.ProxyRequest admitted)
                throws MalformedHttpException;
    }

    private StreamHandler serve(TunnelStream stream, Message.ProxyRequest request, Maker maker) {
        LoopUpstreams shared = shared(stream);
        try {
            Upstream upstream = resolve(shared, request);
            return start(maker.make(shared, upstream, admit(upstream, request)));
        } catch (RequestRefusedException e) {
            return refuse(shared, stream, request, e);
        } catch (MalformedHttpException e) {
            String message = "the request is malformed: " + e.getMessage();
            return refuse(
                    shared,
                    stream,
                    request,
                    new RequestRefusedException(
                            ErrorCode.PROTOCOL_ERROR, HttpResponseStatus.BAD_REQUEST.code(), message));
        }
    }

    /** As a route names a service: {@code NAME.NAMESPACE:PORT}. */
    private static String textOf(Message.Destination service) {
        return service.serviceName()
                + (service.namespace() == null ? "" : "." + service.namespace())
                + (service.servicePort() == 0 ? "" : ":" + service.servicePort());
    }

    private static Upstream resolve(LoopUpstreams shared, Message.ProxyRequest request) throws RequestRefusedException {
        Upstream upstream;
        try {
            upstream = shared.resolver().resolve(request);
        } catch (RuntimeException e) {
            throw failed("the upstream resolver failed", request, e);
        }
        if (upstream != null) {
            return upstream;
        }
        Message.Destination destination = request.destination();
        if (destination.target() != null) {
            throw new RequestRefusedException("no such target: " + destination.target());
        }
        if (destination.serviceName() != null) {
            throw new RequestRefusedException("no such service: " + textOf(destination));
        }
        throw new RequestRefusedException(
                ErrorCode.FORBIDDEN, HttpResponseStatus.NOT_FOUND.code(), "this agent has no upstream for this path");
    }

    private static Message.ProxyRequest admit(Upstream upstream, Message.ProxyRequest request)
            throws RequestRefusedException {
        RequestFilter filter = upstream.filter();
        if (filter == null) {
            return request;
        }
        Message.HttpHead head;
        try {
            head = filter.apply(request.head(), protocolOf(request));
        } catch (RuntimeException e) {
            throw failed("the filter of an upstream failed", request, e);
        }
        return new Message.ProxyRequest(
                request.requestId(),
                head,
                request.upgrade(),
                request.destination(),
                request.timeoutMillis(),
                request.clientAddr(),
                request.traceparent());
    }

    private static @Nullable String protocolOf(Message.ProxyRequest request) {
        if (request.upgrade().isWebSocket()) {
            return "websocket";
        }
        String named = request.head().headers().first("upgrade");
        return !request.upgrade().useZeroCopy() ? null : named == null ? "" : named.trim();
    }

    private static RequestRefusedException failed(String what, Message.ProxyRequest request, RuntimeException cause) {
        LOG.error(
                "{} path={} traceparent={}",
                what,
                Printable.bare(request.head().path()),
                Printable.bare(String.valueOf(request.traceparent())),
                cause);
        return new RequestRefusedException(
                ErrorCode.INTERNAL_ERROR, HttpResponseStatus.BAD_GATEWAY.code(), "the agent failed");
    }

    private static StreamHandler start(UpstreamExchange exchange) {
        exchange.begin();
        return exchange.handler();
    }

    private static StreamHandler refuse(
            LoopUpstreams shared, TunnelStream stream, Message.ProxyRequest request, RequestRefusedException refusal) {
        String message = String.valueOf(refusal.getMessage());
        Message.HttpHead head = request.head();
        RequestLog log = RequestLog.begin(shared, request, null);
        log.answered(refusal.status());
        log.ended(refusal.code().wireName());
        shared.refusals().add(refusal.code(), null, head.method(), head.path(), message, log.traceId());
        stream.send(
                UpstreamExchange.error(
                        shared.agentId(), request, refusal.code(), refusal.status(), message, null, false),
                false);
        stream.close(refusal.code(), message);
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
