package io.tunnelmux.netty.endtoend;

import static io.tunnelmux.netty.endtoend.RawGateway.frame;
import static io.tunnelmux.netty.endtoend.RawGateway.message;
import static io.tunnelmux.netty.endtoend.RawGateway.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import io.tunnelmux.netty.agent.KubernetesTarget;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whoever asks, and whatever they name, an agent connects to what its own configuration names. A canary listens for anything else. */
class AgentReachTest {

    private RawUpstream canary;
    private String canaryAddress;

    @BeforeEach
    void listen() throws Exception {
        canary = new RawUpstream();
        canaryAddress = "127.0.0.1:" + canary.port();
    }

    @AfterEach
    void nobodyCame() throws Exception {
        canary.close();
        assertThat(canary.accepted()).isZero();
    }

    @Test
    void aClientNamesNoAddress() throws Exception {
        try (Chain chain = Chain.start()) {
            chain.upstream()
                    .answers("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://" + canaryAddress
                            + "/\r\nRefresh: 0;url=http://" + canaryAddress + "/\r\nContent-Length: 0\r\n\r\n");
            for (String request : List.of(
                    "GET / HTTP/1.1\r\nHost: CANARY\r\n",
                    "GET http://CANARY/ HTTP/1.1\r\nHost: CANARY\r\n",
                    "GET //CANARY/ HTTP/1.1\r\nHost: a\r\n",
                    "GET /http://CANARY/ HTTP/1.1\r\nHost: a\r\n",
                    "GET /@CANARY/ HTTP/1.1\r\nHost: a\r\n",
                    "GET /?url=http://CANARY/ HTTP/1.1\r\nHost: a\r\nReferer: http://CANARY/\r\nX-Original-URL: http://CANARY/\r\n")) {
                try (RawSocket client = chain.client()) {
                    String head = client.send(request.replace("CANARY", canaryAddress) + "\r\n")
                            .message()
                            .head();

                    assertThat(head)
                            .as(request)
                            .startsWith("HTTP/1.1 307 ")
                            .contains("\r\nLocation: http://" + canaryAddress + "/\r\n");
                }
            }
            assertThat(chain.upstream().accepted()).isPositive();
        }
    }

    @Test
    void aGatewayNamesNoAddressEither() throws Exception {
        try (RawUpstream upstream = new RawUpstream();
                RawGateway gateway = new RawGateway()) {
            Upstream known = new Upstream("127.0.0.1", upstream.port(), false);
            Agent agent = Agent.start(AgentConfig.builder()
                    .gateways(List.of(URI.create("ws://127.0.0.1:" + gateway.port() + "/tunnel")))
                    .agentId("demo")
                    .upstream(known)
                    .target("known", known)
                    .build());
            try (RawGateway.Link link = gateway.accept().welcome()) {
                Headers host = Headers.builder()
                        .add("Host", canaryAddress)
                        .add("X-Forwarded-Host", canaryAddress)
                        .build();
                List<Message.ProxyRequest> requests = new ArrayList<>();
                for (String target : List.of(
                        canaryAddress, "http://" + canaryAddress, "127.0.0.1", "localhost", "KNOWN", "known/")) {
                    requests.add(request("/", host, new Message.Destination(target, null, null, canary.port())));
                }
                requests.add(request("/", host, new Message.Destination(null, "127.0.0.1", null, canary.port())));
                requests.add(request("http://" + canaryAddress + "/", host, Message.Destination.ANY));
                int id = 0;
                for (Message.ProxyRequest request : requests) {
                    id += 2;
                    link.send(frame(1, 1, id, message(request)));
                    assertThat(link.next(2, id).message())
                            .as("%s", request)
                            .isInstanceOfSatisfying(
                                    Message.ProxyError.class,
                                    error -> assertThat(error.status()).isIn(400, 403));
                }
                assertThat(upstream.accepted()).isZero();
                id += 2;
                link.send(frame(
                        1,
                        1,
                        id,
                        message(request(
                                "//" + canaryAddress + "/", host, new Message.Destination("known", null, null, 0)))));
                assertThat(link.next(2, id).message()).isInstanceOf(Message.ProxyResponse.class);
                assertThat(upstream.connections().get(0).heard())
                        .startsWith("GET //" + canaryAddress + "/ HTTP/1.1\r\n");
            } finally {
                agent.close(Duration.ZERO);
            }
        }
    }

