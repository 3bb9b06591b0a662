package io.tunnelmux.netty.gateway;

import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A gateway on free ports, with agents and clients that end with it. */
final class GatewayRig implements AutoCloseable {

    static final String TOKEN = "a-token-for-tests";
    static final String AGENT = "demo";

    private final NettyLoops loops = NettyLoops.create(1, IoMode.AUTO);
    private final List<AutoCloseable> closeables = new ArrayList<>();
    private final Gateway gateway;
    private @Nullable TlsConfig agentTls;

    private GatewayRig(GatewayConfig config) throws Exception {
        gateway = Gateway.start(config).toCompletableFuture().get(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    static GatewayConfig.Builder config() {
        return GatewayConfig.builder()
                .authenticator(TokenAuthenticator.of(TOKEN))
                .router(AgentRouter.toAgent(AGENT))
                .loops(2);
    }

    static GatewayRig start() throws Exception {
        return start(config());
    }

    static GatewayRig start(GatewayConfig.Builder config) throws Exception {
        return new GatewayRig(config.build());
    }

    /** Agents dial through TLS from now on. */
    void secureAgents(TlsConfig tls) {
        agentTls = tls;
    }

    Gateway gateway() {
        return gateway;
    }

    FakeAgent agent() throws Exception {
        return agent("one");
    }

    FakeAgent agent(String instance) throws Exception {
        return closed(FakeAgent.connect(loops, gateway.tunnelAddress(), AGENT, instance, TOKEN, agentTls));
    }

    FakeAgent dialling(String id, String token) throws IOException {
        return closed(FakeAgent.dial(loops, gateway.tunnelAddress(), id, "one", token));
    }

    RawClient client() throws IOException {
        return closed(RawClient.connect(gateway.httpAddress()));
    }

    /** Waits until the gateway knows so many tunnels. */
    void awaitAgents(int tunnels) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FakeAgent.PATIENCE_SECONDS);
        while (gateway.agents().stream().mapToInt(AgentRegistry.Agent::tunnels).sum() != tunnels) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError(gateway.agents() + ", " + tunnels + " tunnels awaited");
            }
            Thread.onSpinWait();
        }
    }

    <T extends AutoCloseable> T closed(T closeable) {
        closeables.add(closeable);
        return closeable;
    }

    @Override
    public void close() throws Exception {
        for (AutoCloseable closeable : closeables) {
            closeable.close();
        }
        gateway.close(Duration.ofMillis(100)).toCompletableFuture().get(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
        loops.close();
    }
}
