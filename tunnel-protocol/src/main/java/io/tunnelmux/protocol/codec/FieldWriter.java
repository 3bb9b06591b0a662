package io.tunnelmux.protocol.codec;

import com.fasterxml.jackson.core.JsonGenerator;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Writes one map. Absent values are left out. What the reader would refuse for its size is an {@link IllegalArgumentException} of
 * the caller here. For one thread and one document.
 */
final class FieldWriter {

    private final MessageFormat format;
    private final Buffer buffer;
    private final JsonGenerator generator;
    private int depth;
    private int valuesLeft = Documents.MAX_VALUES;

    private FieldWriter(MessageFormat format, int sizeHint) {
        this.format = format;
        buffer = new Buffer(sizeHint);
        try {
            generator = Documents.generator(format, buffer);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Begins a document that will be about {@code sizeHint} bytes long. */
    static FieldWriter document(MessageFormat format, int sizeHint) {
        FieldWriter out = new FieldWriter(format, sizeHint);
        out.deeper();
        return out.write(out.generator::writeStartObject);
    }

    MessageFormat format() {
        return format;
    }

    FieldWriter text(String key, @Nullable String value) {
        return value == null ? this : write(key, () -> generator.writeString(value));
    }

    /** 0 is absent. */
    FieldWriter numberUnlessZero(String key, long value) {
        return value == 0 ? this : number(key, value);
    }

    FieldWriter number(String key, long value) {
        return write(key, () -> generator.writeNumber(value));
    }

    /** False is absent. */
    FieldWriter flagIfTrue(String key, boolean value) {
        return value ? flag(key, true) : this;
    }

    FieldWriter flag(String key, boolean value) {
        return write(key, () -> generator.writeBoolean(value));
    }

    /** Empty is absent. */
    FieldWriter bytesUnlessEmpty(String key, Payload value) {
        return value.length() == 0 ? this : bytes(key, value.toByteArray());
    }

    /** A byte string, or base64 in JSON: by the JDK, whose encoder the JIT knows, which is several times faster than Jackson's. */
    FieldWriter bytes(String key, byte[] value) {
        if (format == MessageFormat.CBOR) {
            return write(key, () -> generator.writeBinary(value));
        }
        byte[] base64 = Base64.getEncoder().encode(value);
        return write(key, () -> generator.writeRawUTF8String(base64, 0, base64.length));
    }

    /** Empty is absent. */
    FieldWriter headersUnlessEmpty(String key, Headers headers) {
        return headers.isEmpty() ? this : headers(key, headers);
    }

    FieldWriter headers(String key, Headers headers) {
        begin(key);
        for (String name : headers.names()) {
            texts(name, headers.all(name));
        }
        return end();
    }

    FieldWriter texts(String key, Collection<String> values) {
        return write(key, () -> {
            generator.writeStartArray();
            for (String value : values) {
                countValue();
                generator.writeString(value);
            }
            generator.writeEndArray();
        });
    }

    /** Any plain value; null is absent. */
    FieldWriter plain(String key, @Nullable Object value) {
        return value == null ? this : write(key, () -> writePlain(value));
    }

    /** Begins a map within this one; the fields that follow are its own, up to {@link #end()}. */
    FieldWriter begin(String key) {
        return write(key, () -> {
            deeper();
            generator.writeStartObject();
        });
    }

    FieldWriter end() {
        return write(() -> {
            depth--;
            generator.writeEndObject();
        });
    }

    /** A plain value, or one just read, as a JSON document of its own. */
    static Payload json(Object value) {
        FieldWriter out = new FieldWriter(MessageFormat.JSON, 256);
        out.depth = 0;
        out.write(() -> out.writePlain(value));
        return out.close();
    }

    /** The whole document. */
    Payload finish() {
        write(generator::writeEndObject);
        return close();
    }

    private Payload close() {
        write(generator::close);
        if (buffer.size() > Documents.MAX_BYTES) {
            throw new IllegalArgumentException(
                    "message of " + buffer.size() + " bytes, at most " + Documents.MAX_BYTES);
        }
        return buffer.toPayload();
    }

    private void writePlain(@Nullable Object value) throws IOException {
        if (value == null) {
            generator.writeNull();
        } else if (value instanceof String text) {
            generator.writeString(text);
        } else if (value instanceof Long number) {
            generator.writeNumber(number);
        } else if (value instanceof Double number) {
            generator.writeNumber(number);
        } else if (value instanceof BigInteger number) {
            generator.writeNumber(number);
        } else if (value instanceof Boolean flag) {
            generator.writeBoolean(flag);
        } else if (value instanceof List<?> list) {
            deeper();
            generator.writeStartArray();
            for (Object element : list) {
                countValue();
                writePlain(element);
            }
            generator.writeEndArray();
            depth--;
        } else if (value instanceof Map<?, ?> map) {
            deeper();
            generator.writeStartObject();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                countValue();
                generator.writeFieldName((String) entry.getKey());
                writePlain(entry.getValue());
            }
            generator.writeEndObject();
            depth--;
        } else {
            throw new IllegalArgumentException(
                    "not a plain value: " + value.getClass().getSimpleName());
        }
    }

    private void deeper() {
        if (++depth > Documents.MAX_DEPTH) {
            throw new IllegalArgumentException("nested deeper than " + Documents.MAX_DEPTH);
        }
    }

    private void countValue() {
        if (valuesLeft-- == 0) {
            throw new IllegalArgumentException("more than " + Documents.MAX_VALUES + " values");
        }
    }

    private FieldWriter write(String key, Step step) {
        countValue();
        return write(() -> {
            generator.writeFieldName(key);
            step.run();
        });
    }

    private FieldWriter write(Step step) {
        try {
            step.run();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a buffer in memory has no faults of its own
        }
    }

    private interface Step {
        void run() throws IOException;
    }

    /** Gives its bytes away without a copy. */
    private static final class Buffer extends ByteArrayOutputStream {

        Buffer(int size) {
            super(size);
        }

        Payload toPayload() {
            return Payload.of(buf).retainedSlice(0, count);
        }
    }
}
