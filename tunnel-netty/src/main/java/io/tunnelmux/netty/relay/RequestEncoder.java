package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestEncoder;
import java.nio.charset.StandardCharsets;

/**
 * Writes requests with their target as it is: one byte for each char, and nothing added. Netty's own encoder writes UTF-8, which doubles
 * every byte beyond ASCII that a client sent without escaping it.
 *
 * <p>One per channel.
 */
public final class RequestEncoder extends HttpRequestEncoder {

    /** An encoder that has written nothing yet. */
    public RequestEncoder() {
        // What Netty sets is what it begins with.
    }

    @Override
    protected void encodeInitialLine(ByteBuf buf, HttpRequest request) {
        buf.writeCharSequence(request.method().asciiName(), StandardCharsets.US_ASCII);
        buf.writeByte(' ');
        buf.writeCharSequence(request.uri(), StandardCharsets.ISO_8859_1);
        buf.writeByte(' ');
        buf.writeCharSequence(request.protocolVersion().text(), StandardCharsets.US_ASCII);
        buf.writeByte('\r').writeByte('\n');
    }
}
