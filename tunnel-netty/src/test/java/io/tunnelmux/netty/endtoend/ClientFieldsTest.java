package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

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

/** What a client may not say of itself, or unsay of others, never reaches the upstream; all else does, as it was. */
class ClientFieldsTest {

    private static Chain chain;

    @BeforeAll
    static void start() throws Exception {
        chain = Chain.start();
    }

    @AfterAll
    static void stop() throws Exception {
        chain.close();
    }

    @BeforeEach
    void forgetWhatWasHeard() throws Exception {
        chain.heard();
    }

    static Stream<Arguments> fields() {
        return Stream.of(
                // Of one connection only.
                row("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n", ""),
                row("TE: trailers\r\nUpgrade: h2c\r\nProxy-Authorization: Basic eDp5\r\n", ""),
                row("Connection: TE\r\nTE: gzip\r\n", ""),
                // Nominated.
                row("Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\n", "X-B: 2\r\n"),
                row("X-A: 1\r\nconnection: \t x-a \t,,keep-alive\r\nX-a: 2\r\n", ""),
                row("Connection: X-A\r\nX-A: 1\r\nConnection: X-B\r\nX-B: 2\r\n", ""),
                row("Connection: close, X-Real-IP, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host\r\n", ""),
                row("Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6\r\n", ""),
                row("Connection: Accept\r\nAccept: a/b\r\nAccept-Encoding: gzip\r\n", "Accept-Encoding: gzip\r\n"),
                // What only a proxy says.
                row("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n", ""),
                row(
                        "x-forwarded-host: evil\r\nX-FORWARDED-PORT: 1\r\nX-Forwarded-Prefix: /\r\nX-Forwarded-: 1\r\n",
                        ""),
                row(
                        "Forwarded: for=6.6.6.6\r\nfORWARDED: host=evil\r\nX-Real-IP: 6.6.6.6\r\nx-real-ip: 6.6.6.6\r\n",
                        ""),
                // What some take for another name.
                row("X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n", ""),
                row("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n_: x\r\nA_: x\r\nAuthori_ation: x\r\n", ""),
                // What passes.
                row("Authorization: Bearer x\r\nCookie: a=b\r\nCookie: c=d\r\n", null),
                row("Accept-Encoding: gzip;q=1.0, br, *;q=0\r\nTrailer: X\r\nVia: 1.0 x\r\n", null),
                row("X: 1\r\nx: 2\r\nY: 3\r\nX: 1\r\n", "X: 1\r\nX: 2\r\nX: 1\r\nY: 3\r\n"), // values keep their order
                row("X:\r\nEmpty: \r\n", "X: \r\nEmpty: \r\n"),
                row("X: a\tb  c\r\nY: \u00e4\u00ff\u0080\r\nZ: ,;\"\\\r\n", null),
                row("X: \t a \t \r\nY:b\r\n", "X: a\r\nY: b\r\n"),
                row("!#$%&'*+-.^`|~09: x\r\n", null));
    }

    private static Arguments row(String fields, String expected) {
        return Arguments.of(Named.of(Chain.shown(fields), fields), expected == null ? fields : expected);
    }

    @ParameterizedTest
    @MethodSource("fields")
    void theUpstreamGetsWhatAClientMaySay(String fields, String expected) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n").message();
        }

        assertThat(chain.heard()).isEqualTo("GET / HTTP/1.1\r\nHost: a\r\n" + expected + Chain.added("a") + "\r\n");
    }

    /** A proxy that the gateway was told of may say who its client is; of what it was told itself only the end is believed. */
    @Test
    void aTrustedProxySaysWhoItsClientIs() throws Exception {
        try (Chain behind = Chain.start(config -> config.trustedProxies(List.of("127.0.0.0/8")));
                RawSocket proxy = behind.client()) {
            behind.heard();
            proxy.send("GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n"
                            + "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\nX-Real-IP: 6.6.6.6\r\n\r\n")
                    .message();

            assertThat(behind.heard())
                    .isEqualTo("GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 203.0.113.9, 127.0.0.1\r\n"
                            + "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Connection: Host",
                "Connection: host",
                "Connection: close, Content-Length",
                "Connection: keep-alive,\tAuthorization",
                "Connection: COOKIE",
                "Connection: X\r\nConnection: Cookie"
            })
    void whatChangesTheRequestCannotBeNamedAway(String field) throws Exception {
        try (RawSocket client = chain.client()) {
            String answer = client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nCookie: a=b\r\n" + field
                            + "\r\n\r\nabc")
                    .rest();

            assertThat(answer).startsWith("HTTP/1.1 400 ").contains("\r\nconnection: close\r\n");
        }
        assertThat(chain.heard()).isEmpty();
    }

    /** As all a client gets, byte for byte. */
    @Test
    void theClientGetsWhatAnUpstreamMaySay() throws Exception {
        chain.upstream()
                .answers("HTTP/1.1 200 OK\r\nConnection: X-A, keep-alive\r\nX-A: 1\r\nKeep-Alive: timeout=9\r\n"
                        + "Upgrade: h2c\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\nTE: x\r\n"
                        + "Set-Cookie: a=b\r\nX_Y: 1\r\nVia: 1.1 z\r\nset-cookie: c=d\r\nX-Forwarded-For: 1\r\n"
                        + "Content-Encoding: gzip\r\nContent-Length: 2\r\nX-B: \u00e4\t\u00ff\r\n\r\nok");
        try (RawSocket client = chain.client()) {
            String head =
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message().head();

            assertThat(head)
                    .isEqualTo("HTTP/1.1 200 OK\r\n"
                            + "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nX_Y: 1\r\nVia: 1.1 z\r\nX-Forwarded-For: 1\r\n"
                            + "Content-Encoding: gzip\r\nContent-Length: 2\r\nX-B: \u00e4\t\u00ff\r\n\r\n");
        }
    }
}
