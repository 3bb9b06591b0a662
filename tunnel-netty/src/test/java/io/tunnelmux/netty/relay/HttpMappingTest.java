package io.tunnelmux.netty.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpMappingTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Connection",
                "Keep-Alive",
                "Proxy-Connection",
                "TE",
                "te",
                "Transfer-Encoding",
                "TRANSFER-ENCODING",
                "Upgrade",
                "Proxy-Authenticate",
                "Proxy-Authorization"
            })
    void fieldsOfOneConnectionStayBehindOnBothSides(String name) throws MalformedHttpException {
        assertThat(listed(HttpMapping.toCarried(http(name, "x", "Accept", "y"), false)
                        .build()))
                .containsExactly("Accept: y");
        assertThat(listed(HttpMapping.toHttp(carried(name, "x", "Accept", "y"), false)))
                .containsExactly("Accept: y");
    }

    @Test
    void fieldsThatConnectionNamesStayBehindOnBothSides() throws MalformedHttpException {
        String[] fields = {
            "connection",
            "close, X-One,, x-two",
            "X-One",
            "1",
            "Connection",
            "X-Three",
            "X-TWO",
            "2",
            "x-three",
            "3",
            "X-Four",
            "4"
        };

        assertThat(listed(HttpMapping.toCarried(http(fields), false).build())).containsExactly("X-Four: 4");
        assertThat(listed(HttpMapping.toHttp(carried(fields), false))).containsExactly("X-Four: 4");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Host", "host", "Content-Length", "Authorization", "COOKIE"})
    void noFieldThatChangesTheRequestCanBeNamedAway(String name) {
        assertThatThrownBy(() -> HttpMapping.toCarried(http("Connection", "close, " + name, name, "1"), false))
                .isInstanceOf(MalformedHttpException.class);
        assertThatThrownBy(() -> HttpMapping.toHttp(carried("Connection", "close, " + name, name, "1"), false))
                .isInstanceOf(MalformedHttpException.class);
    }

    @Test
    void upgradePassesOfAnUpgradeOnly() throws MalformedHttpException {
        String[] fields = {"Connection", "Upgrade", "Upgrade", "websocket"};

        assertThat(listed(HttpMapping.toCarried(http(fields), true).build())).containsExactly("Upgrade: websocket");
        assertThat(listed(HttpMapping.toHttp(carried(fields), true))).containsExactly("Upgrade: websocket");
        assertThat(listed(HttpMapping.toCarried(http(fields), false).build())).isEmpty();
        assertThat(listed(HttpMapping.toHttp(carried(fields), false))).isEmpty();
    }

    @Test
    void repeatedFieldsAndTheirOrderPass() throws MalformedHttpException {
        Headers there = HttpMapping.toCarried(
                        http("Set-Cookie", "a", "B", "1", "set-cookie", "c", "Set-Cookie", "b"), false)
                .build();

        assertThat(listed(there)).containsExactly("Set-Cookie: a", "Set-Cookie: c", "Set-Cookie: b", "B: 1");
        assertThat(listed(HttpMapping.toHttp(there, false)))
                .containsExactly("Set-Cookie: a", "Set-Cookie: c", "Set-Cookie: b", "B: 1");
    }

    @Test
    void everyByteOfValueAndTargetIsWrittenAsItWasRead() throws MalformedHttpException {
        StringBuilder printable = new StringBuilder("v");
        for (char c = 0x21; c <= 0xff; c++) {
            if (c != 0x7f) {
                printable.append(c);
            }
        }
        String head = "GET /p?" + printable + " HTTP/1.1\r\nHost: a\r\nX: " + printable + "\r\n\r\n";
        EmbeddedChannel decoder = new EmbeddedChannel(new HttpRequestDecoder());
        ByteBuf bytes = decoder.alloc().buffer().writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
        decoder.writeInbound(bytes);
        HttpRequest received = decoder.readInbound();
        assertThat(received.decoderResult().isSuccess()).isTrue();

        Message.HttpHead carried = HttpMapping.toHead(
                received,
                "http",
                "a",
                HttpMapping.toCarried(received.headers(), false).build());
        EmbeddedChannel encoder = new EmbeddedChannel(new RequestEncoder());
        encoder.writeOutbound(HttpMapping.toRequest(carried, false, false));
        ByteBuf written = encoder.readOutbound();

        assertThat(written.toString(StandardCharsets.ISO_8859_1)).isEqualTo(head);
        written.release();
        decoder.finishAndReleaseAll();
        encoder.finishAndReleaseAll();
    }

    @ParameterizedTest
    @CsvSource({"/, /,", "/a, /a,", "/a?, /a, ''", "/a?b, /a, b", "/a?b?c, /a, b?c", "'/%2e%2E//x?%0d', /%2e%2E//x, %0d"
    })
    void targetIsSplitAtItsFirstQuestionMark(String target, String path, String query) throws MalformedHttpException {
        HttpRequest request = new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, target);

        Message.HttpHead head = HttpMapping.toHead(request, "http", "a", Headers.EMPTY);

        assertThat(head.path()).isEqualTo(path);
        assertThat(head.query()).isEqualTo(query);
        assertThat(HttpMapping.toRequest(head, false, false).uri()).isEqualTo(target);
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "http://elsewhere/", "/a b", "/a\u0100", "*x"})
    void pathsThatWouldSpoilTheRequestLineAreMalformed(String path) {
        Message.HttpHead head = new Message.HttpHead("GET", path, null, null, null, Headers.EMPTY);

        assertThatThrownBy(() -> HttpMapping.toRequest(head, false, false)).isInstanceOf(MalformedHttpException.class);
    }

    @Test
    void aBodyOfUnknownLengthIsChunked() throws MalformedHttpException {
        assertThat(listed(HttpMapping.toRequest(post(), false, true).headers()))
                .containsExactly("transfer-encoding: chunked");
        assertThat(listed(HttpMapping.toRequest(post("Content-Length", "5"), false, true)
                        .headers()))
                .containsExactly("Content-Length: 5");
        assertThat(listed(HttpMapping.toRequest(post(), false, false).headers()))
                .isEmpty();
        assertThat(listed(HttpMapping.toRequest(post("Content-Length", "0"), false, false)
                        .headers()))
                .containsExactly("Content-Length: 0");
    }

    @Test
    void aBodyThatIsAnnouncedAndDoesNotComeIsMalformed() {
        assertThatThrownBy(() -> HttpMapping.toRequest(post("Content-Length", "5"), false, false))
                .isInstanceOf(MalformedHttpException.class);
    }

    @Test
    void anUpgradeAsksForItselfAndHasNoFraming() throws MalformedHttpException {
        Message.HttpHead head =
                new Message.HttpHead("GET", "/", null, null, "a:1", carried("Upgrade", "websocket", "Connection", "x"));

        assertThat(listed(HttpMapping.toRequest(head, true, true).headers()))
                .containsExactly("Upgrade: websocket", "host: a:1", "connection: upgrade");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "+1", "-1", "1 ", "0x1", "1,1", "1, 1", "9223372036854775808", "1e3"})
    void contentLengthIsDigitsOnly(String value) {
        assertThatThrownBy(() -> HttpMapping.contentLength(carried("Content-Length", value)))
                .isInstanceOf(MalformedHttpException.class);
        assertThatThrownBy(() -> HttpMapping.toMessage("1", response("Content-Length", value), false))
                .isInstanceOf(MalformedHttpException.class);
    }

    @Test
    void contentLengthIsThereAtMostOnce() throws MalformedHttpException {
        assertThatThrownBy(() -> HttpMapping.contentLength(carried("Content-Length", "1", "content-length", "1")))
                .isInstanceOf(MalformedHttpException.class);
        assertThat(HttpMapping.contentLength(Headers.EMPTY)).isEqualTo(-1);
        assertThat(HttpMapping.contentLength(carried("content-length", "999999999999999999")))
                .isEqualTo(999_999_999_999_999_999L);
    }

    @Test
    void controlCharactersInValuesAreMalformed() {
        for (char c = 0; c <= 0x7f; c++) {
            if (c < ' ' && c != '\t' || c == 0x7f) {
                HttpHeaders headers = DefaultHttpHeadersFactory.headersFactory()
                        .withValidation(false)
                        .newHeaders();
                headers.add("X", "a" + c + "b");
                assertThatThrownBy(() -> HttpMapping.toCarried(headers, false))
                        .as("character %d", (int) c)
                        .isInstanceOf(MalformedHttpException.class);
            }
        }
    }

    private static Message.HttpHead post(String... fields) {
        return new Message.HttpHead("POST", "/", null, null, null, carried(fields));
    }

    private static DefaultHttpResponse response(String... fields) {
        return new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, http(fields));
    }

    private static HttpHeaders http(String... fields) {
        HttpHeaders headers = new DefaultHttpHeaders();
        for (int i = 0; i < fields.length; i += 2) {
            headers.add(fields[i], fields[i + 1]);
        }
        return headers;
    }

    private static Headers carried(String... fields) {
        Headers.Builder headers = Headers.builder();
        for (int i = 0; i < fields.length; i += 2) {
            headers.add(fields[i], fields[i + 1]);
        }
        return headers.build();
    }

    private static List<String> listed(Headers headers) {
        List<String> lines = new ArrayList<>();
        headers.forEach((name, value) -> lines.add(name + ": " + value));
        return lines;
    }

    private static List<String> listed(HttpHeaders headers) {
        List<String> lines = new ArrayList<>();
        headers.forEach(entry -> lines.add(entry.getKey() + ": " + entry.getValue()));
        return lines;
    }

    @Test
    void keepsFieldsOfTheHeadOutOfTrailers() throws MalformedHttpException {
        HttpHeaders received = new DefaultHttpHeaders()
                .add("X-Checksum", "7")
                .add("X-Forwarded-For", "6.6.6.6")
                .add("x_forwarded_for", "6.6.6.6")
                .add("Authorization", "Bearer x")
                .add("Cookie", "a=b")
                .add("Impersonate-User", "admin")
                .add("X-Remote-User", "admin")
                .add("Host", "evil")
                .add("Content-Length", "9")
                .add("grpc-status", "0");

        assertThat(HttpMapping.toTrailers(received).names()).containsExactlyInAnyOrder("X-Checksum", "grpc-status");
    }

    @Test
    void refusesMoreTrailersThanAnyoneNeeds() {
        HttpHeaders received = new DefaultHttpHeaders();
        for (int i = 0; i <= HttpMapping.MAX_TRAILERS; i++) {
            received.add("x-" + i, "v");
        }

        assertThatThrownBy(() -> HttpMapping.toTrailers(received)).isInstanceOf(MalformedHttpException.class);
    }
}
