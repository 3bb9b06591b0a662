package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProxyRequestFactoryTest {

    @ParameterizedTest
    @CsvSource({
        // The agent ends first, so that its answer is the one that the client gets.
        "PT130S, 120000",
        "PT60S, 50000",
        "PT20.001S, 10001",
        // A short time is not halved and halved again: both ends have it whole.
        "PT20S, 20000",
        "PT10S, 10000",
        "PT0.3S, 300"
    })
    void theAgentHasTenSecondsLessThanTheGateway(Duration gateway, long agentMillis) throws Exception {
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        request.headers().add("Host", "a");
        RequestHead head = RequestHead.of(request, 100);
        Client client = TrustedProxies.NONE.clientOf(head, new InetSocketAddress("203.0.113.9", 4711), "http");
        ProxyRequestFactory factory =
                new ProxyRequestFactory(head, client, Message.Destination.ANY, null, gateway, TraceContext.begin(true));

        assertThat(((Message.ProxyRequest) factory.create(Payload.EMPTY)).timeoutMillis())
                .isEqualTo(agentMillis);
        assertThat(factory.timeout()).isEqualTo(gateway);
    }
}
