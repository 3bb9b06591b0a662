package io.tunnelmux.samples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.BlockingStream;
import io.tunnelmux.core.MessageExchange;
import io.tunnelmux.core.Priority;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Gateway;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TokenAuthenticator;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The sample of the README's section "Streams and messages of your own", and that it is the same there. */
class StreamsOfYourOwnTest {

    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Test
    void messagesAndStreamsOfItsOwnGoToAnAgentWithoutUpstream() throws Exception {
        ExecutorService threads =
                Executors.newCachedThreadPool(); // may wait; without it, handlers run on the event loop
        MessageExchange ofAgent = MessageExchange.builder()
                .on(
                        "greet",
                        threads,
                        request -> request.answer("hello " + request.message().payload()))
                .onStream("echo", (stream, request, isEnd) -> {
                    BlockingStream accepted = BlockingStream.accept(stream, request, isEnd);
                    threads.execute(() -> echo(accepted));
                    return accepted;
                })
                .build();
        MessageExchange ofGateway = MessageExchange.builder().build();
        Gateway gateway = Gateway.start(GatewayConfig.builder()
                        .httpAddress(ANY_PORT)
                        .tunnelAddress(ANY_PORT)
                        .authenticator(TokenAuthenticator.of("a-long-secret-token"))
                        .router(AgentRouter.toAgent("demo"))
                        .tunnelHandler(ofGateway::before)
                        .build())
                .toCompletableFuture()
                .join();
        Agent agent = Agent.start(AgentConfig.builder()
                .gateways(List.of(
                        URI.create("ws://127.0.0.1:" + gateway.tunnelAddress().getPort() + "/tunnel")))
                .agentId("demo")
                .token(() -> "a-long-secret-token")
                .tunnelHandler(ofAgent::before)
                .build());
        Tunnel tunnel = firstTunnel(gateway); // gateway.tunnels("demo").get(0), once the agent is connected

        Message.Application answer = ofGateway
                .request(tunnel, new Message.Application("greet", "you"), Duration.ofSeconds(10))
                .toCompletableFuture()
                .join();
        assertThat(answer.payload()).isEqualTo("hello you");

        try (BlockingStream stream = BlockingStream.open(tunnel, new Message.Application("echo", null), false)) {
            stream.stream().priority(Priority.BULK); // what others send goes first
            stream.output().write("and back".getBytes(UTF_8));
            stream.output().close(); // ends this side's half
            assertThat(stream.input().readAllBytes()).asString(UTF_8).isEqualTo("and back");
        }

        assertThat(tunnel.ping().toCompletableFuture().join()).isPositive(); // the round trip
        assertThat(tunnel.report().toCompletableFuture().join().heldBytes()).isZero(); // nothing waits
        agent.close();
        gateway.close(Duration.ofSeconds(10)).toCompletableFuture().join();
        threads.shutdown();
    }

    private static void echo(BlockingStream stream) {
        try (stream) {
            stream.input().transferTo(stream.output());
        } catch (IOException e) {
            stream.cancel(ErrorCode.INTERNAL_ERROR, e.toString());
        }
    }

    private static Tunnel firstTunnel(Gateway gateway) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (gateway.tunnels("demo").isEmpty() && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        return gateway.tunnels("demo").get(0);
    }

    @Test
    void theReadmeShowsTheSampleAsItIsHere() throws IOException {
        Readme.assertShows(getClass(), "messagesAndStreamsOfItsOwn");
    }
}