    @Test
    void anUpstreamThatDoesNotTakeConnectionsIsGivenUp() throws Exception {
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Socket> waiting = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                Socket socket = new Socket();
                waiting.add(socket);
                try {
                    socket.connect(new InetSocketAddress(full.getInetAddress(), full.getLocalPort()), 100);
                } catch (java.net.SocketTimeoutException e) {
                    // Nobody takes more: that is what is wanted.
                    break;
                }
            }
            try (Chain chain = Chain.start(
                    config -> config,
                    agent -> agent.route("/", new Upstream("127.0.0.1", full.getLocalPort(), false))
                            .connectTimeout(Duration.ofMillis(200)))) {
                try (RawSocket client = chain.client()) {
                    RawSocket.Message answer =
                            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").message();

                    assertThat(answer.status()).isEqualTo(502);
                    assertThat(answer.body()).contains("upstream_unreachable");
                }
            }
            for (Socket socket : waiting) {
                socket.close();
            }
        }
    }

    private static Chain cluster() throws Exception {
        RawUpstream api = new RawUpstream();
        KubernetesTarget target = KubernetesTarget.builder(URI.create("http://127.0.0.1:" + api.port()))
                .allowPaths(KubernetesTarget.READABLE_PATHS)
                .build();
        return Chain.start(api, config -> config, agent -> agent.upstream(target.upstream()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /",
                "GET /logs/x",
                "GET /metrics",
                "GET /apix",
                "GET /api/../metrics",
                "GET /api/%2e%2e/metrics",
                "GET /api/.%2E/metrics",
                "GET /api/%252e%252e/metrics",
                "GET /api//v1/pods",
                "GET //api/v1/pods",
                "GET /api/v1%2fpods",
                "GET /api/v1%5cpods",
                "GET /api/v1/pods%00",
                "GET /api/v1/pods;x=y",
                "GET /api/v1/namespaces/shop/pods/web/exec?command=id",
                "GET /api/v1/namespaces/shop/pods/web/%65xec?command=id",
                "POST /api/v1/namespaces/shop/pods/web/attach",
                "GET /api/v1/namespaces/shop/pods/web/portforward?ports=80",
                "GET /api/v1/namespaces/shop/services/web/proxy/",
                "GET /api/v1/nodes/one/proxy/exec/shop/web/web?command=id",
                "DELETE /api/v1/namespaces/shop",
                "POST /api/v1/pods",
                "PROPFIND /api"
            })
    void aClustersApiIsNotAskedForWhatWasNotTurnedOn(String line) throws Exception {
        try (Chain chain = cluster();
                RawSocket client = chain.client()) {
            assertThat(client.send(line + " HTTP/1.1\r\nHost: a\r\n\r\n")
                            .message()
                            .status())
                    .isEqualTo(403);
            assertThat(chain.upstream().accepted()).isZero();
        }
    }

    @Test
    void aClustersApiHearsOfNobodyElse() throws Exception {
        try (Chain chain = cluster();
                RawSocket client = chain.client()) {
            String fields = "Authorization: Bearer stolen\r\nImpersonate-User: stolen\r\nimpersonate-Group: stolen\r\n"
                    + "Impersonate_User: stolen\r\nImpersonate-Extra-x: stolen\r\nX-Remote-User: stolen\r\n"
                    + "X-Remote-Group: stolen\r\nX-Remote-Extra-y: stolen\r\nCookie: stolen\r\n"
                    + "X-Forwarded-Client-Cert: stolen\r\nX-HTTP-Method-Override: stolen\r\nX-Kept: kept\r\n";
            assertThat(client.send("GET /api/v1/pods?limit=1 HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n")
                            .message()
                            .status())
                    .isEqualTo(200);

            assertThat(chain.upstream().connections().get(0).heard().toLowerCase(Locale.ROOT))
                    .startsWith("get /api/v1/pods?limit=1 http/1.1\r\n")
                    .contains("x-kept: kept\r\n")
                    .contains("host: 127.0.0.1:" + chain.upstream().port() + "\r\n")
                    .doesNotContain("stolen");
        }
    }
}
