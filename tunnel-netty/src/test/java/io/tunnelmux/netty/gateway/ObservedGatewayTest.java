package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.testing.LeakGuard;
import io.tunnelmux.netty.testing.RecordingExchanges;
import io.tunnelmux.netty.testing.RecordingExchanges.Recorded;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What a gateway tells its observers and its logs. */
@ExtendWith(LeakGuard.class)
class ObservedGatewayTest {

    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String TRACEPARENT = "00-" + TRACE + "-00f067aa0ba902b7-01";
    private static final String KEY = "dGhlIHNhbXBsZSBub25jZQ==";
    private static final String ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    private static final String UPGRADE = "GET /chat?room=secret HTTP/1.1\r\nHost: app\r\nConnection: Upgrade\r\n"
            + "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + "\r\n\r\n";

    private final RecordingExchanges exchanges = new RecordingExchanges();
    private final BlockingQueue<String> refusals = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> circuits = new LinkedBlockingQueue<>();
    private final ListAppender<ILoggingEvent> accessLog = new ListAppender<>();
    private final ListAppender<ILoggingEvent> performanceLog = new ListAppender<>();
    private GatewayRig rig;
    private RawClient client;

    @BeforeEach
    void start() throws Exception {
        log("io.tunnelmux.access", accessLog);
        log("io.tunnelmux.performance", performanceLog);
        rig = GatewayRig.start(GatewayRig.config()
                .router(AgentRouter.builder()
                        .route(Route.of("app", "/", GatewayRig.AGENT).withTimeout(Duration.ofSeconds(20)))
                        .route(Route.of("quick", "/", GatewayRig.AGENT).withTimeout(Duration.ofMillis(100)))
                        .route(Route.of("gone", "/", "nobody"))
                        .build())
                .admission(AdmissionConfig.builder()
                        .maxStreamsPerTunnel(1)
                        .circuitFailures(2)
                        .circuitOpen(Duration.ofMillis(100))
                        .queueWait(Duration.ofSeconds(60))
                        .build())
                .h2c(true)
                .accessLog(true)
                .logPerformance(true)
                .observer(new Failing())
                .observer(new GatewayObserver() {
                    @Override
                    public ExchangeObserver onExchange(ExchangeInfo exchange) {
                        return exchanges.begin(exchange);
                    }

                    @Override
                    public void onRefused(String cause) {
                        refusals.add(cause);
                    }

                    @Override
                    public void onCircuit(Route route, boolean isOpen) {
                        circuits.add(route.host() + " " + isOpen);
                    }
                }));
        client = rig.client();
    }

    /** An observer that is no good must not be in the way of one that is. */
    private static final class Failing implements GatewayObserver {
        @Override
        public ExchangeObserver onExchange(ExchangeInfo exchange) {
            if (exchange.isWebSocket()) {
                throw new IllegalStateException("on purpose");
            }
            return new ExchangeObserver() {
                @Override
                public TraceContext trace() {
                    throw new IllegalStateException("on purpose");
                }

                @Override
                public void onAnswered(int status, Duration waited) {
                    throw new IllegalStateException("on purpose");
                }

                @Override
                public void onEnded(ExchangeEnd end) {
                    throw new IllegalStateException("on purpose");
                }
            };
        }

        @Override
        public void onRefused(String cause) {
            throw new IllegalStateException("on purpose");
        }
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
        logger("io.tunnelmux.access").detachAppender(accessLog);
        logger("io.tunnelmux.performance").detachAppender(performanceLog);
    }

    private static Logger logger(String name) {
        return (Logger) LoggerFactory.getLogger(name);
    }

    private static void log(String name, ListAppender<ILoggingEvent> to) {
        to.start();
        Logger logger = logger(name);
        logger.setLevel(Level.INFO);
        logger.addAppender(to);
    }

    @Test
    void tellsOfARequestAndItsAnswer() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("POST /a/b?token=secret HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\ntraceparent: " + TRACEPARENT
                + "\r\n\r\nhello");
        agent.next().answers(201, "Content-Length", "7").sends("goodbye").ends();

