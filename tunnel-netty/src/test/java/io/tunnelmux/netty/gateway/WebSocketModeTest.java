package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of WebSockets that are to be read as messages where the agent cannot. */
class WebSocketModeTest {

    private static final String UPGRADE =
            "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    @Test
    void anAgentThatCannotReadMessagesIsNotGivenBytesInstead() throws Exception {
        WebSocketConfig aware =
                WebSocketConfig.builder().mode(WebSocketMode.AWARE).build();
        try (GatewayRig rig = GatewayRig.start(GatewayRig.config().webSockets(aware))) {
            FakeAgent agent = rig.agent();

            String answer = rig.client().sends(UPGRADE).response();

            assertThat(answer).startsWith("HTTP/1.1 502 ").contains("\"code\":\"unsupported\"");
            assertThat(agent.hasCall()).isFalse();
        }
    }

    @Test
    void theSameAgentServesWebSocketsAsBytes() throws Exception {
        try (GatewayRig rig = GatewayRig.start()) {
            FakeAgent agent = rig.agent();
            RawClient client = rig.client().sends(UPGRADE);

            assertThat(agent.next().request().upgrade().useZeroCopy()).isTrue();
            client.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"-1,0", "1,-1", "1,65537"})
    void samplesHaveBounds(int every, int bytes) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebSocketConfig.builder().sample(every, bytes));
    }

    @Test
    void messagesHaveALength() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WebSocketConfig.builder().maxMessageBytes(0));
    }

    @Test
    void routesOfDifferentModesAreDifferent() {
        assertThat(Route.to("a").withWebSocketMode(WebSocketMode.AWARE))
                .isNotEqualTo(Route.to("a"))
                .isEqualTo(Route.to("a").withWebSocketMode(WebSocketMode.AWARE));
    }
}
