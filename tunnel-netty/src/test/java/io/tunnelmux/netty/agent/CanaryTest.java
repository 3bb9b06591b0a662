package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever a request says, the agent goes nowhere but to what it was configured with: nobody ever comes to the canary. */
class CanaryTest {

    private final ScriptedServer canary = new ScriptedServer(ScriptedServer.Connection::awaitEnd);
    private final String canaryAddress = "127.0.0.1:" + canary.port();
    private final List<String> seen = new CopyOnWriteArrayList<>();
    private final ScriptedServer server = new ScriptedServer(connection -> {
        while (connection.hasMore()) {
            seen.add(connection.readHead());
            connection.write(
                    "HTTP/1.1 302 Found\r\nLocation: http://" + canaryAddress + "/\r\nContent-Length: 0\r\n\r\n");
        }
    });
    private final AgentHarness agent = new AgentHarness(
            config -> config.upstream(AgentHarness.upstream(server)).target("known", AgentHarness.upstream(server)));

    @AfterEach
    void nobodyCame() throws Exception {
        agent.close();
        server.close();
        assertThat(canary.accepted()).isZero();
        canary.close();
    }

    private Probe send(String path, String scheme, String authority, Headers headers, Message.Destination destination) {
        Probe probe = new Probe(true);
        Message.HttpHead head = new Message.HttpHead("GET", path, null, scheme, authority, headers);
        agent.open(new Message.ProxyRequest("r", head, Message.Upgrade.NONE, destination, 0, null, null), true, probe);
        return probe;
    }

    private Probe send(@Nullable String target, @Nullable String service, int port) {
        return send("/", "http", "app", Headers.EMPTY, new Message.Destination(target, service, null, port));
    }

    @Test
    void aRedirectIsAnAnswer() {
        Message.ProxyResponse response = agent.get("/").response();

        assertThat(response.status()).isEqualTo(302);
        assertThat(response.headers().first("location")).isEqualTo("http://" + canaryAddress + "/");
    }

    @Test
    void authorityAndHostAreWordsForTheUpstream() {
        Headers host = AgentHarness.headers("Host", canaryAddress, "X-Forwarded-Host", canaryAddress);

        assertThat(send("/a", "https", canaryAddress, Headers.EMPTY, Message.Destination.ANY)
                        .response()
                        .status())
                .isEqualTo(302);
        assertThat(send("/b", "http", canaryAddress, host, Message.Destination.ANY)
                        .response()
                        .status())
                .isEqualTo(302);
        assertThat(seen)
                .hasSize(2)
                .allMatch(head -> head.contains("\r\nhost: " + canaryAddress + "\r\n")
                        || head.contains("\r\nHost: " + canaryAddress + "\r\n"));
    }

    @Test
    void aPathIsNoUrl() {
        for (String path : List.of("http://" + canaryAddress + "/", "//" + canaryAddress + "/", "/@" + canaryAddress)) {
            Probe probe = send(path, "http", "app", Headers.EMPTY, Message.Destination.ANY);
            if (path.startsWith("/")) {
                assertThat(probe.response().status()).isEqualTo(302);
                assertThat(seen.get(seen.size() - 1)).startsWith("GET " + path + " HTTP/1.1\r\n");
            } else {
                assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(400);
            }
        }
    }

    @Test
    void onlyNamesOfTheConfigurationAreTargets() {
        assertThat(send("known", null, 0).response().status()).isEqualTo(302);
        for (String target : List.of(canaryAddress, "http://" + canaryAddress, "127.0.0.1", "KNOWN", "known/")) {
            Probe probe = send(target, null, canary.port());

            assertThat(probe.message(Message.ProxyError.class).status()).isEqualTo(403);
            assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
        }
    }

    @Test
    void servicesAreNotLookedForWhereNoneAreKnown() {
        Probe probe = send(null, "127.0.0.1", canary.port());

        Message.ProxyError error = probe.message(Message.ProxyError.class);
        assertThat(error.status()).isEqualTo(403);
        assertThat(error.message()).isEqualTo("no such service: 127.0.0.1:" + canary.port());
        assertThat(probe.outcome().is(ErrorCode.FORBIDDEN)).isTrue();
        assertThat(seen).isEmpty();
    }
}
