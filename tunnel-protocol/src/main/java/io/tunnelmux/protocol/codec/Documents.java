package io.tunnelmux.protocol.codec;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import io.tunnelmux.protocol.MessageFormat;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One map from CBOR or JSON to Java values and nothing behind it: String, Boolean, Long, {@link BigInteger} beyond 64 bits, Double,
 * {@code byte[]} (CBOR alone), List, Map, null. Of duplicate keys the last counts.
 *
 * <p>Whatever the peer does wrong is an {@link IllegalArgumentException}: the codecs give it its scope. Nothing is held after
 * a call; any thread.
 */
final class Documents {

    /** Longest document, in bytes: the highest {@code max_message}. */
    static final int MAX_BYTES = 16 * 1_024 * 1_024;
    /** Deepest nesting of maps and lists, the document itself counted. */
    static final int MAX_DEPTH = 32;
    /** Most values, maps and lists counted as one each. 16 MiB of small ones would otherwise fill some hundred MiB of heap. */
    static final int MAX_VALUES = 65_536;
    /** Longest key, in chars. */
    static final int MAX_KEY_LENGTH = 256;

    private static final int MAX_DIGITS = 32;

    /** What this class checks exactly, Jackson bounds once more, and before it allocates. */
    private static final StreamReadConstraints CONSTRAINTS = StreamReadConstraints.builder()
            .maxDocumentLength(MAX_BYTES)
            .maxNestingDepth(MAX_DEPTH)
            .maxStringLength(MAX_BYTES)
            .maxNameLength(8 * MAX_KEY_LENGTH)
            .maxNumberLength(MAX_DIGITS)
            .build();

    /** UTF-8 and nothing else: a guess at UTF-16 or a byte order mark would be a second reading of the same bytes. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(CONSTRAINTS)
            .disable(JsonFactory.Feature.CHARSET_DETECTION)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .build();

    private static final CBORFactory CBOR = CBORFactory.builder()
            .streamReadConstraints(CONSTRAINTS)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .enable(CBORParser.Feature.READ_SIMPLE_VALUE_AS_EMBEDDED_OBJECT)
            .build();

    /** A simple value of CBOR: of no field's type, and fit to be ignored. */
    private enum Simple {
        VALUE
    }

    private int valuesLeft = MAX_VALUES;

    private Documents() {}

    /** Reads {@code bytes}, which are one map. */
    static Map<String, @Nullable Object> read(MessageFormat format, byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException("document of " + bytes.length + " bytes, at most " + MAX_BYTES);
        }
        byte[] document = bytes;
        if (format == MessageFormat.CBOR) {
            document = CborShape.checkAndDropTags(bytes, MAX_DEPTH, MAX_VALUES);
        } else if (!Utf8.isValid(bytes, 0, bytes.length)) {
            throw new IllegalArgumentException("not UTF-8");
        }
        try (JsonParser parser =
                format == MessageFormat.CBOR ? CBOR.createParser(document) : JSON.createParser(document)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("not a map");
            }
            Map<String, @Nullable Object> map = new Documents().map(parser, MAX_DEPTH);
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("bytes behind the map");
            }
            return map;
        } catch (IOException e) {
            throw new IllegalArgumentException("malformed " + format.wireName() + ": " + describe(e), e);
        }
    }

    /** A generator that writes to {@code target}. */
    static JsonGenerator generator(MessageFormat format, OutputStream target) throws IOException {
        return format == MessageFormat.CBOR ? CBOR.createGenerator(target) : JSON.createGenerator(target);
    }

    private Map<String, @Nullable Object> map(JsonParser parser, int depthLeft) throws IOException {
        requireRoom(depthLeft);
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (key.length() > MAX_KEY_LENGTH) {
                throw new IllegalArgumentException("key of " + key.length() + " chars, at most " + MAX_KEY_LENGTH);
            }
            map.put(key, value(parser, parser.nextToken(), depthLeft));
        }
        return map;
    }

    private List<@Nullable Object> list(JsonParser parser, int depthLeft) throws IOException {
        requireRoom(depthLeft);
        List<@Nullable Object> list = new ArrayList<>();
        for (JsonToken token = parser.nextToken(); token != JsonToken.END_ARRAY; token = parser.nextToken()) {
            list.add(value(parser, token, depthLeft));
        }
        return list;
    }

    private @Nullable Object value(JsonParser parser, JsonToken token, int depthLeft) throws IOException {
        if (valuesLeft-- == 0) {
            throw new IllegalArgumentException("more than " + MAX_VALUES + " values");
        }
        return switch (token) {
            case VALUE_STRING -> parser.getText();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case VALUE_NUMBER_INT -> integer(parser);
            case VALUE_NUMBER_FLOAT -> real(parser);
            case START_OBJECT -> map(parser, depthLeft - 1);
            case START_ARRAY -> list(parser, depthLeft - 1);
            case VALUE_EMBEDDED_OBJECT -> embedded(parser);
            case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE ->
                throw new IllegalStateException("no value: " + token);
        };
    }

    private static Object integer(JsonParser parser) throws IOException {
        if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
            return parser.getBigIntegerValue();
        }
        return parser.getLongValue();
    }

    /** JSON has no infinity, but numbers that round to it; CBOR's are no number that any message has. */
    private static double real(JsonParser parser) throws IOException {
        double value = parser.getDoubleValue();
        if (Double.isInfinite(value)) {
            throw new IllegalArgumentException("number beyond the range of a double");
        }
        return value;
    }

    /** Byte strings are embedded objects to Jackson, and so are CBOR's simple values, which have no meaning here. */
    private static Object embedded(JsonParser parser) throws IOException {
        return parser.getEmbeddedObject() instanceof byte[] bytes ? bytes : Simple.VALUE;
    }

    private static void requireRoom(int depthLeft) {
        if (depthLeft == 0) {
            throw new IllegalArgumentException("nested deeper than " + MAX_DEPTH);
        }
    }

    /** Where and why, without the piece of the document that Jackson adds and that may hold a secret. */
    private static String describe(IOException e) {
        if (e instanceof com.fasterxml.jackson.core.JsonProcessingException json && json.getLocation() != null) {
            return json.getClass().getSimpleName() + " at byte "
                    + json.getLocation().getByteOffset();
        }
        return e.getClass().getSimpleName();
    }
}
