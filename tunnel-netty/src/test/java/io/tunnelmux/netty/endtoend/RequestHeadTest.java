package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.AgentRouter;
import io.tunnelmux.netty.gateway.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which heads of requests go no further: each is answered once, the connection closes, and the upstream hears nothing. */
class RequestHeadTest {

    private static final String HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

    private static Chain chain;

    @BeforeAll
    static void start() throws Exception {
        chain = Chain.start(config -> config.router(AgentRouter.builder()
                .route(Route.of("a", "/", "demo"))
                .route(Route.of("[::1]", "/", "demo"))
                .route(Route.of("marker", "/", "demo"))
                .build()));
    }

    @AfterAll
    static void stop() throws Exception {
        chain.close();
    }

    @BeforeEach
    void forgetWhatWasHeard() throws Exception {
        chain.heard();
    }

    private static void assertRefused(String request, int status) throws Exception {
        try (RawSocket client = chain.client()) {
            String answer = client.send(request + HIDDEN).rest();

            assertThat(answer).startsWith("HTTP/1.1 " + status + " ").contains("\r\nconnection: close\r\n");
            assertThat(List.of(answer.split("HTTP/1\\.1 \\d\\d\\d ", -1)))
                    .as("one answer")
                    .hasSize(2);
        }
    }

    /** The places of a head where a byte can stand. */
    private enum Place {
        METHOD("", "GET", " /x HTTP/1.1\r\nHost: a\r\n\r\n"),
        TARGET("GET ", "/ab?c", " HTTP/1.1\r\nHost: a\r\n\r\n"),
        VERSION("GET / ", "HTTP/1.1", "\r\nHost: a\r\n\r\n"),
        NAME("GET / HTTP/1.1\r\nHost: a\r\n", "X-a", ": b\r\n\r\n"),
        VALUE("GET / HTTP/1.1\r\nHost: a\r\nX: ", "ab", "\r\n\r\n"),
        HOST("GET / HTTP/1.1\r\nHost: ", "a", "\r\n\r\n"),
        END("GET / HTTP/1.1\r\nHost: a\r\n", "", "\r\n");

        private final String before;
        private final String token;
        private final String behind;

        Place(String before, String token, String behind) {
            this.before = before;
            this.token = token;
            this.behind = behind;
        }

        boolean allows(char c, int at) {
            return switch (this) {
                case VALUE -> c == '\t';
                case HOST -> c == '\t' && (at == 0 || at == token.length());
                // What a server may overlook in front of a request, and what is no other token than before.
                case METHOD, VERSION, TARGET, NAME, END -> false;
            };
        }
    }

    @ParameterizedTest
    @MethodSource("places")
    void aControlByteIsRefusedWhereverItStands(Object of) throws Exception {
        Place place = (Place) of;
        for (int i = 0; i <= 32; i++) {
            char c = i == 32 ? '\u007f' : (char) i;
            for (int at = 0; at <= place.token.length(); at++) {
                if (!place.allows(c, at)) {
                    String token = place.token.substring(0, at) + c + place.token.substring(at);
                    try (RawSocket client = chain.client()) {
                        assertThat(client.send(place.before + token + place.behind + HIDDEN)
                                        .rest())
                                .as("byte %d at %d", (int) c, at)
                                .startsWith("HTTP/1.1 400 ");
                    }
                }
            }
        }
        assertThat(chain.heard()).isEmpty();
    }

    static Stream<Object> places() {
        return Stream.of((Object[]) Place.values());
    }

    static Stream<Named<String>> malformed() {
        return Stream.of(
                        // Lines.
                        "GET / HTTP/1.1\nHost: a\n\n",
                        "GET / HTTP/1.1\r\nHost: a\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\n\n",
                        "GET / HTTP/1.1\r\nHost: a\r\n\r",
                        "GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\n\tX: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n",
                        "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX/y: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\n\"X\": b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX\u00e9: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nX\u0080: b\r\n\r\n",
                        // The first line.
                        " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "\tGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                        "GET / b HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET /\r\nHost: a\r\n\r\n",
                        "GET HTTP/1.1\r\nHost: a\r\n\r\n",
                        "/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "G\u00c9T / HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTX/1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1.1\r\nHost: a\r\n\r\n",
                        "GET / HTTP/11\r\nHost: a\r\n\r\n",
                        "GET / HTTP/-1.1\r\nHost: a\r\n\r\n",
                        "GET / http/1.1\r\nHost: a\r\n\r\n",
                        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n",
                        // The host.
                        "GET / HTTP/1.1\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
                        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: [a.b]\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: [::1]]\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: \u00e4\r\n\r\n",
                        "GET / HTTP/1.1\r\nHost: " + "a".repeat(600) + "\r\n\r\n",
                        // The target.
                        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http://a@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http://a\\@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http:/a/x HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET http://a/ HTTP/1.1\r\n\r\n",
                        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET ?x HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET *x HTTP/1.1\r\nHost: a\r\n\r\n",
                        "GET \\x HTTP/1.1\r\nHost: a\r\n\r\n")
                .map(request -> Named.of(Chain.shown(request), request));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void aMalformedHeadIsRefusedWhereverItIsCut(String request) throws Exception {
        assertRefused(request, 400);
        for (int cut = 1; cut < request.length(); cut++) {
            try (RawSocket client = chain.client()) {
                client.send(request.substring(0, cut)).send(request.substring(cut) + HIDDEN);
                assertThat(client.rest()).as("cut at %d", cut).startsWith("HTTP/1.1 400 ");
            }
        }
        assertThat(chain.heard()).isEmpty();
    }

