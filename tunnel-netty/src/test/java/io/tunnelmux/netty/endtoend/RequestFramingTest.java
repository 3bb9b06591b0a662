package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Where a request ends, two servers in a row must see alike: what could be read in two ways is refused, never repaired, and nothing behind
 * it is read. Each case is sent whole, and cut in two at every byte.
 */
class RequestFramingTest {

    private static final String HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

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

    static Stream<Arguments> lengths() {
        return Stream.concat(
                Stream.of(
                                "Content-Length: 3\r\nTransfer-Encoding: chunked",
                                "Transfer-Encoding: chunked\r\nContent-Length: 3",
                                "Transfer-Encoding: chunked\r\nContent-Length: 0",
                                "Content-Length: 3\r\nContent-Length: 3",
                                "Content-Length: 3\r\nContent-Length: 5",
                                "Content-Length: 3\r\ncontent-length: 5",
                                "Content-Length: 3, 3",
                                "Content-Length: 3,5",
                                "Content-Length: 3,",
                                "Content-Length: +3",
                                "Content-Length: -3",
                                "Content-Length: -0",
                                "Content-Length: 0x3",
                                "Content-Length: 3.0",
                                "Content-Length: 3e0",
                                "Content-Length: 3_0",
                                "Content-Length: \"3\"",
                                "Content-Length:",
                                "Content-Length: ",
                                "Content-Length: 3 3",
                                "Content-Length: \u00b2",
                                "Content-Length: 9223372036854775807",
                                "Content-Length: 9223372036854775808",
                                "Content-Length: 18446744073709551619",
                                "Content-Length: 0000000000000000003",
                                "Content-Length : 3",
                                "Content-Length\t: 3",
                                "Content-Length\u0000: 3",
                                "Content-Length: 3\u0000",
                                "Content-Length: 3\u000b",
                                "Content-Length:\r\n 3",
                                "Content-Length: 3\rX: y",
                                "Content-Length: 3\nX: y",
                                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                                "Transfer-Encoding: chunked, chunked",
                                "Transfer-Encoding: chunked,",
                                "Transfer-Encoding: ,chunked",
                                "Transfer-Encoding: chunked, identity",
                                "Transfer-Encoding: identity",
                                "Transfer-Encoding: xchunked",
                                "Transfer-Encoding: chunked x",
                                "Transfer-Encoding: \"chunked\"",
                                "Transfer-Encoding: 'chunked'",
                                "Transfer-Encoding:",
                                "Transfer-Encoding:\u000bchunked",
                                "Transfer-Encoding: chunked\u0000",
                                "Transfer-Encoding:\r\n chunked",
                                "Transfer-Encoding: chun\r\n ked",
                                "Transfer-Encoding : chunked",
                                "X: y\r\n Transfer-Encoding: chunked",
                                "X: y\rTransfer-Encoding: chunked",
                                "X: y\nTransfer-Encoding: chunked")
                        .map(fields -> refused("HTTP/1.1", fields, 400)),
                Stream.of(
                        refused("HTTP/1.1", "Transfer-Encoding: gzip", 400),
                        refused("HTTP/1.1", "Transfer-Encoding: chunked, gzip", 400),
                        refused("HTTP/1.1", "Transfer-Encoding: gzip, chunked", 501),
                        refused("HTTP/1.1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
                        refused("HTTP/1.1", "Transfer-Encoding: chunked;q=1", 400),
                        refused("HTTP/1.0", "Transfer-Encoding: chunked", 400)));
    }

    private static Arguments refused(String version, String fields, int status) {
        String request = "POST /x " + version + "\r\nHost: a\r\n" + fields + "\r\n\r\n0\r\n\r\n";
        return Arguments.of(Named.of(Chain.shown(version + " " + fields), request), status);
    }

    @ParameterizedTest
    @MethodSource("lengths")
    void anAmbiguousLengthIsRefused(String request, int status) throws Exception {
        String answer = answer(request + HIDDEN);

        assertRefused(answer, status);
        assertThat(chain.heard()).isEmpty();
        for (int cut = 1; cut < request.length(); cut++) {
            assertThat(answer(request + HIDDEN, cut)).as("cut at %d", cut).isEqualTo(answer);
        }
        assertThat(chain.heard()).isEmpty();
    }

    static Stream<Named<String>> chunks() {
        return Stream.of(
                        "3\nabc\r\n0\r\n\r\n",
                        "3\rabc\r\n0\r\n\r\n",
                        "3\r\nabc\n0\r\n\r\n",
                        "3\r\nabc\r0\r\n\r\n",
                        "3\r\nabc\r\n0\n\r\n",
                        "3\r\nabc\r\n0\r\n\n",
                        "3\r\nabc\r\n0\r\n\rX",
                        "3\r\nabcd\r\n0\r\n\r\n",
                        "3\r\nab\r\n0\r\n\r\n",
                        "3\r\nabc0\r\n\r\n",
                        "3\r\nabc \r\n0\r\n\r\n",
                        "-3\r\nabc\r\n0\r\n\r\n",
                        "+3\r\nabc\r\n0\r\n\r\n",
                        "0x3\r\nabc\r\n0\r\n\r\n",
                        "3h\r\nabc\r\n0\r\n\r\n",
                        "g\r\nabc\r\n0\r\n\r\n",
                        " 3\r\nabc\r\n0\r\n\r\n",
                        "\t3\r\nabc\r\n0\r\n\r\n",
                        "3 \r\nabc\r\n0\r\n\r\n",
                        "3\t\r\nabc\r\n0\r\n\r\n",
                        "3 3\r\nabc\r\n0\r\n\r\n",
                        "3\u0000\r\nabc\r\n0\r\n\r\n",
                        "\r\n3\r\nabc\r\n0\r\n\r\n",
                        "\r\n",
                        ";a=b\r\nabc\r\n0\r\n\r\n",
                        "000000003\r\nabc\r\n0\r\n\r\n",
                        "100000003\r\nabc\r\n0\r\n\r\n",
                        "fffffffff\r\nabc\r\n0\r\n\r\n",
                        "10000000000000003\r\nabc\r\n0\r\n\r\n",
                        "3;a=\"\r\nabc\r\n0\r\n\r\n",
                        "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
                        "3;a=\nb\r\nabc\r\n0\r\n\r\n",
                        "3;a=\rb\r\nabc\r\n0\r\n\r\n",
                        "3;a=\u0000\r\nabc\r\n0\r\n\r\n",
                        "3;a=\u007f\r\nabc\r\n0\r\n\r\n",
                        "3;a=" + "x".repeat(255) + "\r\nabc\r\n0\r\n\r\n",
                        "3\r\nabc\r\n0;a=" + "x".repeat(255) + "\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX: a\rY: b\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
                        "3\r\nabc\r\n0\r\n X: a\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX : a\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX\r\n\r\n",
                        "3\r\nabc\r\n0\r\n: a\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX: a\u0000\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX\u0001: a\r\n\r\n",
                        "3\r\nabc\r\n0\r\nX: " + "x".repeat(8 * 1024) + "\r\n\r\n",
                        "3\r\nabc\r\n0\r\n" + "X: a\r\n".repeat(101) + "\r\n")
                .map(chunks -> Named.of(Chain.shown(chunks), chunks));
    }

    @ParameterizedTest
    @MethodSource("chunks")
    void aMalformedChunkIsRefused(String chunks) throws Exception {
        String request = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks;
        chain.upstream().answers(RawSocket::end); // an end that does not come is an end never told

        assertRefused(answer(request + HIDDEN), 400);
        int first = request.indexOf("\r\n\r\n") + 4;
        for (int cut = first; cut < Math.min(request.length(), first + 300); cut++) {
            assertRefused(answer(request + HIDDEN, cut), 400);
        }
        assertThat(chain.heard()).doesNotContain("hidden").doesNotContain("\r\n0\r\n");
    }

    static Stream<Arguments> legal() {
        return Stream.of(
                legal("Content-Length: 3", "abc", false, "abc"),
                legal("Content-Length: 003", "abc", false, "abc"),
                legal("Content-Length: \t3 \t", "abc", false, "abc"),
                legal("Content-Length: 0", "", false, ""),
                legal("content-LENGTH:3", "abc", false, "abc"),
                legal("Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", true, "abc"),
                legal("transfer-encoding:CHUNKED\t", "3\r\nabc\r\n0\r\n\r\n", true, "abc"),
                legal("Transfer-Encoding: chunked", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", true, "abc"),
                legal("Transfer-Encoding: chunked", "00000003\r\nabc\r\n00000\r\n\r\n", true, "abc"),
                legal("Transfer-Encoding: chunked", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", true, null),
                legal("Transfer-Encoding: chunked", "3;a\r\nabc\r\n0;b=c;d=\"e f\\\"\"\r\n\r\n", true, "abc"),
                legal("Transfer-Encoding: chunked", "3;a=" + "x".repeat(254) + "\r\nabc\r\n0\r\n\r\n", true, "abc"),
                legal("Transfer-Encoding: chunked", "3\r\n\r\n0\r\n0\r\n\r\n", true, "\r\n0"),
                legal("Transfer-Encoding: chunked", "0\r\n\r\n", true, ""));
    }

    private static Arguments legal(String field, String sent, boolean isChunked, String body) {
        String request = "POST /x HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n" + sent;
        String expected = body == null ? "01234567890123456789" : body;
        return Arguments.of(Named.of(Chain.shown(field + " " + sent), request), isChunked, expected);
    }

    /** Else the cases above could all be refused for one wrong reason. */
    @ParameterizedTest
    @MethodSource("legal")
    void aLegalLengthIsUnderstoodWhereverItIsCut(String request, boolean isChunked, String body) throws Exception {
        chain.upstream().answers(client -> {
            RawSocket.Message message = client.message();
            boolean isSecond = message.target().equals("/hidden");
            assertThat(message.head().contains("transfer-encoding: chunked\r\n"))
                    .isEqualTo(isChunked && !isSecond);
            client.send("HTTP/1.1 200 OK\r\nX-Target: " + message.target() + "\r\nContent-Length: "
                    + message.body().length() + "\r\n\r\n" + message.body());
        });
        for (int cut = 1; cut < request.length(); cut++) {
            try (RawSocket client = chain.client()) {
                client.send(request.substring(0, cut)).send(request.substring(cut) + HIDDEN);

                RawSocket.Message first = client.message();
                assertThat(first.head()).as("cut at %d", cut).contains("X-Target: /x\r\n");
                assertThat(first.body()).as("cut at %d", cut).isEqualTo(body);
                assertThat(client.message().head()).contains("X-Target: /hidden\r\n");
            }
        }
    }

    /** Everything that a client gets, to the end of its connection, which must be an orderly one. */
    private static String answer(String request) throws Exception {
        try (RawSocket client = chain.client()) {
            return client.send(request).rest();
        }
    }

    private static String answer(String request, int cut) throws Exception {
        try (RawSocket client = chain.client()) {
            return client.send(request.substring(0, cut))
                    .send(request.substring(cut))
                    .rest();
        }
    }

    private static void assertRefused(String answer, int status) {
        assertThat(answer).startsWith("HTTP/1.1 " + status + " ").contains("\r\nconnection: close\r\n");
        assertThat(List.of(answer.split("HTTP/1\\.1 \\d\\d\\d ", -1)))
                .as("one answer")
                .hasSize(2);
    }
}
