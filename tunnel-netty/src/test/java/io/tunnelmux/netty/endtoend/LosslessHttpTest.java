package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** HTTP/1.1 goes through as it came: every method, target, field, body and trailer, in both directions at once. */
class LosslessHttpTest {

    private static final String FIELDS = " HTTP/1.1\r\nHost: a\r\n";

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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET",
                "DELETE",
                "OPTIONS",
                "POST",
                "PUT",
                "PATCH",
                "PROPFIND",
                "REPORT",
                "M-SEARCH",
                "get",
                "QUERY",
                "PRI",
                "A",
                "!#$%&'*+-.^_`|~",
                "METHODOFMANYLETTERSANDNOMEANINGATALL"
            })
    void anyMethodPassesWithABodyAndWithout(String method) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send(method + " /m" + FIELDS + "\r\n").message();
            String expected = method + " /m" + FIELDS + Chain.added("a");
            // Of a request that means to have one, an upstream must hear that there is none.
            boolean meansBody = List.of("POST", "PUT", "PATCH").contains(method);
            assertThat(chain.heard()).isEqualTo(expected + (meansBody ? "content-length: 0\r\n" : "") + "\r\n");

            client.send(method + " /m" + FIELDS + "Content-Length: 3\r\n\r\nabc")
                    .message();
            assertThat(chain.heard())
                    .isEqualTo(method + " /m" + FIELDS + "Content-Length: 3\r\n" + Chain.added("a") + "\r\nabc");

            client.send(method + " /m" + FIELDS + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
                    .message();
            assertThat(chain.heard())
                    .startsWith(expected + "transfer-encoding: chunked\r\n\r\n")
                    .endsWith("\r\n0\r\n\r\n");
        }
    }

    static Stream<String> targets() {
        return Stream.of(
                "/",
                "//",
                "//a",
                "//a/./b/../c;x=1?",
                "/..",
                "/../../etc/passwd",
                "/%2e%2e/%2F%5c",
                "/?",
                "/??",
                "/?a=b?c=d",
                "/?/../#",
                "/#fragment",
                "/a%00b%0d%0a%20",
                "/%",
                "/%zz%u0041",
                "/\u00e4\u00f6?\u00ff\u0080",
                "/a;b=c,d:e@f!$&'()*+~",
                "/\"<>\\^`{|}",
                "/?\"<>\\^`{|}",
                "/http://b/",
                "/:80",
                "/" + "x".repeat(8_000),
                "/?" + "y".repeat(8_000));
    }

    @ParameterizedTest
    @MethodSource("targets")
    void anyTargetPassesByteForByte(String target) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("GET " + target + FIELDS + "\r\n").message();
        }
        assertThat(chain.heard()).isEqualTo("GET " + target + FIELDS + Chain.added("a") + "\r\n");
    }

    @Test
    void optionsMayAskForTheServerAsAWhole() throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("OPTIONS *" + FIELDS + "\r\n").message();
        }
        assertThat(chain.heard()).isEqualTo("OPTIONS *" + FIELDS + Chain.added("a") + "\r\n");
    }

    /** What the upstream answers, what the client gets, and whether its connection goes on. */
    static Stream<Arguments> answers() {
        String ok = "HTTP/1.1 200 OK\r\n";
        return Stream.of(
                answer("GET", ok + "Content-Length: 2\r\n\r\nok", ok + "Content-Length: 2\r\n\r\nok"),
                answer("GET", ok + "Content-Length: 0\r\n\r\n", ok + "Content-Length: 0\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.1 404 Gone fishing\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1 299 Success (299)\r\nContent-Length: 0\r\n\r\n"),
                answer(
                        "GET",
                        ok + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\n\r\n",
                        ok + "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                answer(
                        "GET",
                        ok + "Transfer-Encoding: chunked\r\nTrailer: X, Y\r\n\r\n0\r\nX: 1\r\nY: 2\r\nX: 3\r\n\r\n",
                        ok + "Trailer: X, Y\r\ntransfer-encoding: chunked\r\n\r\n0\r\nX: 1\r\nX: 3\r\nY: 2\r\n\r\n"),
                answer("GET", ok + "\r\nok", ok + "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.0 200 OK\r\n\r\nok",
                        ok + "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                answer("GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", ok + "Content-Length: 2\r\n\r\nok"),
                answer("GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n",
                        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"),
                answer(
                        "HEAD",
                        ok + "Content-Length: 1234\r\nX: y\r\n\r\n",
                        ok + "Content-Length: 1234\r\nX: y\r\n\r\n"),
                answer("HEAD", ok + "X: y\r\n\r\n", ok + "X: y\r\n\r\n"),
                answer("HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n", ok + "\r\n"),
                answer(
                        "HEAD",
                        "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n",
                        "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n"),
                answer("HEAD", "HTTP/1.1 304 Not Modified\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"),
                answer(
                        "GET",
                        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                                + ok + "Content-Length: 2\r\n\r\nok",
                        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                                + ok + "Content-Length: 2\r\n\r\nok"),
                answer(
                        "GET",
                        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
                        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"));
    }

    private static Arguments answer(String method, String answer, String expected) {
        return Arguments.of(method, Named.of(Chain.shown(answer), answer), expected);
    }

    @ParameterizedTest
    @MethodSource("answers")
    void anAnswerPassesWhereverItIsCut(String method, String answer, String expected) throws Exception {
        String fields = answer.toLowerCase(Locale.ROOT);
        boolean hasBody = !method.equals("HEAD") && !answer.contains(" 204 ") && !answer.contains(" 304 ");
        boolean endsWithConnection = hasBody && !fields.contains("content-length") && !fields.contains("chunked");
        for (int cut = 1; cut < answer.length(); cut += cut < 16 ? 5 : 1) {
            int at = cut;
            chain.upstream().answers(server -> {
                server.message();
                server.send(answer.substring(0, at)).send(answer.substring(at));
                if (endsWithConnection) {
                    server.close();
                }
            });
            try (RawSocket client = chain.client()) {
                client.send(method + " /" + cut + FIELDS + "\r\n");

                assertThat(read(client, expected)).as("cut at %d", cut).isEqualTo(expected);
                // Behind it comes the next one and nothing else.
                chain.upstream().answers(RawUpstream::ok);
                assertThat(client.send("GET /next" + FIELDS + "\r\n").message().body())
                        .isEqualTo("ok");
            }
        }
    }

    /** As much as {@code like}; what comes in several chunks, since it was cut there, is told as one. */
    private static String read(RawSocket client, String like) throws IOException {
        int headEnd = like.indexOf("chunked\r\n\r\n");
        if (headEnd < 0) {
            return client.read(like.length());
        }
        String head = client.read(headEnd + "chunked\r\n\r\n".length());
        RawSocket.Message rest = client.chunks(head);
        String body =
                rest.body().isEmpty() ? "" : Integer.toHexString(rest.body().length()) + "\r\n" + rest.body() + "\r\n";
        return head + body + "0\r\n" + rest.trailers() + "\r\n";
    }

    @Test
    void chunksOfAnySizeCarryTheSameBytesBothWays() throws Exception {
        Random random = new Random(7);
        byte[] body = new byte[300_000];
        random.nextBytes(body);
        String sent = new String(body, StandardCharsets.ISO_8859_1);
        for (int round = 0; round < 20; round++) {
            String up = chunked(sent, random);
            String down = chunked(sent, random);
            chain.upstream().answers(server -> {
                RawSocket.Message message = server.message();
                assertThat(message.trailers()).isEqualTo("X-Sum: 1\r\n");
                boolean isSame = message.body().equals(sent);
                server.send("HTTP/1.1 200 OK\r\nX-Same: " + isSame + "\r\nTransfer-Encoding: chunked\r\n\r\n" + down);
            });
            try (RawSocket client = chain.client()) {
                RawSocket.Message answer = client.send(
                                "POST /chunks" + FIELDS + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + up)
                        .message();

                assertThat(answer.head()).contains("X-Same: true\r\n");
                assertThat(answer.body().equals(sent)).isTrue();
                assertThat(answer.trailers()).isEqualTo("X-Sum: 1\r\n");
            }
        }
    }

    private static String chunked(String body, Random random) {
        StringBuilder chunks = new StringBuilder();
        for (int at = 0; at < body.length(); ) {
            int[] sizes = {1, 2, 15, 16, 17, 255, 4_096, 16_383, 16_384, 65_535, 65_536, 65_537, 131_073};
            int size = Math.min(body.length() - at, sizes[random.nextInt(sizes.length)]);
            String digits = Integer.toHexString(size);
            chunks.append("0".repeat(random.nextInt(9 - digits.length())))
                    .append(random.nextBoolean() ? digits : digits.toUpperCase(Locale.ROOT))
                    .append(random.nextBoolean() ? "" : ";a=\"b;\\\"\"")
                    .append("\r\n")
                    .append(body, at, at + size)
                    .append("\r\n");
            at += size;
        }
        return chunks.append("0\r\nX-Sum: 1\r\n\r\n").toString();
    }

    @Test
    void bothBodiesFlowAtOnce() throws Exception {
        chain.upstream().answers(server -> {
            server.head();
            server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            for (int size = -1; size != 0; ) {
                size = Integer.parseInt(server.until("\r\n").strip(), 16);
                String chunk = server.read(size);
                server.read(2);
                server.send(Integer.toHexString(size) + "\r\n" + chunk + "\r\n");
            }
        });
        try (RawSocket client = chain.client()) {
            client.send("POST /echo" + FIELDS + "Transfer-Encoding: chunked\r\n\r\n");
            client.head();
            for (int i = 0; i < 200; i++) {
                String word = "word " + i;
                client.send(Integer.toHexString(word.length()) + "\r\n" + word + "\r\n");
                assertThat(client.until(word + "\r\n"))
                        .isEqualTo(Integer.toHexString(word.length()) + "\r\n" + word + "\r\n");
            }
            client.send("0\r\n\r\n");
            assertThat(client.read(5)).isEqualTo("0\r\n\r\n");
        }
    }

    @Test
    void leaveToSendABodyIsTheUpstreamsToGive() throws Exception {
        CompletableFuture<Boolean> early = new CompletableFuture<>();
        chain.upstream().answers(server -> {
            server.head();
            early.complete(server.socket().getInputStream().available() > 0);
            server.send("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + server.read(3));
        });
        try (RawSocket client = chain.client()) {
            client.send("PUT /leave" + FIELDS + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
            assertThat(client.head()).isEqualTo("HTTP/1.1 100 Continue\r\nX: y\r\n\r\n");
            assertThat(early.get(30, TimeUnit.SECONDS)).isFalse();
            client.send("abc");

            assertThat(client.message().body()).isEqualTo("abc");
        }
        assertThat(chain.heard())
                .isEqualTo("PUT /leave" + FIELDS + "Content-Length: 3\r\nExpect: 100-continue\r\n" + Chain.added("a")
                        + "\r\nabc");
    }

    @Test
    void aRefusalInsteadOfLeaveReachesTheClient() throws Exception {
        chain.upstream().answers(server -> {
            server.head();
            server.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
            server.end();
        });
        try (RawSocket client = chain.client()) {
            client.send("PUT /leave" + FIELDS + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");

            RawSocket.Message answer = client.message();
            assertThat(answer.status()).isEqualTo(417);
            assertThat(answer.body()).isEqualTo("no");
            assertThat(client.end()).isEqualTo(RawSocket.End.CLOSED);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // asks to go on, length told, goes on
        "false, true, false",
        "true, true, true",
        "true, false, false"
    })
    void aClientOfHttp10IsUnderstood(boolean asksToGoOn, boolean isLengthTold, boolean goesOn) throws Exception {
        chain.upstream()
                .answers(
                        isLengthTold
                                ? RawUpstream.OK
                                : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        String request = "GET /old HTTP/1.0\r\n" + (asksToGoOn ? "Connection: keep-alive\r\n" : "") + "\r\n";
        try (RawSocket client = chain.client()) {
            client.send(request);
            String head = client.head();
            assertThat(head).startsWith("HTTP/1.1 200 OK\r\n").doesNotContain("chunked");
            assertThat(head.contains("connection: keep-alive\r\n")).isEqualTo(goesOn);
            assertThat(head.contains("connection: close\r\n")).isEqualTo(!goesOn);
            assertThat(client.read(2)).isEqualTo("ok");
            if (goesOn) {
                assertThat(client.send(request).message().body()).isEqualTo("ok");
            } else {
                assertThat(client.rest()).isEmpty();
            }
        }
        // An upstream of HTTP/1.1 wants a Host, and gets its own name where the client said none.
        String host = "Host: 127.0.0.1:" + chain.upstream().port() + "\r\n";
        assertThat(chain.heard().toLowerCase(Locale.ROOT)).contains(host.toLowerCase(Locale.ROOT));
    }

    @Test
    void pipelinedRequestsAreAnsweredInTheirOrder() throws Exception {
        chain.upstream().answers(server -> {
            RawSocket.Message message = server.message();
            String told = message.target() + message.body();
            server.send("HTTP/1.1 200 OK\r\nContent-Length: " + told.length() + "\r\n\r\n" + told);
        });
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            all.append(i % 3 == 0 ? "POST" : "GET").append(" /").append(i).append(FIELDS);
            all.append(
                    i % 3 != 0
                            ? "\r\n"
                            : i % 2 == 0
                                    ? "Content-Length: 4\r\n\r\nbody"
                                    : "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
        }
        try (RawSocket client = chain.client()) {
            client.send(all.toString());
            for (int i = 0; i < 100; i++) {
                assertThat(client.message().body()).isEqualTo("/" + i + (i % 3 == 0 ? "body" : ""));
            }
        }
    }

    @Test
    void eachEventArrivesWhenItIsSent() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        CompletableFuture<RawSocket> sender = new CompletableFuture<>();
        chain.upstream().answers(server -> {
            server.message();
            server.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
            sender.complete(server);
            over.await();
        });
        try (RawSocket client = chain.client()) {
            client.send("GET /events" + FIELDS + "Accept: text/event-stream\r\n\r\n");
            assertThat(client.head()).contains("Content-Type: text/event-stream\r\n");
            RawSocket server = sender.get(30, TimeUnit.SECONDS);
            for (int i = 0; i < 100; i++) {
                String event = "data: " + i + "\n\n";
                String chunk = Integer.toHexString(event.length()) + "\r\n" + event + "\r\n";
                server.send(chunk);
                assertThat(client.read(chunk.length())).isEqualTo(chunk); // before the next is sent
            }
        } finally {
            over.countDown();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reads on", "closes", "resets"})
    void anUploadThatIsRefusedEarlyHearsOfIt(String then) throws Exception {
        String refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much";
        CountDownLatch arrived = new CountDownLatch(1);
        chain.upstream().answers(server -> {
            server.head();
            server.send(refusal);
            switch (then) {
                case "reads on" -> server.end();
                case "resets" -> {
                    arrived.await(); // what a reset overtakes is lost to any reader
                    server.reset();
                }
                default -> server.close();
            }
        });
        int rounds = 10;
        for (int i = 0; i < rounds; i++) {
            ByteArrayOutputStream sent = new ByteArrayOutputStream();
            try (RawSocket client = chain.client()) {
                client.send("PUT /huge" + FIELDS + "Content-Length: 10000000000\r\n\r\n");
                byte[] part = new byte[100_000];
                while (client.socket().getInputStream().available() == 0 && sent.size() < 1_000_000_000) {
                    client.send(part);
                    sent.write(0);
                }
                RawSocket.Message answer = client.message();
                arrived.countDown();

                assertThat(answer.status()).as("round %d", i).isEqualTo(413);
                assertThat(answer.body()).isEqualTo("too much");
            }
        }
    }

    @Test
    void anAnswerIsCompleteThoughTheUpstreamResetsBehindIt() throws Exception {
        List<CountDownLatch> answered = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            answered.add(new CountDownLatch(1));
        }
        chain.upstream().answers(server -> {
            int number = Integer.parseInt(server.message().target().substring(1));
            server.send(RawUpstream.OK);
            answered.get(number).await();
            server.reset();
        });
        for (int i = 0; i < 20; i++) {
            try (RawSocket client = chain.client()) {
                assertThat(client.send("GET /" + i + FIELDS + "Connection: close\r\n\r\n")
                                .message()
                                .body())
                        .isEqualTo("ok");
                answered.get(i).countDown();
            }
            chain.upstream().ended("/" + i);
        }
    }
}
