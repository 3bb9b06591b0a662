package io.tunnelmux.protocol;

/** How the payload of a message is written. Immutable; any thread. */
public enum MessageFormat {
    /** Concise Binary Object Representation, RFC 8949: the default, always understood. Bytes are byte strings. */
    CBOR("cbor"),
    /** JSON in UTF-8, RFC 8259: where both sides name the capability. Bytes are base64 text. */
    JSON("json");

    private final String wireName;

    MessageFormat(String wireName) {
        this.wireName = wireName;
    }

    /** As HELLO's {@code messages} spells it. */
    public String wireName() {
        return wireName;
    }
}
