package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.tunnelmux.netty.testing.H2Client;
import io.tunnelmux.netty.testing.H2Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What breaks the rules of HTTP/2 costs its stream, and no agent ever sees it. */
class Http2MalformedRequestTest {

    private GatewayRig rig;
    private FakeAgent agent;
    private H2Client client;

    @BeforeEach
    void start() throws Exception {
        rig = GatewayRig.start(GatewayRig.config().h2c(true));
        agent = rig.agent();
        client = rig.closed(H2Client.connect(rig.gateway().httpAddress()));
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
    }

    private void nothingWasSeen() throws Exception {
        H2Stream good = client.gets("/good");
        FakeAgent.Call seen = agent.next().answersWithoutBody(204);
        assertThat(seen.request().head().path()).isEqualTo("/good");
        assertThat(good.status()).isEqualTo("204");
    }

    /** Fields in turn, separated by bars. */
    private static Http2Headers fields(String bars) {
        return H2Client.fields(bars.replace("\\0", "\0")
                .replace("\\1", "\1")
                .replace("\\n", "\n")
                .split("\\|", -1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ":scheme|http|:authority|a|:path|/",
                ":method|GET|:authority|a|:path|/",
                ":method|GET|:scheme|http|:authority|a",
                ":method|GET|:scheme|http|:authority|a|:path|",
                ":method|GET|:method|GET|:scheme|http|:authority|a|:path|/",
                ":method|GET|:scheme|http|:authority|a|:path|/|:path|/x",
                ":method|GET|:scheme|http|:authority|a|:path|/|:status|200",
                ":method|GET|:scheme|http|:authority|a|:path|/|:else|1",
                ":method|GET|:scheme|http|:authority|a|:path|/|Upper|1",
                ":method|GET|:scheme|http|:authority|a|:path|/|with blank|1",
                ":method|GET|:scheme|http|:authority|a|:path|/|connection|close",
                ":method|GET|:scheme|http|:authority|a|:path|/|connection|x-forwarded-for",
                ":method|GET|:scheme|http|:authority|a|:path|/|keep-alive|1",
                ":method|GET|:scheme|http|:authority|a|:path|/|proxy-connection|close",
                ":method|GET|:scheme|http|:authority|a|:path|/|transfer-encoding|chunked",
                ":method|GET|:scheme|http|:authority|a|:path|/|upgrade|websocket",
                ":method|GET|:scheme|http|:authority|a|:path|/|te|gzip",
                ":method|GET|:scheme|http|:authority|a|:path|/|content-length|1|content-length|2",
                ":method|GET|:scheme|http|:authority|a|:path|/|content-length|-1",
                ":method|GET|:scheme|http|:authority|a|:path|/|content-length|0x1",
                ":method|GET|:scheme|http|:authority|a|:path|/|x|a\\0b",
                ":method|GET|:scheme|http|:authority|a|:path|/|x|a\\nb",
                ":method|GET|:scheme|http|:authority|a|:path|/\\0",
                ":method|GET|:scheme|http|:authority|a|:path|/|x| a|y|1",
                ":method|GET|:scheme|http|:authority|a|:path|/|x|a\\1b",
                ":method|GET|:scheme|http|:authority|a|:path|/\\1",
                ":method|CONNECT",
            })
    void whatTheCodecKnowsToBeWrongIsReset(String fields) throws Exception {
        H2Stream call = client.sends(fields(fields), true);

        assertThat(call.reset()).isEqualTo(Http2Error.PROTOCOL_ERROR);
        nothingWasSeen();
    }

    @ParameterizedTest
    @CsvSource({
        ":method|GET|:scheme|http|:authority|a|:path|/|x|a |y|1, 400",
        ":method|GET|:scheme|http|:authority|a|:path|/ HTTP/1.1, 400",
        ":method|GET|:scheme|http|:authority|a|:path|x, 400",
        ":method|GET|:scheme|http|:authority|a|:path|http://a/, 400",
        ":method|GET|:scheme|http|:authority|a|:path|*, 400",
        ":method|G T|:scheme|http|:authority|a|:path|/, 400",
        ":method|GET|:scheme|ftp|:authority|a|:path|/, 400",
        ":method|GET|:scheme|http|:path|/, 400",
        ":method|GET|:scheme|http|:authority|a|:path|/|host|b, 400",
        ":method|GET|:scheme|http|:authority|user@a|:path|/, 400",
        ":method|GET|:scheme|http|:authority|a/b|:path|/, 400",
        ":method|GET|:scheme|http|:path|/|host|a|host|a, 400",
        ":method|TRACE|:scheme|http|:authority|a|:path|/, 405",
        ":method|CONNECT|:authority|a:443, 405",
        ":method|GET|:protocol|websocket|:scheme|http|:authority|a|:path|/, 400",
        ":method|CONNECT|:protocol|websocket|:scheme|http|:authority|a|:path|/, 400",
    })
    void whatTheGatewayKnowsToBeWrongIsToldSo(String fields, String status) throws Exception {
        H2Stream call = client.sends(fields(fields), true);

        assertThat(call.status()).isEqualTo(status);
        nothingWasSeen();
    }

    @Test
    void aHostWithoutAuthorityIsAHost() throws Exception {
        client.sends(fields(":method|GET|:scheme|http|:path|/|host|b"), true);

        assertThat(agent.next().answersWithoutBody(204).request().head().authority())
                .isEqualTo("b");
    }

    @Test
    void bodiesThatBreakTheirWordAreReset() throws Exception {
        H2Stream longer = client.sends(H2Client.request("PUT", "/", "content-length", "3"), false);
        FakeAgent.Call longerSeen = agent.next();
        longer.sends("four");
        assertThat(longer.reset()).isEqualTo(Http2Error.PROTOCOL_ERROR);
        longerSeen.closed();

        H2Stream shorter = client.sends(H2Client.request("PUT", "/", "content-length", "3"), false);
        FakeAgent.Call shorterSeen = agent.next();
        shorter.sends(new byte[2], true);
        assertThat(shorter.reset()).isEqualTo(Http2Error.PROTOCOL_ERROR);
        shorterSeen.closed();
        assertThat(shorterSeen.isWhole()).isFalse();

        H2Stream none = client.sends(H2Client.request("PUT", "/", "content-length", "3"), true);
        assertThat(none.reset()).isEqualTo(Http2Error.PROTOCOL_ERROR);
        nothingWasSeen();
    }

    @Test
    void trailersAreNoPlaceForPseudoHeaderFields() throws Exception {
        H2Stream call = client.sends(H2Client.request("PUT", "/"), false).sends("x");
        FakeAgent.Call seen = agent.next();
        call.ends(":path", "/other");

        assertThat(call.reset()).isEqualTo(Http2Error.PROTOCOL_ERROR);
        seen.closed();
        assertThat(seen.isWhole()).isFalse();
    }

    @Test
    void headsThatAreTooLargeAreRefused() throws Exception {
        assertThat(client.gets("/" + "x".repeat(9_000)).status()).isEqualTo("414");
        assertThat(client.gets("/", "n".repeat(300), "1").status()).isEqualTo("431");
        Http2Headers many = H2Client.request("GET", "/");
        for (int i = 0; i < 120; i++) {
            many.add("x" + i, "1");
        }
        assertThat(client.sends(many, true).status()).isEqualTo("431");
        assertThat(client.gets("/", "big", "x".repeat(36_500)).status()).isEqualTo("431");
        nothingWasSeen();
    }

    @Test
    void aHeadThatIsFarTooLargeCostsTheConnection() throws Exception {
        client.gets("/", "huge", "x".repeat(200_000));

        client.awaitClosed();
        assertThat(agent.hasCall()).isFalse();
    }
}
