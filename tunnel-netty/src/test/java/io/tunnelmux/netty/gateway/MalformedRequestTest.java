package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that two servers could read differently, and requests that are too much. None of them reaches an agent. */
class MalformedRequestTest {

    private static GatewayRig rig;
    private static FakeAgent agent;

    @BeforeAll
    static void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().headTimeout(Duration.ofMillis(400)));
        agent = rig.agent();
    }

    @AfterAll
    static void stop() throws Exception {
        rig.close();
    }

    static Stream<Arguments> requests() {
        List<Arguments> table = new ArrayList<>();
        for (String fields : List.of(
                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: chunked\r\nContent-Length: 3",
                "Content-Length: 3\r\nContent-Length: 3",
                "Content-Length: 3\r\nContent-Length: 4",
                "Content-Length: 3, 3",
                "Content-Length: +3",
                "Content-Length: -3",
                "Content-Length: 0x3",
                "Content-Length:",
                "Content-Length: 3 3",
                "Content-Length: 9223372036854775808",
                "Content-Length: 99999999999999999999",
                "Transfer-Encoding: chunked, chunked",
                "Transfer-Encoding: chunked, gzip",
                "Transfer-Encoding: xchunked",
                "Transfer-Encoding: \"chunked\"",
                "Transfer-Encoding: identity",
                "Transfer-Encoding: chunked, identity",
                "Transfer-Encoding:\r\n chunked",
                "X: a\r\n b",
                "X: a\r\n\tb",
                "X : a",
                "X\t: a",
                " X: a",
                "X",
                ": a",
                "X: a\rb",
                "X: a\nY: b",
                "X: a\r\r\nY: b",
                "X: a\n\r\nY: b",
                "X\u0080: a",
                "X(: a",
                "Connection: Host",
                "Connection: close, Content-Length",
                "Connection: cookie",
                "Connection: authorization")) {
            table.add(Arguments.of("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n0\r\n\r\n", 400));
        }
        table.add(Arguments.of("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501));
        table.add(Arguments.of(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501));
        table.add(Arguments.of("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400));
        for (String head : List.of(
                "GET / HTTP/1.1\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
                "GET / HTTP/1.1\r\nHost:\r\n",
                "GET / HTTP/1.1\r\nHost: a/b\r\n",
                "GET / HTTP/1.1\r\nHost: u@a\r\n",
                "GET / HTTP/1.1\r\nHost: a b\r\n",
                "GET / HTTP/1.1\r\nHost: a:99999\r\n",
                "GET / HTTP/1.1\r\nHost: a:b\r\n",
                "GET / HTTP/1.1\r\nHost: [::1\r\n",
                "GET http://b/ HTTP/1.1\r\nHost: a\r\n",
                "GET a/b HTTP/1.1\r\nHost: a\r\n",
                "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n",
                "GET * HTTP/1.1\r\nHost: a\r\n",
                "GET  / HTTP/1.1\r\nHost: a\r\n",
                "GET /  HTTP/1.1\r\nHost: a\r\n",
                "GET / b HTTP/1.1\r\nHost: a\r\n",
                "GET\t/ HTTP/1.1\r\nHost: a\r\n",
                "GET /\u000b HTTP/1.1\r\nHost: a\r\n",
                " GET / HTTP/1.1\r\nHost: a\r\n",
                "GET / HTTP/1.1 \r\nHost: a\r\n",
                "GET /\r\nHost: a\r\n",
                "GET / HTTP/1.1\nHost: a\n",
                "G(T / HTTP/1.1\r\nHost: a\r\n",
                "GET / HTTX/1.1\r\nHost: a\r\n",
                "\0GET / HTTP/1.1\r\nHost: a\r\n",
                "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n")) {
            table.add(Arguments.of(head + "\r\n", 400));
        }
        table.add(Arguments.of("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405));
        table.add(Arguments.of("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405));
        table.add(Arguments.of("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505));
        table.add(Arguments.of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505));
        table.add(Arguments.of("GET /" + "x".repeat(64 * 1024) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414));
        table.add(Arguments.of("GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(64 * 1024) + "\r\n\r\n", 431));
        table.add(Arguments.of("GET / HTTP/1.1\r\nHost: a\r\n" + "x".repeat(300) + ": y\r\n\r\n", 431));
        table.add(Arguments.of("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n".repeat(100) + "\r\n", 431));
        table.add(Arguments.of("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n".repeat(2_000) + "\r\n", 431));
        return table.stream();
    }

    @ParameterizedTest
    @MethodSource("requests")
    void isAnsweredOnceAndTheConnectionCloses(String request, int status) throws Exception {
        try (RawClient client = RawClient.connect(rig.gateway().httpAddress())) {
            client.sends(request + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
            String answer = client.rest();

            assertThat(answer).startsWith("HTTP/1.1 " + status + " ").contains("connection: close\r\n");
            assertThat(answer).doesNotContainPattern("(?s).HTTP/1\\.1 [0-9]{3} ");
            assertThat(agent.hasCall()).isFalse();
        }
    }

    @Test
    void controlCharactersAreRefusedWhereverTheyStand() throws Exception {
        for (char c = 0; c <= 127; c++) {
            if (c < ' ' && c != '\r' && c != '\n' && c != '\t' || c == 127) {
                for (String request : List.of(
                        "G" + c + "T / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET /a" + c + "b HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX" + c + "Y: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX: a" + c + "b\r\n\r\n")) {
                    try (RawClient client = RawClient.connect(rig.gateway().httpAddress())) {
                        assertThat(client.sends(request).rest())
                                .as("character %d", (int) c)
                                .startsWith("HTTP/1.1 400 ");
                    }
                }
            }
        }
        assertThat(agent.hasCall()).isFalse();
    }

    static Stream<String> bodies() {
        return Stream.of(
                "3\nabc\r\n0\r\n\r\n",
                "3\r\nabcd\r\n0\r\n\r\n",
                "-3\r\nabc\r\n0\r\n\r\n",
                "0x3\r\nabc\r\n0\r\n\r\n",
                " 3\r\nabc\r\n0\r\n\r\n",
                "\r\n3\r\nabc\r\n0\r\n\r\n",
                "fffffffff\r\nabc",
                "3;a=\"\r\nabc\r\n0\r\n\r\n",
                "3\r\nabc\n0\r\n\r\n",
                "3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n",
                "3\r\nabc\r\n0\r\nX : a\r\n\r\n");
    }

    @ParameterizedTest
    @MethodSource("bodies")
    void malformedChunksAreRefused(String body) throws Exception {
        try (RawClient client = RawClient.connect(rig.gateway().httpAddress())) {
            client.sends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            FakeAgent.Call call = agent.next();
            client.sends(body);

            assertThat(client.rest()).startsWith("HTTP/1.1 400 ").contains("connection: close\r\n");
            assertThat(call.closed().isClean()).isFalse();
        }
    }

    @Test
    void aHeadThatIsSplitAnywhereIsReadTheSame() throws Exception {
        String good = "\r\nGET /x HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n";
        String bad = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n Y: 2\r\n\r\n";
        for (int at = 1; at < bad.length(); at++) {
            try (RawClient client = RawClient.connect(rig.gateway().httpAddress());
                    RawClient other = RawClient.connect(rig.gateway().httpAddress())) {
                client.sends(bad.substring(0, at));
                other.sends(good.substring(0, Math.min(at, good.length() - 1)));
                client.sends(bad.substring(at));
                other.sends(good.substring(Math.min(at, good.length() - 1)));

                assertThat(client.rest()).as("split at %d", at).startsWith("HTTP/1.1 400 ");
                agent.next().answersWithoutBody(204);
                assertThat(other.head()).startsWith("HTTP/1.1 204 ");
            }
        }
    }

    @Test
    void aTargetThatNamesTheHostIsReadAsOneWithout() throws Exception {
        for (String[] pair : new String[][] {
            {"http://a/x?y", "/x?y"}, {"http://a", "/"}, {"HTTP://A?q", "/?q"}, {"https://a/%2e", "/%2e"}
        }) {
            try (RawClient client = RawClient.connect(rig.gateway().httpAddress())) {
                client.gets(pair[0]);
                var head = agent.next().answersWithoutBody(204).request().head();
                assertThat(head.path() + (head.query() == null ? "" : "?" + head.query()))
                        .isEqualTo(pair[1]);
                client.head();
            }
        }
    }

    @Test
    void aSlowHeadIsNotWaitedFor() throws Exception {
        try (RawClient silent = RawClient.connect(rig.gateway().httpAddress());
                RawClient slow = RawClient.connect(rig.gateway().httpAddress());
                RawClient second = RawClient.connect(rig.gateway().httpAddress())) {
            second.gets("/");
            agent.next().answersWithoutBody(204);
            second.head();
            second.sends("GET / HT");
            slow.sends("GET / HT");

            assertThat(silent.rest()).isEmpty();
            assertThat(slow.rest()).startsWith("HTTP/1.1 408 ");
            assertThat(second.rest()).startsWith("HTTP/1.1 408 ");
        }
    }
}
