package io.tunnelmux.netty.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.AdmissionConfig;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Many at once: all are served, each with its own bytes, and those who only cost are left at once. */
class CrowdTest {

    private static final int CROWD = 1_000;
    /** More than kernels take for a connection that nobody reads. */
    private static final long MUCH = 64L << 20;

    private Chain chain;

    @BeforeEach
    void start() throws Exception {
        chain = Chain.start();
    }

    @AfterEach
    void stop() throws Exception {
        chain.close();
    }

    private static String body(int number) {
        Random random = new Random(number);
        byte[] bytes = new byte[random.nextInt(40_000)];
        random.nextBytes(bytes);
        return number + ":" + new String(bytes, StandardCharsets.ISO_8859_1);
    }

    @Test
    void aThousandRequestsAtOnceGetTheirOwnBodiesBackFromThreadsThatGrowNoMore() throws Exception {
        CountDownLatch arrived = new CountDownLatch(CROWD);
        AtomicInteger threads = new AtomicInteger();
        chain.upstream().answers(server -> {
            RawSocket.Message message = server.message();
            arrived.countDown();
            arrived.await();
            String back = new StringBuilder(message.body()).reverse().toString();
            server.send("HTTP/1.1 200 OK\r\nX-Target: " + message.target() + "\r\nContent-Length: " + back.length()
                    + "\r\n\r\n" + back);
        });
        Set<String> before = loops();
        List<RawSocket> clients = new ArrayList<>();
        for (int i = 0; i < CROWD; i++) {
            String body = body(i);
            clients.add(chain.client()
                    .send("POST /" + i + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + body.length() + "\r\n\r\n"
                            + body));
        }
        assertThat(arrived.await(60, TimeUnit.SECONDS))
                .as("all are under way at once")
                .isTrue();
        threads.set(loops().size());
        for (int i = 0; i < CROWD; i++) {
            RawSocket.Message answer = clients.get(i).message();
            String body = new StringBuilder(answer.body()).reverse().toString();

            assertThat(answer.head()).contains("X-Target: /" + i + "\r\n");
            assertThat(body.equals(body(i))).as("body %d", i).isTrue();
        }
        assertThat(threads.get()).isLessThanOrEqualTo(before.size() + 1);
    }

    /** The threads of gateway and agent. */
    private static Set<String> loops() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("tunnelmux-"))
                .collect(Collectors.toSet());
    }

    @Test
    void moreThanAreAllowedAreToldSoAtOnceAndTheRestIsServed() throws Exception {
        int allowed = 50;
        try (Chain limited = Chain.start(config ->
                config.admission(AdmissionConfig.builder().maxRequests(allowed).build()))) {
            CountDownLatch over = new CountDownLatch(1);
            CountDownLatch arrived = new CountDownLatch(allowed);
            limited.upstream().answers(server -> {
                server.message();
                arrived.countDown();
                over.await();
                server.send(RawUpstream.OK);
            });
            List<RawSocket> clients = new ArrayList<>();
            for (int i = 0; i < allowed; i++) {
                clients.add(limited.client().send("GET /allowed-" + i + " HTTP/1.1\r\nHost: a\r\n\r\n"));
            }
            assertThat(arrived.await(60, TimeUnit.SECONDS)).isTrue();
            for (int i = 0; i < 20; i++) {
                try (RawSocket client = limited.client()) {
                    RawSocket.Message told = client.send("GET /beyond HTTP/1.1\r\nHost: a\r\n\r\n")
                            .message();

                    assertThat(told.status()).isEqualTo(503);
                    assertThat(told.head()).containsIgnoringCase("\r\nretry-after: 1\r\n");
                    assertThat(told.body()).contains("\"code\":\"overloaded\"").contains("\"retryable\":true");
                }
            }
            over.countDown();
            for (RawSocket client : clients) {
                assertThat(client.message().body()).isEqualTo("ok");
            }
            assertThat(limited.heard()).doesNotContain("/beyond");
        }
    }

    @Test
    void requestsThatAreGivenUpInABurstLeaveTheUpstreamToo() throws Exception {
        int burst = 300;
        CountDownLatch arrived = new CountDownLatch(burst);
        chain.upstream().answers(server -> {
            server.message();
            arrived.countDown();
            server.end();
        });
        List<RawSocket> clients = new ArrayList<>();
        for (int i = 0; i < burst; i++) {
            clients.add(chain.client().send("GET /burst-" + i + " HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        assertThat(arrived.await(60, TimeUnit.SECONDS)).isTrue();
        for (int i = 0; i < burst; i++) {
            if (i % 2 == 0) {
                clients.get(i).reset();
            } else {
                clients.get(i).close();
            }
        }
        for (int i = 0; i < burst; i++) {
            chain.upstream().ended("/burst-");
        }
        assertThat(chain.heard()).as("others are served on").contains("/burst-");
    }

    @Test
    void aClientThatSendsOnWithoutReadingHasOneRequestUnderWayAndIsReadNoFurther() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        AtomicInteger underWay = new AtomicInteger();
        chain.upstream().answers(server -> {
            server.message();
            underWay.incrementAndGet();
            over.await();
        });
        String request = "GET /pipelined HTTP/1.1\r\nHost: a\r\nX: " + "x".repeat(1_000) + "\r\n\r\n";
        try {
            assertThat(chain.taken("", new CountDownLatch(0), request, MUCH)).isLessThan(MUCH);
            assertThat(underWay.get()).isEqualTo(1);
        } finally {
            over.countDown();
        }
    }

    @Test
    void aClientThatSendsOnBeforeItsUpgradeIsAnsweredIsReadNoFurther() throws Exception {
        CountDownLatch over = new CountDownLatch(1);
        CountDownLatch arrived = new CountDownLatch(1);
        chain.upstream().answers(server -> {
            server.head();
            arrived.countDown();
            over.await();
        });
        String upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        try {
            assertThat(chain.taken(upgrade, arrived, "x".repeat(100_000), MUCH)).isLessThan(MUCH);
        } finally {
            over.countDown();
        }
    }
}
