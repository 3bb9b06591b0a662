package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.local.LocalAddress;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpVersion;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrustedProxiesTest {

    private static final TrustedProxies PROXIES = TrustedProxies.of(List.of("10.0.0.0/8", "192.0.2.7", "fd00::/8"));

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                // From strangers nothing is believed.
                "203.0.113.9, 6.6.6.6, -, 203.0.113.9, 203.0.113.9",
                "192.0.2.8, 6.6.6.6, -, 192.0.2.8, 192.0.2.8",
                "2001:db8::1, 6.6.6.6, -, 2001:db8::1, 2001:db8::1",
                // A proxy that says nothing is the client.
                "10.1.2.3, -, -, 10.1.2.3, 10.1.2.3",
                // One that is trusted says who the client is.
                "10.1.2.3, 203.0.113.9, -, 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                "192.0.2.7, 203.0.113.9, -, 203.0.113.9, '203.0.113.9, 192.0.2.7'",
                "fd12::1, 2001:db8::9, -, 2001:db8::9, '2001:db8::9, fd12::1'",
                "::ffff:10.1.2.3, 203.0.113.9, -, 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                // The right-most that is not trusted; what is left of it anybody could have said.
                "10.1.2.3, '6.6.6.6, 203.0.113.9', -, 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                "10.1.2.3, '6.6.6.6, 203.0.113.9, 10.9.9.9', -, 203.0.113.9, '203.0.113.9, 10.9.9.9, 10.1.2.3'",
                "10.1.2.3, '6.6.6.6,203.0.113.9 ,192.0.2.7', -, 203.0.113.9, '203.0.113.9, 192.0.2.7, 10.1.2.3'",
                // All of them are proxies: the first of these.
                "10.1.2.3, '10.8.8.8, 10.9.9.9', -, 10.8.8.8, '10.8.8.8, 10.9.9.9, 10.1.2.3'",
                // What is no address ends it.
                "10.1.2.3, 'nonsense, 10.9.9.9', -, 10.9.9.9, '10.9.9.9, 10.1.2.3'",
                "10.1.2.3, '203.0.113.9, unknown', -, 10.1.2.3, 10.1.2.3",
                "10.1.2.3, '203.0.113.9,', -, 10.1.2.3, 10.1.2.3",
                "10.1.2.3, localhost, -, 10.1.2.3, 10.1.2.3",
                "10.1.2.3, 203.0.113, -, 10.1.2.3, 10.1.2.3",
                "10.1.2.3, fe80::1%eth0, -, 10.1.2.3, 10.1.2.3",
                // With ports.
                "10.1.2.3, 203.0.113.9:4711, -, 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                "10.1.2.3, [2001:db8::9]:4711, -, 2001:db8::9, '2001:db8::9, 10.1.2.3'",
                "10.1.2.3, [2001:db8::9]x, -, 10.1.2.3, 10.1.2.3",
                // The standard's way.
                "10.1.2.3, -, for=203.0.113.9, 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                "10.1.2.3, -, 'For=\"[2001:db8::9]:4711\";proto=https', 2001:db8::9, '2001:db8::9, 10.1.2.3'",
                "10.1.2.3, -, 'for=6.6.6.6, for=203.0.113.9;by=10.9.9.9, for=10.9.9.9', 203.0.113.9, "
                        + "'203.0.113.9, 10.9.9.9, 10.1.2.3'",
                "10.1.2.3, -, 'for=203.0.113.9, for=\"_hidden,;\"', 10.1.2.3, 10.1.2.3",
                "10.1.2.3, -, 'for=203.0.113.9, proto=https', 10.1.2.3, 10.1.2.3",
                "10.1.2.3, -, 'for=203.0.113.9;ext=\"a,b;for=6.6.6.6\\\"\"', 203.0.113.9, '203.0.113.9, 10.1.2.3'",
                "203.0.113.9, -, for=6.6.6.6, 203.0.113.9, 203.0.113.9",
                // The usual way goes first.
                "10.1.2.3, 203.0.113.9, for=6.6.6.6, 203.0.113.9, '203.0.113.9, 10.1.2.3'"
            })
    void theClientIsTheLastThatIsNoProxy(String peer, String said, String forwarded, String client, String chain)
            throws Exception {
        HttpRequest request = request();
        if (said != null) {
            request.headers().add("X-Forwarded-For", said);
        }
        if (forwarded != null) {
            request.headers().add("Forwarded", forwarded);
        }

        Client found = clientOf(request, peer);

        assertThat(found.address()).isEqualTo(AdmissionRig.address(client));
        assertThat(found.forwardedFor()).isEqualTo(chain);
    }

    @Test
    void aListMayComeInSeveralFields() throws Exception {
        HttpRequest request = request();
        request.headers().add("X-Forwarded-For", "6.6.6.6, 203.0.113.9").add("x-forwarded-for", "10.9.9.9");

        assertThat(clientOf(request, "10.1.2.3").forwardedFor()).isEqualTo("203.0.113.9, 10.9.9.9, 10.1.2.3");
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "10.1.2.3, 203.0.113.9, https, public, https, public",
                "10.1.2.3, 203.0.113.9, HTTPS, public:8443, https, public:8443",
                "10.1.2.3, 203.0.113.9, wss, -, https, asked",
                "10.1.2.3, 203.0.113.9, gopher, /x, http, asked",
                "10.1.2.3, 203.0.113.9, -, -, http, asked",
                // Said once for all, or by each hop.
                "10.1.2.3, '203.0.113.9, 10.9.9.9', https, public, https, public",
                "10.1.2.3, '203.0.113.9, 10.9.9.9', 'https, http', 'public, inner', https, public",
                "10.1.2.3, '6.6.6.6, 203.0.113.9, 10.9.9.9', 'gopher, https, http', 'evil, public, inner', https, public",
                "10.1.2.3, '6.6.6.6, 203.0.113.9', 'https, http, https', 'evil, x, public', https, public",
                // Without a client that somebody vouches for, there is nothing to believe.
                "10.1.2.3, -, https, public, http, asked",
                "203.0.113.9, 6.6.6.6, https, public, http, asked"
            })
    void whatWasAskedIsBelievedAsWell(
            String peer, String said, String proto, String host, String scheme, String expectedHost) throws Exception {
        HttpRequest request = request();
        if (said != null) {
            request.headers().add("X-Forwarded-For", said);
        }
        if (proto != null) {
            request.headers().add("X-Forwarded-Proto", proto);
        }
        if (host != null) {
            request.headers().add("X-Forwarded-Host", host);
        }

        Client found = clientOf(request, peer);

        assertThat(found.scheme()).isEqualTo(scheme);
        assertThat(found.host()).isEqualTo(expectedHost);
    }

    @Test
    void theStandardSaysItInOneElement() throws Exception {
        HttpRequest request = request();
        request.headers()
                .add(
                        "Forwarded",
                        "for=6.6.6.6;host=evil;proto=http, for=203.0.113.9;proto=https;host=\"public:8443\", for=10.9.9.9");

        Client found = clientOf(request, "10.1.2.3");

        assertThat(found.scheme()).isEqualTo("https");
        assertThat(found.host()).isEqualTo("public:8443");
    }

    @Test
    void theFieldsAreTakenOutWhoeverSendsThem() throws Exception {
        HttpRequest request = request();
        request.headers()
                .add("X-Forwarded-For", "1.1.1.1")
                .add("X-Forwarded-User", "root")
                .add("Forwarded", "for=1.1.1.1")
                .add("X-Real-IP", "1.1.1.1")
                .add("a_b", "1");

        RequestHead head = RequestHead.of(request, 100);

        assertThat(head.request().headers().names()).containsExactly("Host");
    }

    @Test
    void aPeerWithoutAnAddressIsUnknown() throws Exception {
        HttpRequest request = request();
        request.headers().add("X-Forwarded-For", "6.6.6.6");

        Client found = PROXIES.clientOf(RequestHead.of(request, 100), new LocalAddress("here"), "http");

        assertThat(found.address()).isNull();
        assertThat(found.forwardedFor()).isEqualTo("unknown");
    }

    @Test
    void whoIsThereDirectlyHasAPort() throws Exception {
        assertThat(clientOf(request(), "203.0.113.9").text()).isEqualTo("203.0.113.9:4711");
        assertThat(clientOf(request(), "2001:db8::1").text()).isEqualTo("[2001:db8::1]:4711");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/x",
                "fd00::/129",
                "localhost",
                "a/8"
            })
    void networksAreChecked(String network) {
        assertThatThrownBy(() -> TrustedProxies.of(List.of(network))).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"0.0.0.0/0, 203.0.113.9, true", "::/0, 2001:db8::1, true", "0.0.0.0/0, 2001:db8::1, false"})
    void allOfAKindCanBeTrusted(String network, String address, boolean isTrusted) {
        assertThat(TrustedProxies.of(List.of(network)).contains(AdmissionRig.address(address)))
                .isEqualTo(isTrusted);
    }

    private static HttpRequest request() {
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/");
        request.headers().add("Host", "asked");
        return request;
    }

    private static Client clientOf(HttpRequest request, String peer) throws Exception {
        return PROXIES.clientOf(
                RequestHead.of(request, 100), new InetSocketAddress(AdmissionRig.address(peer), 4711), "http");
    }
}
