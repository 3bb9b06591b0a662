package io.tunnelmux.protocol;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Why a stream or a tunnel ended: the codes of CLOSE, CANCEL and GOAWAY. Codes from {@link #FIRST_APPLICATION_CODE} on belong to the
 * application and have no constant here. Immutable; any thread.
 */
public enum ErrorCode {
    /** All is well. */
    NO_ERROR(0),
    /** The peer broke a rule of the protocol, or said something malformed. */
    PROTOCOL_ERROR(1),
    /** A fault of this side. */
    INTERNAL_ERROR(2),
    /** More bytes than credit, or credit past 2^31-1. */
    FLOW_CONTROL_ERROR(3),
    /** Something came for a half of a stream that had ended. */
    STREAM_CLOSED(4),
    /** A frame or a message longer than its limit. */
    FRAME_TOO_LARGE(5),
    /** Not touched at all: safe to send again. */
    REFUSED(6),
    /** Somebody no longer wants it. */
    CANCELLED(7),
    /** Took too long. */
    TIMEOUT(8),
    /** The upstream could not be connected to. */
    UPSTREAM_UNREACHABLE(9),
    /** The upstream broke off. */
    UPSTREAM_RESET(10),
    /** The transport under the tunnel was lost. */
    TRANSPORT_LOST(11),
    /** A bound on memory or on work was met. */
    OVERLOADED(12),
    /** The peer does something too often. */
    CALM_DOWN(13),
    /** No token, or a wrong one. */
    UNAUTHORIZED(14),
    /** A newer tunnel of the same agent took this one's place. */
    SUPERSEDED(15),
    /** This side is going down in an orderly way. */
    SHUTTING_DOWN(16),
    /** Something that this side does not know or did not agree to. */
    UNSUPPORTED(17),
    /** A good token that may not do this. */
    FORBIDDEN(18),
    /** The upstream answered with something that is no valid answer. */
    UPSTREAM_INVALID(19);

    /** Codes from here on are the application's own. */
    public static final int FIRST_APPLICATION_CODE = 256;

    private static final ErrorCode[] BY_VALUE = values();

    private final int value;

    ErrorCode(int value) {
        this.value = value;
    }

    /** The number on the wire. */
    public int value() {
        return value;
    }

    /** The name as {@code proxy_error} spells it: {@code upstream_reset}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The constant of a number from the wire, or null for an application's own or an unknown one. */
    public static @Nullable ErrorCode of(int value) {
        return value >= 0 && value < BY_VALUE.length ? BY_VALUE[value] : null;
    }

    /** For people: the constant's name, or the number, unsigned. */
    public static String nameOf(int value) {
        ErrorCode code = of(value);
        return code == null ? Integer.toUnsignedString(value) : code.name();
    }
}
