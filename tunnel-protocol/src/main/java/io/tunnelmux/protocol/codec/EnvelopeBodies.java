package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Payload;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** Whole bodies inside of envelopes, in all the forms that they may come. Pure functions; any thread. */
final class EnvelopeBodies {

    private EnvelopeBodies() {}

    /** The body of a request: base64, text, or JSON that is to be written again. */
    static Payload ofRequest(Fields fields) {
        Object body = fields.any("body");
        if (body instanceof Map || body instanceof List) {
            return FieldWriter.json(body);
        }
        return decode(body, "base64".equalsIgnoreCase(fields.text("body_encoding")));
    }

    /** The body of a response: base64, base64 of gzip, or text. */
    static Payload ofResponse(Fields fields) {
        String encoding = fields.text("encoding");
        boolean isGzip = "gzip".equals(encoding);
        Payload body = decode(fields.any("body"), isGzip || "base64".equals(encoding));
        return isGzip ? unzip(body) : body;
    }

    private static Payload decode(@Nullable Object body, boolean isBase64) {
        if (body instanceof byte[] bytes) {
            return Payload.of(bytes);
        } else if (body instanceof String text) {
            return isBase64 ? Fields.base64("body", text) : Payload.of(text.getBytes(StandardCharsets.UTF_8));
        }
        return Payload.EMPTY;
    }

    /** What a kilobyte unpacks to may be a megabyte: no more than an envelope may hold is ever unpacked. */
    private static Payload unzip(Payload packed) {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()))) {
            byte[] body = in.readNBytes(Documents.MAX_BYTES + 1);
            if (body.length > Documents.MAX_BYTES) {
                throw new IllegalArgumentException("body unpacks to more than " + Documents.MAX_BYTES + " bytes");
            }
            return Payload.of(body);
        } catch (IOException e) {
            throw new IllegalArgumentException("body is no gzip: " + e.getMessage(), e);
        }
    }
}