    static Stream<Arguments> refused() {
        List<Arguments> table = new ArrayList<>();
        String fields = " HTTP/1.1\r\nHost: a\r\n";
        refused(table, "CONNECT a:443" + fields, 405);
        refused(table, "CONNECT /" + fields, 405);
        refused(table, "TRACE /" + fields, 405);
        refused(table, "GET / HTTP/1.2\r\nHost: a\r\n", 505);
        refused(table, "GET / HTTP/0.9\r\nHost: a\r\n", 505);
        refused(table, "GET / HTTP/2.0\r\nHost: a\r\n", 505);
        refused(table, "GET / HTTP/3.0\r\nHost: a\r\n", 505);
        refused(table, "GET / HTTP/9.9\r\nHost: a\r\n", 505);
        refused(table, "PRI * HTTP/2.0\r\n", 505);
        refused(table, "GET / HTTP/1.1\r\nHost: b\r\n", 404);
        refused(table, "GET / HTTP/1.1\r\nHost: a.b\r\n", 404);
        refused(table, "GET http://b/ HTTP/1.1\r\nHost: b\r\n", 404);
        refused(table, "GET / HTTP/1.0\r\n", 404);
        refused(table, "GET /" + "x".repeat(8 * 1024) + fields, 414);
        refused(table, "GET /" + "x".repeat(64 * 1024) + fields, 414);
        refused(table, "G".repeat(64 * 1024) + " /" + fields, 414);
        refused(table, "GET /" + fields + "X: " + "x".repeat(32 * 1024) + "\r\n", 431);
        refused(table, "GET /" + fields + "X: " + "x".repeat(64 * 1024) + "\r\n", 431);
        refused(table, "GET /" + fields + ("X: " + "x".repeat(995) + "\r\n").repeat(33), 431);
        refused(table, "GET /" + fields + "X".repeat(257) + ": y\r\n", 431);
        refused(table, "GET /" + fields + "X".repeat(64 * 1024) + ": y\r\n", 431);
        refused(table, "GET /" + fields + "X: y\r\n".repeat(100), 431);
        refused(table, "GET /" + fields + "X: y\r\n".repeat(2_000), 431);
        return table.stream();
    }

    private static void refused(List<Arguments> table, String head, int status) {
        table.add(Arguments.of(Named.of(Chain.shown(head), head + "\r\n"), status));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void whatIsNotServedIsRefusedByItsOwnStatus(String request, int status) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send(request);

            assertThat(client.message().status()).isEqualTo(status);
        }
        assertThat(chain.heard()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET /", "GET / HTTP/1.1\r\nHost: a\r\nX", "GET / HTTP/1.1\r\nHost: a\r\nX: "})
    void aHeadWithoutEndIsNotReadToItsEnd(String begin) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send(begin);
            byte[] more = "x".repeat(4_096).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            for (int i = 0; i < 16; i++) {
                client.send(more);
            }

            assertThat(client.message().status()).isIn(414, 431);
        }
        assertThat(chain.heard()).isEmpty();
    }

    @Test
    void whatIsWithinTheLimitsPasses() throws Exception {
        for (String request : List.of(
                "GET /" + "x".repeat(8_000) + " HTTP/1.1\r\nHost: a\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(32_000) + "\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\n" + "X".repeat(256) + ": y\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n".repeat(99))) {
            try (RawSocket client = chain.client()) {
                assertThat(client.send(request + "\r\n").message().status()).isEqualTo(200);
            }
            assertThat(chain.heard()).isEqualTo(request + Chain.added("a") + "\r\n");
        }
    }

    /** The client's bytes of the target, the upstream's, and the host. */
    @Test
    void aTargetPassesAsItCameWithoutItsHost() throws Exception {
        for (String[] row : new String[][] {
            {"http://a/x?y", "/x?y"},
            {"http://a", "/"},
            {"HTTP://A?q", "/?q"},
            {"https://a/%2e", "/%2e"},
            {"/x%0d%0aX-Injected:1", "/x%0d%0aX-Injected:1"},
            {"/x%0D%0A%0D%0AGET%20/hidden%20HTTP/1.1", "/x%0D%0A%0D%0AGET%20/hidden%20HTTP/1.1"},
            {"/?%00%01%7f%20%09", "/?%00%01%7f%20%09"},
        }) {
            try (RawSocket client = chain.client()) {
                String fields = " HTTP/1.1\r\nHost: a\r\n";
                client.send("GET " + row[0] + fields + "\r\n").message();

                assertThat(chain.heard()).isEqualTo("GET " + row[1] + fields + Chain.added("a") + "\r\n");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "A", "a:80", "a:", "a.", "[::1]", "[::1]:8080"})
    void aHostPassesAsItCame(String host) throws Exception {
        try (RawSocket client = chain.client()) {
            String head = "GET / HTTP/1.1\r\nHost: " + host + "\r\n";
            client.send(head + "\r\n").message();

            assertThat(chain.heard()).isEqualTo(head + Chain.added(host) + "\r\n");
        }
    }

    @Test
    void anEmptyLineInFrontOfARequestIsOverlooked() throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").message();
            client.send("\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").message();
        }
        assertThat(chain.heard())
                .isEqualTo("GET / HTTP/1.1\r\nHost: a\r\n" + Chain.added("a") + "\r\n"
                        + "GET /2 HTTP/1.1\r\nHost: a\r\n" + Chain.added("a") + "\r\n");
    }
}
