package io.tunnelmux.benchmarks.relay;

import io.tunnelmux.core.AbuseLimits;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.Upstream;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** An agent, embedded: {@code GATEWAY TOKEN BULK_UPSTREAM ECHO_UPSTREAM}. Prints a line once it is connected. */
final class BenchAgent {
    static final String ECHO_PATH = "/echo";

    /** More than the default takes for a flood. */
    private static final int PINGS_PER_SECOND = 1_000;

    private BenchAgent() {}

    public static void main(String[] args) throws IOException, InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Agent agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(URI.create(args[0])))
                .agentId(PingingGateway.AGENT)
                .token(() -> args[1])
                .upstream(Upstream.of(URI.create(args[2])))
                .route(ECHO_PATH, Upstream.of(URI.create(args[3])))
                .tunnel(TunnelConfig.builder()
                        .abuseLimits(new AbuseLimits(PINGS_PER_SECOND, PINGS_PER_SECOND, 15, 1_000, 33))
                        .build())
                .listener((connection, state, detail) -> {
                    if (state == TunnelClient.State.CONNECTED) {
                        System.out.println("connected");
                    }
                })
                .build());
        Runtime.getRuntime().addShutdownHook(new Thread(agent::close));
        end.await();
    }
}