        Recorded told = exchanges.next();
        assertThat(told.info.method()).isEqualTo("POST");
        assertThat(told.info.host()).isEqualTo("app");
        assertThat(told.info.path()).isEqualTo("/a/b");
        assertThat(told.info.agentId()).isEqualTo(GatewayRig.AGENT);
        assertThat(told.info.peer()).contains("127.0.0.1");
        assertThat(told.info.upgrade()).isNull();
        assertThat(told.info.trace()).hasToString(TRACEPARENT);
        assertThat(told.status).isEqualTo(201);
        assertThat(told.waited).isLessThanOrEqualTo(told.end.lasted());
        assertThat(told.end).isEqualTo(new ExchangeEnd(201, ExchangeEnd.COMPLETE, 5, 7, told.end.lasted()));
        assertThat(refusals).isEmpty();
        assertThat(accessLine())
                .startsWith(
                        "method=POST host=app path=/a/b status=201 agent_id=" + GatewayRig.AGENT + " client=127.0.0.1:")
                .contains(" bytes_in=5 bytes_out=7 ms=", " outcome=complete trace_id=" + TRACE + " ")
                .doesNotContain("secret");
        assertThat(performanceLog.list).isEmpty();
    }

    @Test
    void tellsOfAWebSocketAndAllItsBytes() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends(UPGRADE + "early");
        FakeAgent.Call call = agent.next();
        client.sends(" bird");
        call.answers(101, "Upgrade", "websocket", "Sec-WebSocket-Accept", ACCEPT);
        client.head();
        for (int i = 0; i < 10; i++) {
            client.sends("ping");
            call.received(5 + 4 * (i + 1));
            call.sends("pong!");
            client.read(5);
        }
        call.ends();
        client.close();

        Recorded told = exchanges.next();
        assertThat(told.info.isWebSocket()).isTrue();
        assertThat(told.status).isEqualTo(101);
        assertThat(told.mode).isEqualTo(RelayMode.ZERO_COPY);
        assertThat(told.relayed).containsEntry(Direction.TO_AGENT, 50L).containsEntry(Direction.FROM_AGENT, 50L);
        assertThat(told.chunks.get(Direction.TO_AGENT)).isBetween(1, 12);
        assertThat(told.chunks.get(Direction.FROM_AGENT)).isBetween(1, 10);
        assertThat(told.end.receivedBytes()).isEqualTo(50);
        assertThat(told.end.sentBytes()).isEqualTo(50);
        assertThat(told.end.outcome()).isIn(ExchangeEnd.COMPLETE, ExchangeEnd.CLIENT_GONE);
        assertThat(accessLine())
                .contains("path=/chat status=101 ", " bytes_in=50 bytes_out=50 ")
                .doesNotContain("secret");
        assertThat(onlyLine(performanceLog))
                .matches("mode=zero_copy duration_ms=\\d+ bytes_in=50 bytes_out=50 bytes_total=100 agent_id="
                        + GatewayRig.AGENT + " path=/chat outcome=\\w+ trace_id="
                        + told.info.trace().traceId());
    }

    @Test
    void tellsThatAClientHasGone() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
        agent.next();
        client.close();

        Recorded told = exchanges.next();
        assertThat(told.status).isZero();
        assertThat(told.end).isEqualTo(new ExchangeEnd(0, ExchangeEnd.CLIENT_GONE, 0, 0, told.end.lasted()));
    }

    @Test
    void tellsWhatTheClientWasToldInPlaceOfAnAnswer() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET / HTTP/1.1\r\nHost: quick\r\n\r\n");
        agent.next();
        Recorded late = exchanges.next();
        assertThat(late.end).isEqualTo(new ExchangeEnd(504, "timeout", 0, 0, late.end.lasted()));

        client = rig.client();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
        agent.next().closes(ErrorCode.UPSTREAM_RESET, "cut");
        Recorded cut = exchanges.next();
        assertThat(cut.end).isEqualTo(new ExchangeEnd(502, "upstream_reset", 0, 0, cut.end.lasted()));

        client = rig.client();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
        agent.next().answers(200, "Content-Length", "10").sends("12345").closes(ErrorCode.UPSTREAM_RESET, "cut");
        Recorded broken = exchanges.next();
        assertThat(broken.end).isEqualTo(new ExchangeEnd(200, "upstream_reset", 0, 5, broken.end.lasted()));
    }

    @Test
    void anAgentCannotMakeUpOutcomes() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
        agent.next()
                .fails(
                        new Message.ProxyError("r", "made_up_1234", "no", 500, "a", "/", null, false),
                        ErrorCode.INTERNAL_ERROR);

        Recorded told = exchanges.next();
        assertThat(told.end.outcome()).isEqualTo(ExchangeEnd.APPLICATION_ERROR);
        assertThat(told.end.status()).isEqualTo(500);
    }

    @Test
    void tellsOfCircuitsThatOpenAndClose() throws Exception {
        FakeAgent agent = rig.agent();
        for (int i = 0; i < 2; i++) {
            client.sends("GET /ill HTTP/1.1\r\nHost: app\r\n\r\n");
            agent.next().closes(ErrorCode.UPSTREAM_UNREACHABLE, "no way");
            assertThat(client.response()).startsWith("HTTP/1.1 502 ");
        }
        assertThat(circuits.poll(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("app true");

        String answer = "";
        while (!answer.startsWith("HTTP/1.1 204 ")) {
            client.sends("GET /well HTTP/1.1\r\nHost: app\r\n\r\n");
            Thread answering = new Thread(() -> answer(agent));
            answering.start();
            answer = client.response();
            answering.interrupt();
            answering.join();
        }
        assertThat(circuits.poll(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("app false");
        assertThat(circuits).isEmpty();
    }

    private static void answer(FakeAgent agent) {
        try {
            agent.next().answersWithoutBody(204);
        } catch (InterruptedException e) {
            // The request was refused, and never comes.
        }
    }

    @Test
    void tellsOfRefusalsByCause() throws Exception {
        client.sends("GET / HTTP/1.1\r\nHost: unknown\r\n\r\n");
        assertThat(refusal()).isEqualTo("unknown_host");
        assertThat(client.response()).startsWith("HTTP/1.1 404 ");
        assertThat(accessLine())
                .startsWith("method=GET host=unknown path=/ status=404 agent_id=- client=127.0.0.1:")
                .endsWith(" outcome=unknown_host trace_id=- detail=\"no agent serves this host and path\"");

        client = rig.client();
        client.sends("GET / HTTP/1.1\r\nHost: gone\r\n\r\n");
        assertThat(refusal()).isEqualTo("agent_offline");
        assertThat(exchanges.next().end.outcome()).isEqualTo("agent_offline");

        client = rig.client();
        client.sends("GET /?token=secret HTTP/1.1\r\nHost: app\r\nHost: app\r\n\r\n");
        assertThat(refusal()).isEqualTo("bad_request");

        rig.dialling(GatewayRig.AGENT, "a-wrong-token-of-somebody");
        assertThat(refusal()).isEqualTo("tunnel_unauthorized");
        assertThat(exchanges.isEmpty()).isTrue();
        assertThat(accessLog.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .noneMatch(line -> line.contains("secret"));
    }

    @Test
    void tellsOfRequestsThatWaitForTheirTurn() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET /first HTTP/1.1\r\nHost: app\r\n\r\n");
        FakeAgent.Call first = agent.next();
        RawClient second = rig.client();
        second.sends("GET /second HTTP/1.1\r\nHost: app\r\n\r\n");
        Recorded waits = exchanges.nextWaiting();
        RawClient third = rig.client();
        third.sends("GET /third HTTP/1.1\r\nHost: app\r\n\r\n");
        exchanges.nextWaiting();
        third.close();
        Recorded gone = exchanges.next();
        first.answersWithoutBody(200);
        exchanges.next();
        agent.next().answersWithoutBody(200);

        assertThat(exchanges.next()).isSameAs(waits);
        assertThat(waits.info.path()).isEqualTo("/second");
        assertThat(waits.queueLeft).isEqualTo(waits.queued).isEqualTo(1);
        assertThat(waits.end.outcome()).isEqualTo(ExchangeEnd.COMPLETE);
        assertThat(gone.queueLeft).isEqualTo(gone.queued).isEqualTo(1);
        assertThat(gone.end.outcome()).isEqualTo(ExchangeEnd.CLIENT_GONE);
    }

    @Test
    void aTraceGoesOnAndItsStateWithIt() throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\ntraceparent: " + TRACEPARENT
                + "\r\ntracestate: a=1\r\ntracestate: b=2\r\nX-Trace-ID: t1\r\nX-Request-ID: r1\r\n\r\n");

        Message.ProxyRequest request = agent.next().answersWithoutBody(204).request();

        Headers headers = request.head().headers();
        assertThat(request.traceparent()).isEqualTo(TRACEPARENT);
        assertThat(headers.all("traceparent")).containsExactly(TRACEPARENT);
        assertThat(headers.all("tracestate")).containsExactly("a=1", "b=2");
        assertThat(headers.all("x-trace-id")).containsExactly("t1");
        assertThat(headers.all("x-request-id")).containsExactly("r1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "traceparent: 00-xyz-1-01\r\n",
                "traceparent: " + TRACEPARENT + "\r\ntraceparent: " + TRACEPARENT + "\r\n"
            })
    void whereNoneIsSaidOrNoneThatCanBeReadATraceBegins(String fields) throws Exception {
        FakeAgent agent = rig.agent();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n" + fields + "tracestate: a=1\r\n\r\n");

        Message.ProxyRequest request = agent.next().answersWithoutBody(204).request();

        TraceContext begun = TraceContext.parse(request.traceparent());
        assertThat(begun).isEqualTo(exchanges.next().info.trace());
        assertThat(begun.traceId()).isNotEqualTo(TRACE);
        assertThat(begun.isSampled()).isTrue();
        assertThat(request.head().headers().all("traceparent")).containsExactly(begun.toString());
        assertThat(request.head().headers().contains("tracestate")).isFalse();
        assertThat(accessLine()).contains(" trace_id=" + begun.traceId());
    }

    @Test
    void aTraceThatBeginsHereIsSampledAsOftenAsWanted() throws Exception {
        try (GatewayRig unsampled = GatewayRig.start(GatewayRig.config().traceSampling(0))) {
            FakeAgent agent = unsampled.agent();
            unsampled.client().gets("/");

            TraceContext begun = TraceContext.parse(
                    agent.next().answersWithoutBody(204).request().traceparent());
            assertThat(begun.isSampled()).isFalse();
        }
        GatewayConfig.Builder config = GatewayRig.config();
        for (double share : new double[] {-0.1, 1.1, Double.NaN}) {
            assertThatThrownBy(() -> config.traceSampling(share)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void anObserverMayPutItselfIntoTheTrace() throws Exception {
        TraceContext span = new TraceContext(TRACE, "1111111111111111", true);
        exchanges.says(span);
        FakeAgent agent = rig.agent();
        client.sends("GET /x?y HTTP/1.1\r\nHost: app\r\ntraceparent: " + TRACEPARENT + "\r\ntracestate: a=1\r\n\r\n");

        Message.ProxyRequest request = agent.next().answersWithoutBody(204).request();

        assertThat(exchanges.next().info.trace()).hasToString(TRACEPARENT);
        assertThat(request.traceparent()).isEqualTo(span.toString());
        assertThat(request.head().headers().all("traceparent")).containsExactly(span.toString());
        assertThat(request.head().headers().all("tracestate")).containsExactly("a=1");
        assertThat(request.head().query()).isEqualTo("y");
    }

    @Test
    void withoutTheOptionTheAccessLogIsForDebugging() throws Exception {
        rig.close();
        rig = GatewayRig.start();
        FakeAgent agent = rig.agent();
        client = rig.client();
        client.sends("GET / HTTP/1.1\r\nHost: app\r\n\r\n");
        agent.next().answersWithoutBody(204);
        client.response();

        assertThat(accessLog.list).isEmpty();
    }

    private String refusal() throws InterruptedException {
        return refusals.poll(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    private String accessLine() {
        return onlyLine(accessLog);
    }

    /** The only line so far; its request was told to be over, and the line comes right behind that. */
    private static String onlyLine(ListAppender<ILoggingEvent> log) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(FakeAgent.PATIENCE_SECONDS);
        List<ILoggingEvent> lines = linesOf(log);
        while (lines.isEmpty()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("no line in the log");
            }
            Thread.onSpinWait();
            lines = linesOf(log);
        }
        assertThat(lines).hasSize(1);
        assertThat(lines.get(0).getLevel()).isEqualTo(Level.INFO);
        return lines.get(0).getFormattedMessage();
    }

    private static List<ILoggingEvent> linesOf(ListAppender<ILoggingEvent> log) {
        synchronized (log) { // as an appender does when it adds one
            return List.copyOf(log.list);
        }
    }
}
