package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.transport.NettyLoops;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What of a gateway is not HTTP. Any thread. */
final class Forwards {

    private final List<TcpFront> tcp;
    private final List<UdpFront> udp;

    Forwards(GatewayConfig config, NettyLoops loops, AgentRegistry registry, Recorder recorder) {
        AtomicInteger places = new AtomicInteger(config.maxConnections());
        udp = config.udpForwards().stream()
                .map(forward -> new UdpFront(forward, loops, registry, recorder))
                .toList();
        tcp = config.tcpForwards().stream()
                .map(forward -> new TcpFront(forward, config.streamIdleTimeout(), loops, registry, recorder, places))
                .toList();
    }

    /**
     * Begins to listen, at one address after the other.
     *
     * @param listening given an address and what becomes of it, makes the failure one that names the address
     */
    CompletionStage<?> start(
            BiFunction<InetSocketAddress, CompletionStage<InetSocketAddress>, CompletionStage<InetSocketAddress>>
                    listening) {
        CompletionStage<?> started = CompletableFuture.completedStage(null);
        for (TcpFront front : tcp) {
            started = started.thenCompose(before -> listening.apply(front.address(), front.start()));
        }
        for (UdpFront front : udp) {
            started = started.thenCompose(before -> listening.apply(front.address(), front.start()));
        }
        return started;
    }

    /** Where TCP connections come in, in the order of the configuration. */
    List<InetSocketAddress> tcpAddresses() {
        return tcp.stream().map(TcpFront::address).toList();
    }

    /** Where datagrams come in, in the order of the configuration. */
    List<InetSocketAddress> udpAddresses() {
        return udp.stream().map(UdpFront::address).toList();
    }

    /**
     * Takes nobody more in.
     *
     * @return completes when all have gone
     */
    CompletionStage<?> drain() {
        return CompletableFuture.allOf(
                Stream.concat(tcp.stream().map(TcpFront::drain), udp.stream().map(UdpFront::drain))
                        .map(CompletionStage::toCompletableFuture)
                        .toArray(CompletableFuture<?>[]::new));
    }

    /** Writes a member of an object that was begun. */
    void describe(Json json) {
        json.beginArray("forwards");
        tcp.forEach(front -> {
            front.describe(json.beginObject());
            json.end();
        });
        udp.forEach(front -> {
            front.describe(json.beginObject());
            json.end();
        });
        json.end();
    }

    /** Host and port as a number, or null. */
    static @Nullable String text(SocketAddress address) {
        InetAddress host = address instanceof InetSocketAddress inet ? inet.getAddress() : null;
        return host == null ? null : host.getHostAddress() + ':' + ((InetSocketAddress) address).getPort();
    }
}
