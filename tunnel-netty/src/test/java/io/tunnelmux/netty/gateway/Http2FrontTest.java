package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client that speaks HTTP/2 gets, and what an agent gets of it, over real sockets. */
class Http2FrontTest {

    private GatewayRig rig;
    private FakeAgent agent;
    private H2Client client;

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config()
                .h2c(true)
                .readTimeout(Duration.ofMillis(700))
                .router(AgentRouter.builder()
                        .route(Route.of("a", "/", GatewayRig.AGENT))
                        .route(Route.of("a", "/impatient", GatewayRig.AGENT).withTimeout(Duration.ofMillis(300)))
                        .route(Route.of("nobody", "/", "absent"))
                        .build()));
        agent = rig.agent();
        client = rig.closed(H2Client.connect(rig.gateway().httpAddress()));
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    @Test
    void aRequestGoesToTheAgentAsItCame() throws Exception {
        H2Client.Call call = client.gets("/p%2F?q=1&r", "x", "1", "x", "2", "cookie", "a=1", "cookie", "b=2");
        FakeAgent.Call seen = agent.next();

        Message.HttpHead head = seen.request().head();
        assertThat(head.method()).isEqualTo("GET");
        assertThat(head.path()).isEqualTo("/p%2F");
        assertThat(head.query()).isEqualTo("q=1&r");
        assertThat(head.scheme()).isEqualTo("http");
        assertThat(head.authority()).isEqualTo("a");
        assertThat(head.headers().all("host")).containsExactly("a");
        assertThat(head.headers().all("x")).containsExactly("1", "2");
        assertThat(head.headers().all("cookie")).containsExactly("a=1; b=2");
        assertThat(seen.isEnded()).isTrue();
        seen.answersWithoutBody(200, "Connection", "close", "Set-Cookie", "c", "Set-Cookie", "d");
        Http2Headers answer = call.head();
        assertThat(answer.status()).hasToString("200");
        assertThat(answer.getAll("set-cookie")).extracting(Object::toString).containsExactly("c", "d");
        assertThat(answer.contains("connection")).isFalse();
        assertThat(call.body()).isEmpty();
    }

    @Test
    void bodiesAndTrailersGoBothWays() throws Exception {
        H2Client.Call call = client.sends(H2Client.request("POST", "/", "te", "trailers"), false);
        FakeAgent.Call seen = agent.next();
        assertThat(seen.request().head().headers().all("te")).containsExactly("trailers");
        call.sends("hello ").sends("world").ends("checksum", "1", "host", "evil");
        assertThat(seen.body()).isEqualTo("hello world");
        assertThat(seen.trailers().all("checksum")).containsExactly("1");
        assertThat(seen.trailers().contains("host")).isFalse();

        seen.answers(200, "content-type", "application/grpc").sends("answer").endsWith("grpc-status", "0");
        assertThat(call.status()).isEqualTo("200");
        assertThat(call.body()).isEqualTo("answer");
        assertThat(call.trailers().get("grpc-status")).hasToString("0");
    }

    @Test
    void aBodyThatIsCutIsReset() throws Exception {
        H2Client.Call call = client.gets("/");
        agent.next().answers(200).sends("part").closes(ErrorCode.UPSTREAM_RESET, "died");

        assertThat(call.status()).isEqualTo("200");
        assertThat(call.reset()).isEqualTo(Http2Error.INTERNAL_ERROR);
        assertThat(call.isEnded()).isFalse();
        H2Client.Call next = client.gets("/");
        agent.next().answersWithoutBody(204);
        assertThat(next.status()).isEqualTo("204");
    }

    @Test
    void aClientThatResetsCancels() throws Exception {
        H2Client.Call call = client.gets("/");
        FakeAgent.Call seen = agent.next();
        call.cancels();

        assertThat(seen.closed().is(ErrorCode.CANCELLED)).isTrue();
    }
}
