package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an upstream answers is believed as little as what a client asks. */
class HostileUpstreamTest {

    private static final String GET = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    private static final String CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    private static Chain chain;

    @BeforeAll
    static void start() throws Exception {
        chain = Chain.start();
    }

    @AfterAll
    static void stop() throws Exception {
        chain.close();
    }

    static Stream<Named<String>> heads() {
        String ok = "HTTP/1.1 200 OK\r\n";
        return Stream.of(
                        // Where does it end?
                        ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                        ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                        ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
                        ok + "Content-Length: 5, 5\r\n\r\nhello",
                        ok + "Content-Length: -5\r\n\r\nhello",
                        ok + "Content-Length: +5\r\n\r\nhello",
                        ok + "Content-Length: 0x5\r\n\r\nhello",
                        ok + "Content-Length:\r\n\r\nhello",
                        ok + "Content-Length: 9223372036854775808\r\n\r\nhello",
                        ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                        ok + "Transfer-Encoding: gzip\r\n\r\nhello",
                        ok + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
                        ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                        ok + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                        ok + "Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n",
                        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        ok + "Connection: Content-Length\r\nContent-Length: 0\r\n\r\n",
                        // Which status?
                        "HTTP/1.1 OK 200\r\n\r\n",
                        "HTTP/1.1 20 OK\r\n\r\n",
                        "HTTP/1.1 1000 OK\r\n\r\n",
                        "HTTP/1.1 -200 OK\r\n\r\n",
                        "HTTP/1.1 2e2 OK\r\n\r\n",
                        "HTTP/1.1 099 OK\r\n\r\n",
                        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1200 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/11 200 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1\r\n\r\n",
                        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
                        "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                        "ICY 200 OK\r\n\r\n",
                        "HTTP/1.1 200 O\u0000K\r\nContent-Length: 0\r\n\r\n",
                        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                        " HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                        "garbage\r\n\r\n",
                        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n",
                        // Which lines?
                        "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
                        ok + "X: a\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: a\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: a\r\r\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: a\u0000b\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: a\u001bb\r\nContent-Length: 0\r\n\r\n",
                        ok + "X\u0001: a\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
                        ok + " X: a\r\nContent-Length: 0\r\n\r\n",
                        ok + "X\r\nContent-Length: 0\r\n\r\n",
                        ok + ": a\r\nContent-Length: 0\r\n\r\n",
                        // Too much.
                        "HTTP/1.1 200 " + "O".repeat(9_000) + "\r\nContent-Length: 0\r\n\r\n",
                        ok + "X: " + "x".repeat(70_000) + "\r\n\r\n",
                        ok + "X: " + "x".repeat(1 << 20) + "\r\n\r\n",
                        ok + "X: y\r\n".repeat(201) + "\r\n",
                        ok + "X".repeat(70_000),
                        "HTTP/1.1 102 Processing\r\n\r\n".repeat(17) + ok + "Content-Length: 0\r\n\r\n",
                        // Not asked for.
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
                .map(answer -> Named.of(Chain.shown(answer), answer));
    }

    @ParameterizedTest
    @MethodSource("heads")
    void aHeadThatIsNoneIsABadGatewayAndEndsTheConnection(String answer) throws Exception {
        chain.upstream().answers(client -> {
            client.message();
            client.send(answer);
            client.end();
        });
        try (RawSocket client = chain.client()) {
            RawSocket.Message told = client.send(GET).message();
            while (told.status() < 200) {
                told = client.message();
            }

            assertThat(told.status()).isEqualTo(502);
            assertThat(told.head()).doesNotContain("evil");
            assertThat(told.body()).contains("\"code\":\"upstream_invalid\"");
            chain.upstream().ended("/x");

            assertThat(chain.heard()).startsWith("GET /x HTTP/1.1\r\n");
            assertThat(client.send(GET).message().body())
                    .as("on the same connection")
                    .isEqualTo("ok");
        }
    }

    static Stream<Named<String>> bodies() {
        return Stream.of(
                        CHUNKED + "3\nabc\r\n0\r\n\r\n",
                        CHUNKED + "3\r\nabc\n0\r\n\r\n",
                        CHUNKED + "3\r\nabcd\r\n0\r\n\r\n",
                        CHUNKED + "3\r\nab\r\n0\r\n\r\n",
                        CHUNKED + "-3\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "0x3\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + " 3\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "\r\n3\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "100000003\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "3;a=" + "x".repeat(255) + "\r\nabc\r\n0\r\n\r\n",
                        CHUNKED + "3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n",
                        CHUNKED + "3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
                        CHUNKED + "3\r\nabc\r\n0\r\nX: " + "x".repeat(8 * 1024) + "\r\n\r\n",
                        CHUNKED + "3\r\nabc\r\n0\r\n" + "X: a\r\n".repeat(101) + "\r\n")
                .map(answer -> Named.of(Chain.shown(answer.substring(CHUNKED.length())), answer));
    }

    @ParameterizedTest
    @MethodSource("bodies")
    void aMalformedChunkIsNoEndOfTheAnswer(String answer) throws Exception {
        chain.upstream().answers(client -> {
            client.message();
            client.send(answer);
            client.end();
        });

        assertCut();
        chain.upstream().ended("/x");
    }

    static Stream<Named<String>> cut() {
        return Stream.of(
                        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnine byte",
                        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
                        CHUNKED + "9\r\nnine byte\r\n",
                        CHUNKED + "9\r\nnine byte",
                        CHUNKED + "ff\r\nnine byte",
                        CHUNKED + "9\r\nnine byte\r\n0\r\n",
                        CHUNKED + "9\r\nnine byte\r\n0\r\nX: a\r\n",
                        CHUNKED)
                .map(answer -> Named.of(Chain.shown(answer), answer));
    }

    @ParameterizedTest
    @MethodSource("cut")
    void aBodyThatIsCutShortNeverLooksComplete(String answer) throws Exception {
        chain.upstream().answersAndCloses(answer);
        assertCut();

        chain.upstream().answers(client -> {
            client.message();
            client.send(answer).reset();
        });
        assertCut();
    }

    /** The answer, if it begins, ends with a reset and without a last chunk; or it never begins. */
    private static void assertCut() throws IOException {
        for (String version : new String[] {"1.1", "1.0"}) {
            try (RawSocket client = chain.client()) {
                client.send("GET /x HTTP/" + version + "\r\nHost: a\r\n\r\n");
                RawSocket.End end = client.end();

                if (!client.heard().startsWith("HTTP/1.1 502 ")) {
                    assertThat(end).isEqualTo(RawSocket.End.RESET);
                    assertThat(client.heard()).doesNotEndWith("\n0\r\n\r\n");
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"HTTP/1.0 200 OK\r\n\r\nnine byte", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nnine byte"})
    void aResetIsNoEndWhereTheEndOfTheConnectionWouldBeOne(String answer) throws Exception {
        chain.upstream().answersAndCloses(answer);
        try (RawSocket client = chain.client()) {
            assertThat(client.send(GET).message().body()).isEqualTo("nine byte");
        }

        CountDownLatch read = new CountDownLatch(1);
        chain.upstream().answers(server -> {
            server.message();
            server.send(answer);
            read.await();
            server.reset();
        });
        try (RawSocket client = chain.client()) {
            client.send(GET).until("nine byte");
            read.countDown();

            assertThat(client.end()).isEqualTo(RawSocket.End.RESET);
        }
    }

    /** As a proxy must, RFC 9112, 5.1, and may, RFC 9110, 15. */
    @Test
    void whatIsOddAndClearPasses() throws Exception {
        chain.upstream().answers("HTTP/1.1 999 \r\nX \t: a\r\nContent-Length: 2\r\n\r\nok");
        try (RawSocket client = chain.client()) {
            assertThat(client.send(GET).message().head())
                    .startsWith("HTTP/1.1 999 ")
                    .contains("\r\nX: a\r\n");
        }
        chain.upstream().answers("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok");
        try (RawSocket client = chain.client()) {
            assertThat(client.send(GET).message().head()).startsWith("HTTP/1.1 200 ");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "GET, '200 OK|Content-Length: 2||ok'",
        "GET, '204 No Content||'",
        "GET, '304 Not Modified|Content-Length: 4||'",
        "HEAD, '200 OK|Content-Length: 4||'",
        "HEAD, '200 OK|Transfer-Encoding: chunked||'"
    })
    void whatComesBehindAnAnswerIsNoAnswerToTheNext(String method, String answer) throws Exception {
        String evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        chain.upstream().answers(server -> {
            boolean isFirst = server.message().target().equals("/first");
            server.send(isFirst ? "HTTP/1.1 " + answer.replace("|", "\r\n") + evil : RawUpstream.OK);
        });
        for (int i = 0; i < 20; i++) {
            try (RawSocket client = chain.client()) {
                client.send(method + " /first HTTP/1.1\r\nHost: a\r\n\r\n").message(answer.endsWith("ok"));

                assertThat(client.send(GET).message().body()).isEqualTo("ok");
            }
        }
    }

    @Test
    void whatIsCompressedIsNotUnpackedOnTheWay() throws Exception {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream packer = new GZIPOutputStream(packed)) {
            byte[] nothing = new byte[1 << 20];
            for (int i = 0; i < 32; i++) {
                packer.write(nothing);
            }
        }
        String bomb = packed.toString(StandardCharsets.ISO_8859_1);
        chain.upstream()
                .answers("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + bomb.length() + "\r\n\r\n"
                        + bomb);
        for (String asked : new String[] {"", "Accept-Encoding: gzip\r\n", "Accept-Encoding: identity\r\n"}) {
            try (RawSocket client = chain.client()) {
                RawSocket.Message answer = client.send("GET /x HTTP/1.1\r\nHost: a\r\n" + asked + "\r\n")
                        .message();

                assertThat(answer.head()).contains("Content-Encoding: gzip\r\n");
                assertThat(answer.body().equals(bomb)).isTrue();
            }
        }
    }
}
