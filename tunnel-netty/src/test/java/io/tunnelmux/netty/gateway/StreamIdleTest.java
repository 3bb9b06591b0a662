package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where the gateway has a limit for streams on which nothing moves. */
class StreamIdleTest {

    private static final Duration LIMIT = Duration.ofMillis(400);

    private GatewayRig rig;
    private FakeAgent agent;

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .router(AgentRouter.builder()
                        .route(Route.to(GatewayRig.AGENT).withUpgrade("raw"))
                        .build())
                .tcpForward(TcpForward.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), GatewayRig.AGENT))
                .streamIdleTimeout(LIMIT));
        agent = rig.agent();
        rig.awaitAgents(1);
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private FakeAgent.Call connected(RawClient client) throws Exception {
        client.sends("hello");
        FakeAgent.Call call = agent.next();
        Message.TcpTunnelStart start = (Message.TcpTunnelStart) call.opening();
        call.stream().send(new Message.TcpTunnelConnected(start.requestId()), false);
        call.received(5);
        return call;
    }

    private RawClient tcpClient() throws Exception {
        return rig.closed(RawClient.connect(rig.gateway().tcpAddresses().get(0)));
    }

    @Test
    void aConnectionIsCutAndOneOnWhichSomethingMovesIsNot() throws Exception {
        RawClient busyClient = tcpClient();
        FakeAgent.Call busy = connected(busyClient);
        RawClient idleClient = tcpClient();
        FakeAgent.Call idle = connected(idleClient);

        int turns = 0;
        while (idle.stream().tunnel().openStreams() > 1) {
            busy.sends("ping");
            assertThat(busyClient.read(4)).isEqualTo("ping");
            turns++;
        }

        assertThat(turns).isPositive();
        assertThat(idle.closed().is(ErrorCode.TIMEOUT)).isTrue();
        assertThat(idleClient.isReset()).isTrue();
        busyClient.sends("still there");
        busy.received(16);
    }

    @Test
    void aClientThatTakesNothingIsIdle() throws Exception {
        FakeAgent.Call call = connected(tcpClient());
        call.sends(new byte[8 * 1024 * 1024]);

        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
    }

    @Test
    void anAgentThatTakesNothingIsIdle() throws Exception {
        RawClient client = tcpClient();
        FakeAgent.Call call = connected(client);
        agent.takesNothing();
        Thread writer = new Thread(() -> {
            try {
                while (true) {
                    client.sends(new byte[64 * 1024]);
                }
            } catch (Exception e) {
                // It was cut.
            }
        });
        writer.start();

        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
        writer.join();
    }

    @Test
    void anUpgradedConnectionIsCut() throws Exception {
        RawClient client =
                rig.client().sends("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n");
        FakeAgent.Call call = agent.next().answers(101, "Upgrade", "raw").sends("hello");
        assertThat(client.head()).startsWith("HTTP/1.1 101 ");
        assertThat(client.read(5)).isEqualTo("hello");

        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void aResponseThatDoesNotGoOnIsCut() throws Exception {
        RawClient client = rig.client().gets("/events");
        FakeAgent.Call call =
                agent.next().answers(200, "Content-Type", "text/event-stream").sends("data: 1\n\n");
        assertThat(client.head()).startsWith("HTTP/1.1 200 ");

        assertThat(call.closed().is(ErrorCode.TIMEOUT)).isTrue();
        assertThat(client.isReset()).isTrue();
    }

    @Test
    void aResponseThatIsLateIsNoneOfItsBusiness() throws Exception {
        RawClient client = rig.client().gets("/late");
        FakeAgent.Call call = agent.next();
        RawClient idle = rig.client().gets("/events");
        FakeAgent.Call cut = agent.next().answers(200);
        assertThat(cut.closed().is(ErrorCode.TIMEOUT)).isTrue();

        call.answers(200, "Content-Length", "4").sends("late").ends();

        assertThat(client.response()).endsWith("late");
        assertThat(idle.isReset()).isTrue();
    }
}
