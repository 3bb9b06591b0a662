package io.tunnelmux.netty.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestDecoderTest {

    private static final String CHUNKED = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    private static final class Ignored implements RequestDecoder.Listener {
        @Override
        public void onHeadBegun() {}

        @Override
        public void onReadAhead() {}
    }

    /** What a decoder makes of these pieces: heads, contents put together, ends, and whether something was wrong. */
    private static String decoded(String... pieces) {
        EmbeddedChannel channel = new EmbeddedChannel(new RequestDecoder(8_192, 32_768, new Ignored()));
        for (String piece : pieces) {
            channel.writeInbound(Unpooled.copiedBuffer(piece, StandardCharsets.ISO_8859_1));
        }
        StringBuilder told = new StringBuilder();
        for (Object next = channel.readInbound(); next != null; next = channel.readInbound()) {
            HttpObject message = (HttpObject) next;
            if (message.decoderResult().isFailure()) {
                told.append(message instanceof HttpRequest ? "bad head" : "bad body");
            } else if (message instanceof HttpRequest request) {
                told.append(request.method())
                        .append(request.uri())
                        .append(request.headers().entries())
                        .append('{');
            } else if (message instanceof HttpContent content) {
                told.append(content.content().toString(StandardCharsets.ISO_8859_1));
                if (message instanceof LastHttpContent last) {
                    told.append('}').append(last.trailingHeaders().entries());
                }
            } else if (message instanceof ByteBuf) {
                told.append("bytes");
            }
            ReferenceCountUtil.release(message);
        }
        channel.finishAndReleaseAll();
        return told.toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                "\r\nGET / HTTP/1.0\r\nX: \u00e4\tb\r\nX: c\r\n\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
                CHUNKED + "3\r\nabc\r\n0\r\n\r\n",
                CHUNKED + "03;a=\"\\\";\";b\r\na\r\n\r\n000\r\nX: y\r\nZ: \r\n\r\n",
                CHUNKED + "0\r\n\r\n"
            })
    void whatIsRightIsReadTheSameWhereverItIsCut(String request) {
        String whole = decoded(request);

        assertThat(whole).contains("}").doesNotContain("bad");
        assertCutsTell(request, whole);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.1\nHost: a\r\n\r\n",
                "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
                "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
                "GET / HTTP/1.1\r\nX : a\r\n\r\n",
                "GET  / HTTP/1.1\r\n\r\n",
                "GET / http/1.1\r\n\r\n",
                "GET / HTTP/1.1 \r\n\r\n",
                CHUNKED + "3\nabc\r\n0\r\n\r\n",
                CHUNKED + "3 \r\nabc\r\n0\r\n\r\n",
                CHUNKED + "+3\r\nabc\r\n0\r\n\r\n",
                CHUNKED + "000000003\r\nabc\r\n0\r\n\r\n",
                CHUNKED + "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n",
                CHUNKED + "3\r\nabcd\r\n0\r\n\r\n",
                CHUNKED + "3\r\nabc\r\n0\r\n X: y\r\n\r\n",
                CHUNKED + "3\r\nabc\r\n0\r\nX: y\nZ: y\r\n\r\n"
            })
    void whatIsWrongIsFoundWhereverItIsCut(String request) {
        assertThat(decoded(request)).contains("bad");
        for (int cut = 1; cut < request.length(); cut++) {
            assertThat(decoded(request.substring(0, cut), request.substring(cut)))
                    .as("cut at %d", cut)
                    .contains("bad")
                    .doesNotContain("}");
        }
    }

    @Test
    void nothingBehindWhatIsWrongIsRead() {
        for (String wrong : new String[] {"G T / HTTP/1.1\r\n\r\n", CHUNKED + "x\r\n"}) {
            assertThat(decoded(wrong, "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"))
                    .doesNotContain("hidden");
        }
    }

    private static void assertCutsTell(String request, String whole) {
        for (int first = 1; first < request.length(); first++) {
            for (int second = first + 1; second < request.length(); second++) {
                String told = decoded(
                        request.substring(0, first), request.substring(first, second), request.substring(second));
                assertThat(told).as("cut at %d and %d", first, second).isEqualTo(whole);
            }
        }
        assertThat(decoded(request.split(""))).as("byte by byte").isEqualTo(whole);
    }
}
