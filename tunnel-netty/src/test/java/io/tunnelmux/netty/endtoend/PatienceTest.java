package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Nobody is waited for without end, and nobody who goes on, however slowly, is cut off. */
class PatienceTest {

    private static final Duration PATIENCE = Duration.ofMillis(700);
    private static final int PAUSE_MILLIS = 50;
    /** Far more than fit into the patience, and few enough to fail soon. */
    private static final int MANY_PAUSES = 300;

    private Chain chain;

    @BeforeEach
    void start() throws Exception {
        chain = Chain.start(config -> config.headTimeout(PATIENCE)
                .keepAliveTimeout(PATIENCE)
                .readTimeout(PATIENCE)
                .writeTimeout(PATIENCE)
                .maxRequestsPerConnection(5));
    }

    @AfterEach
    void stop() throws Exception {
        chain.close();
    }

    /** Says a byte, and waits a moment, until it is answered: whether anything came. */
    private static boolean drips(RawSocket client, char c, int times) throws IOException {
        client.socket().setSoTimeout(PAUSE_MILLIS);
        for (int i = 0; i < times; i++) {
            try {
                client.send(String.valueOf(c));
                client.hasMore();
                return true;
            } catch (SocketTimeoutException e) {
                // Nothing yet: that was the pause.
                continue;
            } catch (IOException e) {
                return true;
            }
        }
        client.socket().setSoTimeout(RawSocket.PATIENCE_MILLIS);
        return false;
    }

    @Test
    void whoSaysNothingIsClosed() throws Exception {
        try (RawSocket client = chain.client()) {
            assertThat(client.rest()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"G", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n"})
    void aHeadThatComesInDripsIsTimedOutAsAWhole(String begin) throws Exception {
        try (RawSocket client = chain.client()) {
            client.send(begin);

            assertThat(drips(client, 'x', MANY_PAUSES)).isTrue();
            assertThat(client.end()).isNotNull();
            assertThat(client.heard()).startsWith("HTTP/1.1 408 ").contains("\r\nconnection: close\r\n");
        }
    }

    @Test
    void theNextHeadIsTimedAsTheFirst() throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").message();
            client.send("GET /2 HTTP/1.1\r\nHost: a\r\nX: ");

            assertThat(drips(client, 'x', MANY_PAUSES)).isTrue();
        }
    }

    @Test
    void aConnectionThatRestsIsClosed() throws Exception {
        try (RawSocket client = chain.client()) {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();

            assertThat(client.rest()).isEmpty();
        }
    }

    @Test
    void aConnectionHasItsShareOfRequests() throws Exception {
        try (RawSocket client = chain.client()) {
            for (int i = 1; i <= 6; i++) {
                client.send("GET /share-" + i + " HTTP/1.1\r\nHost: a\r\n\r\n");
            }
            for (int i = 1; i <= 5; i++) {
                assertThat(client.message().head().contains("\r\nconnection: close\r\n"))
                        .isEqualTo(i == 5);
            }
            client.end();
        }
        assertThat(chain.heard()).contains("/share-5").doesNotContain("/share-6");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\n"})
    void aBodyThatStopsIsTimedOutAndItsUpstreamTold(String body) throws Exception {
        chain.upstream().answers(RawSocket::end);
        try (RawSocket client = chain.client()) {
            client.send("POST /stops HTTP/1.1\r\nHost: a\r\n" + body);

            assertThat(client.rest()).startsWith("HTTP/1.1 408 ");
        }
        chain.upstream().ended("/stops");
    }

    @Test
    void aBodyThatGoesOnSlowlyArrives() throws Exception {
        int drips = 3 * (int) PATIENCE.toMillis() / PAUSE_MILLIS;
        try (RawSocket client = chain.client()) {
            client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: " + (drips + 1) + "\r\n\r\n");
            assertThat(drips(client, 'x', drips)).isFalse();

            assertThat(client.send("x").message().body()).isEqualTo("ok");
        }
    }

    @Test
    void aReaderThatStopsIsCutOffAndItsUpstreamTold() throws Exception {
        chain.upstream().answers(server -> {
            server.message();
            server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            byte[] part = new byte[100_000];
            for (int i = 0; i < 10_000; i++) {
                server.send(part); // fails when it is told
            }
        });
        try (RawSocket client = chain.client()) {
            client.socket().setReceiveBufferSize(4_096);
            client.send("GET /stops HTTP/1.1\r\nHost: a\r\n\r\n");

            chain.upstream().ended("/stops");
            assertThat(client.end()).isEqualTo(RawSocket.End.RESET);
        }
    }

    @Test
    void anUpstreamThatTakesNoBodyIsGivenUp() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        chain.upstream().answers(server -> {
            server.head();
            over.await();
        });
        try (RawSocket client = chain.client()) {
            client.send("POST /stuck HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
            Thread writer = new Thread(() -> sendsWithoutEnd(client));
            writer.start();

            RawSocket.Message told = client.message();
            assertThat(told.status()).isEqualTo(504);
            assertThat(told.body()).contains("the body was not taken");
        } finally {
            over.countDown();
        }
        chain.upstream().ended("/stuck");
    }

    private static void sendsWithoutEnd(RawSocket client) {
        byte[] part = new byte[100_000];
        try {
            while (true) {
                client.send(part);
            }
        } catch (IOException e) {
            // It was closed, by either side: that is the end.
            return;
        }
    }

    @Test
    void anUpstreamThatSaysNothingIsATimeoutAndIsTold() throws Exception {
        try (Chain other = Chain.start(config -> config.requestTimeout(PATIENCE))) {
            other.upstream().answers(RawSocket::end);
            try (RawSocket client = other.client()) {
                assertThat(client.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n")
                                .message()
                                .status())
                        .isEqualTo(504);
            }
            other.upstream().ended("/silent");
        }
    }
}
