package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpUpstreamTest {

    private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    @Test
    void passesRequestAndAnswerOn() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead());
                    connection.write("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello");
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = harness.get(
                    "/a%20b/c?q=%0d&r", "Host", "app.example", "Accept", "a/b", "Connection", "x", "X", "y");

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.response().status()).isEqualTo(201);
            assertThat(probe.response().headers().all("x-a")).containsExactly("1", "2");
            assertThat(probe.text()).isEqualTo("hello");
            assertThat(probe.isEnded()).isTrue();
            assertThat(seen.get())
                    .isEqualTo("GET /a%20b/c?q=%0d&r HTTP/1.1\r\nHost: app.example\r\nAccept: a/b\r\n\r\n");
        }
    }

    @Test
    void usesAConnectionAgain() throws Exception {
        try (ScriptedServer server = new ScriptedServer(HttpUpstreamTest::answerAll);
                AgentHarness harness = new AgentHarness(server)) {
            for (int i = 0; i < 5; i++) {
                Probe probe = harness.get("/");
                assertThat(probe.outcome().isClean()).isTrue();
                assertThat(probe.text()).isEqualTo("ok");
            }

            assertThat(server.accepted()).isEqualTo(1);
        }
    }

    private static void answerAll(ScriptedServer.Connection connection) throws Exception {
        while (connection.hasMore()) {
            connection.readHead();
            connection.write(OK);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", // a byte too many
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\nok"
            })
    void closesConnectionsThatAreNotFitForAnother(String answer) throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(answer);
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            assertThat(harness.get("/1").outcome().isClean()).isTrue();
            assertThat(harness.get("/2").outcome().isClean()).isTrue();

            assertThat(server.accepted()).isEqualTo(2);
        }
    }

    @Test
    void closesIdleConnectionsBeforeTheUpstreamDoes() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(OK);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(config ->
                        config.upstream(AgentHarness.upstream(server)).idleTimeout(java.time.Duration.ofMillis(20)))) {
            harness.get("/").outcome();

            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void neverRepeatsARequest() throws Exception {
        LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.add(connection.readHead());
                    connection.write(OK);
                    seen.add(connection.readHead()); // and closes
                });
                AgentHarness harness = new AgentHarness(server)) {
            harness.get("/1").outcome();
            Probe second = harness.get("/2");

            assertThat(second.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(second.message(Message.ProxyError.class).retryable()).isFalse();
            assertThat(seen).hasSize(2);
            assertThat(server.accepted()).isEqualTo(1);
        }
    }

    @Test
    void passesChunkedBodiesAndTrailersBothWays() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead() + connection.readUntil("X-Sum: 7\r\n\r\n"));
                    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                            + "3\r\nabc\r\n10;e=1\r\n0123456789abcdef\r\n0\r\nX-T: v\r\n\r\n");
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(harness.request("POST", "/", Headers.EMPTY), false, probe);
            stream.write(payload("one"));
            stream.write(payload("two"));
            stream.send(new Message.ProxyTrailers(AgentHarness.headers("X-Sum", "7")), true);

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.text()).isEqualTo("abc0123456789abcdef");
            assertThat(probe.message(Message.ProxyTrailers.class).headers().first("x-t"))
                    .isEqualTo("v");
            assertThat(probe.response().headers().contains("transfer-encoding")).isFalse();
            assertThat(seen.get())
                    .isEqualTo("POST / HTTP/1.1\r\nhost: app.example\r\ntransfer-encoding: chunked\r\n\r\n"
                            + "6\r\nonetwo\r\n0\r\nX-Sum: 7\r\n\r\n");
        }
    }

    @Test
    void sendsABodyOfKnownLengthAsItIs() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead() + connection.read(6));
                    connection.write(OK);
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Headers headers = AgentHarness.headers("Content-Length", "6");
            TunnelStream stream = harness.open(harness.request("PUT", "/", headers), false, probe);
            stream.write(payload("abc"));
            stream.writeLast(payload("def"));

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(seen.get()).contains("Content-Length: 6\r\n").endsWith("\r\n\r\nabcdef");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"abcdefg", "abcde"})
    void cutsARequestWhoseBodyHasNotTheLengthItAnnounced(String body) throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Headers headers = AgentHarness.headers("Content-Length", "6");
            TunnelStream stream = harness.open(harness.request("PUT", "/", headers), false, probe);
            stream.writeLast(payload(body));

            assertThat(probe.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void saysThatThereIsNoBodyWhereOneIsExpected() throws Exception {
        CompletableFuture<String> seen = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    seen.complete(connection.readHead());
                    connection.write(OK);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(harness.request("POST", "/", Headers.EMPTY), true, probe);

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(seen.get()).contains("content-length: 0\r\n").doesNotContain("chunked");
        }
    }

    @Test
    void passesInterimAnswersOn() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 100 Continue\r\n\r\n");
                    connection.read(2);
                    connection.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Headers headers = AgentHarness.headers("Expect", "100-continue", "Content-Length", "2");
            TunnelStream stream = harness.open(harness.request("POST", "/", headers), false, probe);
            assertThat(probe.message(Message.ProxyResponse.class).status()).isEqualTo(100);
            stream.writeLast(payload("ab"));

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.messages())
                    .extracting(message -> ((Message.ProxyResponse) message).status())
                    .containsExactly(100, 103, 200);
        }
    }

    @Test
    void passesOnABodyThatEndsWithTheConnection() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.0 200 OK\r\n\r\nuntil the end");
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = harness.get("/");

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.isEnded()).isTrue();
            assertThat(probe.text()).isEqualTo("until the end");
        }
    }

    @Test
    void takesAResetForNoEnd() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.0 200 OK\r\n\r\nuntil the");
                    connection.readUntil("\n"); // the test has the bytes
                    connection.reset();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(harness.request("POST", "/", Headers.EMPTY), false, probe);
            probe.awaitBytes(9);
            stream.write(payload("\n"));

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(probe.isEnded()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnine byte",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nnine byte\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nnine byte"
            })
    void neverEndsABodyThatTheUpstreamCutShort(String answer) throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(answer);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = harness.get("/");

            Outcome outcome = probe.outcome();
            assertThat(outcome.is(ErrorCode.UPSTREAM_RESET)).isTrue();
            assertThat(outcome.isLocal()).isFalse();
            assertThat(probe.response().status()).isEqualTo(200);
            assertThat(probe.text()).isEqualTo("nine byte");
            assertThat(probe.isEnded()).isFalse();
        }
    }

    @Test
    void answersWithoutABodyEndWithTheirHead() throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"); // HEAD
                    connection.readHead();
                    connection.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n");
                    connection.readHead();
                    connection.write("HTTP/1.1 204 No Content\r\n\r\n");
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe head = new Probe(true);
            harness.open(harness.request("HEAD", "/", Headers.EMPTY), true, head);

            assertThat(head.outcome().isClean()).isTrue();
            assertThat(head.response().headers().first("content-length")).isEqualTo("1234");
            assertThat(harness.get("/").outcome().isClean()).isTrue();
            assertThat(harness.get("/").response().status()).isEqualTo(204);
            assertThat(server.accepted()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
                "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
                "HTTP/1.1 OK 200\r\n\r\n",
                "HTTP/1.1 20 OK\r\n\r\n",
                "HTTP/1.1 1000 OK\r\n\r\n",
                "ICY 200 OK\r\n\r\n",
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
                "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 0\r\n\r\n"
            })
    void refusesAnswersThatTwoReadersCouldUnderstandDifferently(String answer) throws Exception {
        assertRefused(answer);
    }

    @Test
    void refusesAHeadThatIsTooLong() throws Exception {
        assertRefused("HTTP/1.1 200 OK\r\nX: " + "x".repeat(70_000) + "\r\n\r\n");
    }

    @Test
    void refusesAHeadWithTooManyFields() throws Exception {
        assertRefused("HTTP/1.1 200 OK\r\n" + "X: y\r\n".repeat(201) + "\r\n");
    }

    @Test
    void refusesInterimAnswersWithoutEnd() throws Exception {
        assertRefused("HTTP/1.1 102 Processing\r\n\r\n".repeat(40));
    }

    private static void assertRefused(String answer) throws Exception {
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write(answer);
                    connection.awaitEnd();
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = harness.get("/");

            Outcome outcome = probe.outcome();
            Message.ProxyError error = probe.message(Message.ProxyError.class);
            assertThat(error.code()).isEqualTo("upstream_invalid");
            assertThat(error.status()).isEqualTo(502);
            assertThat(error.agentId()).isEqualTo("tested");
            assertThat(outcome.is(ErrorCode.UPSTREAM_INVALID)).isTrue();
        }
    }

    @Test
    void tellsThatNobodyListens() throws Exception {
        Upstream closed;
        try (ScriptedServer server = new ScriptedServer(connection -> {})) {
            closed = AgentHarness.upstream(server);
        }
        try (AgentHarness harness = new AgentHarness(closed)) {
            Probe probe = harness.get("/p");

            Message.ProxyError error = probe.message(Message.ProxyError.class);
            assertThat(error.code()).isEqualTo("upstream_unreachable");
            assertThat(error.status()).isEqualTo(502);
            assertThat(error.path()).isEqualTo("/p");
            assertThat(error.cause()).isEqualTo("the connection was refused");
            assertThat(error.retryable()).isTrue();
            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_UNREACHABLE)).isTrue();
        }
    }

    @Test
    void tellsThatANameHasNoAddress() {
        try (AgentHarness harness = new AgentHarness(new Upstream("nothing.invalid", 80, false))) {
            Probe probe = harness.get("/");

            assertThat(probe.outcome().is(ErrorCode.UPSTREAM_UNREACHABLE)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).cause()).isEqualTo("its name is not known");
        }
    }

    @Test
    void looksNamesUp() throws Exception {
        try (ScriptedServer server = new ScriptedServer(HttpUpstreamTest::answerAll);
                AgentHarness harness = new AgentHarness(new Upstream("localhost", server.port(), false))) {
            assertThat(harness.get("/").outcome().isClean()).isTrue();
        }
    }

    @Test
    void givesUpWhenTheAnswerTakesTooLong() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Message request = harness.request("GET", "/", Headers.EMPTY, Message.Upgrade.NONE, 50, null);
            harness.open(request, true, probe);

            assertThat(probe.outcome().is(ErrorCode.TIMEOUT)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(504);
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void answersBeforeTheRequestIsCompleteEndTheStreamAndTheConnection() throws Exception {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!");
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            harness.open(harness.request("POST", "/", Headers.EMPTY), false, probe);

            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.response().status()).isEqualTo(413);
            assertThat(probe.text()).isEqualTo("no!");
            assertThat(probe.isEnded()).isTrue();
            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void anAnswerIsHeardThoughTheUpstreamClosesOverTheRestOfTheUpload() throws Exception {
        CompletableFuture<Void> go = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    go.get(10, TimeUnit.SECONDS);
                    connection.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!");
                    connection.cut(); // over unread bytes: a reset follows the answer
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(harness.request("POST", "/", Headers.EMPTY), false, probe);
            for (int i = 0; i < 2_000; i++) {
                stream.write(Payload.of(new byte[16 * 1024])); // more than all buffers on the way take
            }
            for (int last = -1, same = 0; same < 20; ) {
                CompletableFuture<Void> turn = new CompletableFuture<>();
                stream.tunnel().loop().schedule(() -> turn.complete(null), 5_000_000);
                turn.get(10, TimeUnit.SECONDS);
                int waiting = stream.isWritable() ? 1 : 0;
                same = waiting == last ? same + 1 : 0;
                last = waiting;
            }
            go.complete(null);

            assertThat(probe.response().status()).isEqualTo(413);
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.text()).isEqualTo("no!");
        }
    }

    @Test
    void clientsThatGoAwayEndTheConnectionToTheUpstream() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    asked.complete(null);
                    connection.awaitEnd();
                    ended.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            TunnelStream stream = harness.open(harness.request("GET", "/", Headers.EMPTY), true, probe);
            asked.get(10, TimeUnit.SECONDS);
            stream.cancel(ErrorCode.CANCELLED, "the client went away");

            ended.get(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void readsNoMoreFromTheUpstreamThanTheGatewayTakes() throws Exception {
        int total = 8 * 1024 * 1024;
        LinkedBlockingQueue<Integer> written = new LinkedBlockingQueue<>();
        CompletableFuture<Void> stalled = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + total + "\r\n\r\n");
                    byte[] block = new byte[64 * 1024];
                    for (int sent = 0; sent < total; sent += block.length) {
                        connection.write(block);
                        written.add(block.length);
                    }
                    stalled.complete(null);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(false);
            TunnelStream stream = harness.open(harness.request("GET", "/", Headers.EMPTY), true, probe);
            probe.awaitBytes(128 * 1024); // the stream's first window, of which nothing is granted again
            while (written.poll(200, TimeUnit.MILLISECONDS) != null) {
                // until nothing more goes
            }
            assertThat(stalled).isNotDone();
            assertThat(probe.bytes()).hasSize(128 * 1024);

            for (int taken = 0; taken < total; ) {
                int bytes = probe.takeUngranted();
                stream.consumed(bytes);
                taken += bytes;
                probe.awaitBytes(Math.min(total, taken + 1));
            }
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.bytes()).hasSize(total);
        }
    }

    @Test
    void takesNoMoreOfABodyThanTheUpstreamTakes() throws Exception {
        int total = 32 * 1024 * 1024;
        CompletableFuture<Void> go = new CompletableFuture<>();
        try (ScriptedServer server = new ScriptedServer(connection -> {
                    connection.readHead();
                    go.get(20, TimeUnit.SECONDS);
                    connection.read(total);
                    connection.write(OK);
                });
                AgentHarness harness = new AgentHarness(server)) {
            Probe probe = new Probe(true);
            Headers headers = AgentHarness.headers("Content-Length", Integer.toString(total));
            TunnelStream stream = harness.open(harness.request("PUT", "/", headers), false, probe);
            int written = 0;
            for (int idle = 0; idle < 50 && written < total; ) {
                if (stream.isWritable()) {
                    stream.write(Payload.of(new byte[16 * 1024]));
                    written += 16 * 1024;
                    idle = 0;
                } else {
                    idle++;
                }
                CompletableFuture<Void> turn = new CompletableFuture<>();
                stream.tunnel().loop().schedule(() -> turn.complete(null), 2_000_000);
                turn.get(10, TimeUnit.SECONDS);
            }
            assertThat(written).isLessThan(total); // what sockets, windows and queues hold, and no more

            go.complete(null);
            while (written < total) {
                stream.write(Payload.of(new byte[16 * 1024]));
                written += 16 * 1024;
            }
            stream.end();
            assertThat(probe.outcome().isClean()).isTrue();
            assertThat(probe.text()).isEqualTo("ok");
        }
    }

    @Test
    void routesByTheLongestPrefixAndRefusesTheRest() throws Exception {
        try (ScriptedServer api = new ScriptedServer(connection -> {
                    assertThat(connection.readHead()).startsWith("GET /api/v1/x HTTP/1.1\r\n");
                    connection.write(OK);
                });
                AgentHarness harness = new AgentHarness(config -> config.route("/api/v1", AgentHarness.upstream(api))
                        .route("/api", new Upstream("nothing.invalid", 80, false))
                        .target("db", AgentHarness.upstream(api)))) {
            assertThat(harness.get("/api/v1/x").outcome().isClean()).isTrue();

            Probe elsewhere = harness.get("/apix");
            assertThat(elsewhere.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
            assertThat(elsewhere.message(Message.ProxyError.class).status()).isEqualTo(404);

            Probe unknown = new Probe(true);
            harness.open(harness.request("GET", "/", Headers.EMPTY, Message.Upgrade.NONE, 0, "other"), true, unknown);
            assertThat(unknown.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
            assertThat(unknown.message(Message.ProxyError.class).status()).isEqualTo(403);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"CONNECT /", "GET /a b", "GET x", "GET http://other/", "GET /?a b"})
    void refusesRequestsThatCouldMeanSomethingElseToTheUpstream(String line) throws Exception {
        try (ScriptedServer server = new ScriptedServer(HttpUpstreamTest::answerAll);
                AgentHarness harness = new AgentHarness(server)) {
            int blank = line.indexOf(' ');
            Probe probe = new Probe(true);
            harness.open(
                    harness.request(line.substring(0, blank), line.substring(blank + 1), Headers.EMPTY), true, probe);

            assertThat(probe.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(400);
            assertThat(server.accepted()).isZero();
        }
    }

    @Test
    void doesNotDoWhatBothHaveNotNamedAsTheirCapability() throws Exception {
        try (ScriptedServer server = new ScriptedServer(HttpUpstreamTest::answerAll);
                AgentHarness harness =
                        new AgentHarness(config -> config.upstream(AgentHarness.upstream(server)), Set.of())) {
            Message.Upgrade aware = new Message.Upgrade(true, false, Payload.EMPTY);
            Probe probe = new Probe(true);
            harness.open(harness.request("GET", "/", Headers.EMPTY, aware, 0, null), false, probe);

            assertThat(probe.outcome().is(ErrorCode.UNSUPPORTED)).isTrue();
        }
    }

    private static Payload payload(String text) {
        return Payload.of(text.getBytes(StandardCharsets.ISO_8859_1));
    }
}
