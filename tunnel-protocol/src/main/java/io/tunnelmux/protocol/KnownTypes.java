package io.tunnelmux.protocol;

import java.util.Set;

/** The types of messages that have a record of their own. */
final class KnownTypes {

    private static final Set<String> ALL = Set.of(
            Message.ProxyRequest.TYPE,
            Message.ProxyResponse.TYPE,
            Message.ProxyTrailers.TYPE,
            Message.ProxyError.TYPE,
            Message.ProxyWebSocketStart.TYPE,
            Message.ProxyWebSocketOpen.TYPE,
            Message.ProxyWebSocketClose.TYPE,
            Message.ProxyWebSocketPing.TYPE,
            Message.ProxyWebSocketPong.TYPE,
            Message.TcpTunnelStart.TYPE,
            Message.TcpTunnelConnected.TYPE,
            Message.UdpTunnelStart.TYPE,
            Message.Register.TYPE,
            Message.RegisterSuccess.TYPE,
            Message.RegisterError.TYPE,
            Message.Heartbeat.TYPE,
            Message.HeartbeatAck.TYPE,
            Message.HealthProbe.TYPE,
            Message.ProxyChunk.TYPE,
            Message.ProxyStreamClose.TYPE,
            Message.ProxyCancel.TYPE);

    private KnownTypes() {}

    static boolean contains(String type) {
        return ALL.contains(type);
    }
}
