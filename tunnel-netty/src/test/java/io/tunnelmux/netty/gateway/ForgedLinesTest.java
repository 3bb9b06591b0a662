package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Whatever clients and agents say, they begin no line of a gateway's log and no {@code key=value} in one. */
class ForgedLinesTest {

    private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final String FORGED = "x\r\nINFO forged\u001b[2J\u0085\u2028\" code=\"1";
    private static final String ESCAPED = "x\\u{d}\\u{a}INFO forged\\u{1b}[2J\\u{85}\\u{2028}\\u{22} code=\\u{22}1";

    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            lines.add(event.getFormattedMessage());
        }
    };
    private GatewayRig rig;

    @BeforeEach
    void start() throws Exception {
        appender.start();
        root.addAppender(appender);
        rig = GatewayRig.start(GatewayRig.config()
                .router(AgentRouter.builder()
                        .route(Route.of("a", "/", GatewayRig.AGENT))
                        .build())
                .tcpForward(TcpForward.of(FREE_PORT, GatewayRig.AGENT))
                .udpForward(UdpForward.of(FREE_PORT, GatewayRig.AGENT))
                .accessLog(true));
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
        root.detachAppender(appender);
    }

    /** The next line that begins so. */
    private String line(String begin) throws InterruptedException {
        String line = "";
        while (!line.startsWith(begin)) {
            line = lines.poll(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(line).as("a line that begins: " + begin).isNotNull();
        }
        return line;
    }

    private static Message.ProxyError error(String message, @Nullable String cause) {
        return new Message.ProxyError("x", "forbidden", message, 403, null, null, cause, false);
    }

    @Test
    void theReasonOfAGoAway() throws Exception {
        rig.agent().tunnel().close(ErrorCode.INTERNAL_ERROR, FORGED);

        assertThat(line("tunnel ended")).endsWith(" outcome=\"INTERNAL_ERROR (remote): " + ESCAPED + "\"");
    }

    @Test
    void whatAnAgentHearsOfAGateway() throws Exception {
        FakeAgent agent = rig.agent();
        rig.awaitAgents(1);
        Tunnel tunnel = rig.gateway().tunnels(GatewayRig.AGENT).get(0);
        tunnel.close(ErrorCode.INTERNAL_ERROR, FORGED);

        assertThat(agent.lost().reason()).isEqualTo(FORGED);
        assertThat(line("agent_id=demo state=WAITING"))
                .contains(" detail=\"the tunnel has ended, INTERNAL_ERROR (remote): " + ESCAPED + "; next attempt in ");
    }

    @Test
    void whyAStreamEnded() throws Exception {
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/");
        agent.next().answers(200, "Content-Length", "9").sends("12345").closes(ErrorCode.UPSTREAM_RESET, FORGED);

        assertThat(line("method=GET")).endsWith(" detail=\"UPSTREAM_RESET (remote): " + ESCAPED + "\"");
        client.close();
    }

    @Test
    void whatAnAgentAnswersInPlaceOfAnAnswer() throws Exception {
        FakeAgent agent = rig.agent();
        RawClient client = rig.client().gets("/");
        agent.next().fails(error(FORGED, FORGED), ErrorCode.FORBIDDEN);

        assertThat(client.response()).startsWith("HTTP/1.1 403 ");
        assertThat(line("method=GET")).endsWith(" detail=\"" + ESCAPED + "\"");
    }

    @Test
    void whyATcpConnectionWasReset() throws Exception {
        FakeAgent agent = rig.agent();
        rig.awaitAgents(1);
        RawClient client =
                rig.closed(RawClient.connect(rig.gateway().tcpAddresses().get(0)));
        FakeAgent.Call call = agent.next();
        call.fails(error(FORGED, null), ErrorCode.FORBIDDEN);

        assertThat(client.isReset()).isTrue();
        assertThat(line("refused cause=tcp_reset"))
                .contains(": forbidden: " + ESCAPED + "\" ")
                .doesNotContain("\n");
        assertThat(line("protocol=tcp")).endsWith("=\"forbidden: " + ESCAPED + "\"");
        assertThat(call.closed().reason()).doesNotContain("u{");
    }

    @Test
    void whyATcpStreamEnded() throws Exception {
        FakeAgent agent = rig.agent();
        rig.awaitAgents(1);
        RawClient client =
                rig.closed(RawClient.connect(rig.gateway().tcpAddresses().get(0)));
        agent.next().closes(ErrorCode.UPSTREAM_RESET, FORGED);

        assertThat(client.isReset()).isTrue();
        assertThat(line("refused cause=tcp_reset")).contains(": UPSTREAM_RESET (remote): " + ESCAPED + "\" ");
        assertThat(line("protocol=tcp")).endsWith("=\"UPSTREAM_RESET (remote): " + ESCAPED + "\"");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whyDatagramsAreNotTaken(boolean isTold) throws Exception {
        FakeAgent agent = rig.agent();
        rig.awaitAgents(1);
        try (DatagramSocket client = new DatagramSocket(FREE_PORT)) {
            client.send(new DatagramPacket(
                    new byte[1], 1, rig.gateway().udpAddresses().get(0)));
            FakeAgent.Call call = agent.next();
            if (isTold) {
                call.fails(error(FORGED, null), ErrorCode.FORBIDDEN);
            } else {
                call.closes(ErrorCode.FORBIDDEN, FORGED);
            }
            String why = (isTold ? "forbidden: " : "FORBIDDEN (remote): ") + ESCAPED;
            assertThat(line("refused cause=udp_refused")).contains(": " + why + "\" ");
            assertThat(line("protocol=udp")).endsWith("=\"" + why + "\"");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "/\u009b31m, /\\u{9b}31m",
        "/a\u0085b, /a\\u{85}b",
        "/q\"uote, /q\\u{22}uote",
        "/\u00e9, /\u00e9",
        "/\u00a0x=1, /\\u{a0}x=1",
        "/b\\c, /b\\u{5c}c"
    })
    void pathsOfClients(String path, String logged) throws Exception {
        FakeAgent agent = rig.agent();
        rig.client().gets(path);
        assertThat(agent.next().answersWithoutBody(204).request().head().path()).isEqualTo(path);
        assertThat(line("method=GET")).startsWith("method=GET host=a path=" + logged + " status=204 ");

        rig.client().sends("GET " + path + " HTTP/1.1\r\nHost: nowhere\r\n\r\n");
        assertThat(line("method=GET")).startsWith("method=GET host=nowhere path=" + logged + " status=404 ");
    }

    @Test
    void whatIsWrongWithARequest() throws Exception {
        rig.client().sends("GET / HTTP/1.1\r\nHost: a\r\nba\"d na me: x\r\n\r\n");

        String why = line("refused cause=bad_request");
        assertThat(why.substring(why.indexOf(" why=\"") + 6))
                .contains("ba\\u{22}d na me")
                .matches("[^\"]*\" not_logged=0");
        String access = line("method=-");
        assertThat(access.substring(access.indexOf(" detail=\"") + 9))
                .contains("ba\\u{22}d na me")
                .matches("[^\"]*\"");
    }

    @ParameterizedTest
    @CsvSource({
        "2028, 2028",
        "2029, 2029",
        "202e, 202e",
        "85, 85",
        "9b, 9b",
        "22, 22",
        "5c, 5c",
        "200b, 200b",
        "e000, e000",
        "378, 378",
        "d, d"
    })
    void beginningsOfMessages(String said, String escaped) throws Exception {
        String text = "a " + Character.toString(Integer.parseInt(said, 16)) + "\u20ac";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ExchangeInfo exchange =
                new ExchangeInfo("GET", "h\"", "/p\u009b q", "demo", "-", "websocket", TraceContext.begin(true), true);

        new Recorder(GatewayRig.config().build())
                .onSample(
                        new RelayedMessage(
                                Direction.TO_AGENT, RelayedMessage.Kind.TEXT, bytes.length, 0, Payload.of(bytes)),
                        exchange,
                        "t");

        assertThat(line("direction="))
                .contains(" host=h\\u{22} path=/p\\u{9b}\\u{20}q ")
                .endsWith(" begin=\"a \\u{" + escaped + "}\u20ac\"");
    }
}
