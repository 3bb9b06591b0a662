package io.tunnelmux.benchmarks.relay;

import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.StringJoiner;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A gateway, embedded, that pings its agent on demand. Prints the ports of its two listeners; then {@code ping COUNT INTERVAL_MICROS} on standard input is
 * answered by a line with the round trips in nanoseconds.
 */
final class PingingGateway {
    static final String AGENT = "bench";

    private PingingGateway() {}

    public static void main(String[] args) throws IOException, InterruptedException, ExecutionException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        Gateway gateway = Gateway.start(GatewayConfig.builder()
                        .httpAddress(any)
                        .tunnelAddress(any)
                        .authenticator(TokenAuthenticator.of(args[0]))
                        .router(AgentRouter.toAgent(AGENT))
                        .build())
                .toCompletableFuture()
                .get();
        System.out.println(
                gateway.httpAddress().getPort() + " " + gateway.tunnelAddress().getPort());
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            String[] words = order.split(" ");
            System.out.println(ping(gateway, Integer.parseInt(words[1]), Long.parseLong(words[2])));
        }
        System.exit(0);
    }

    private static String ping(Gateway gateway, int count, long intervalMicros)
            throws InterruptedException, ExecutionException {
        StringJoiner nanos = new StringJoiner(" ");
        long next = System.nanoTime();
        for (int i = 0; i < count; i++) {
            for (Tunnel tunnel : gateway.tunnels(AGENT)) {
                nanos.add(
                        Long.toString(tunnel.ping().toCompletableFuture().get().toNanos()));
            }
            next += TimeUnit.MICROSECONDS.toNanos(intervalMicros);
            for (long left = next - System.nanoTime(); left > 0; left = next - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
        }
        return nanos.toString();
    }
}
