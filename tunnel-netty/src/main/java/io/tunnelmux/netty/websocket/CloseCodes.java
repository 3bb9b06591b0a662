package io.tunnelmux.netty.websocket;

import io.tunnelmux.protocol.ErrorCode;

/** The close codes by which a WebSocket says why it ends (RFC 6455 7.4), and which of them follow from an end of ours. */
public final class CloseCodes {
    /** All is done. */
    public static final int NORMAL = 1_000;
    /** This side, or whoever is behind it, goes away. */
    public static final int GOING_AWAY = 1_001;
    /** A breach of the protocol. */
    public static final int PROTOCOL_ERROR = 1_002;
    /** What stands in place of the code of a close frame that has none. Never sent. */
    public static final int NO_CODE = 1_005;
    /** Text that is not UTF-8, or what else is not what it is said to be. */
    public static final int INVALID_DATA = 1_007;
    /** A rule of the receiver's own. */
    public static final int POLICY_VIOLATION = 1_008;
    /** A message longer than the receiver takes. */
    public static final int TOO_BIG = 1_009;
    /** Something that was not to be expected. */
    public static final int INTERNAL_ERROR = 1_011;
    /** Comes back soon. */
    public static final int SERVICE_RESTART = 1_012;
    /** Too much to do. */
    public static final int TRY_AGAIN_LATER = 1_013;
    /** A newer tunnel takes this one's place. */
    public static final int SUPERSEDED = 4_001;

    private CloseCodes() {}

    /** Whether RFC 6455 lets an endpoint send it: not 1004 to 1006 and 1015, which are reserved, nor what nobody has registered. */
    public static boolean isSendable(int code) {
        return code >= 1_000 && code <= 1_003 || code >= 1_007 && code <= 1_014 || code >= 3_000 && code <= 4_999;
    }

    /** Says of the WebSocket that carries a tunnel why the tunnel ended, after GOAWAY has said it in full. */
    public static int ofTunnel(ErrorCode code) {
        return switch (code) {
            case NO_ERROR -> NORMAL;
            case PROTOCOL_ERROR, FLOW_CONTROL_ERROR, UNSUPPORTED, TIMEOUT -> PROTOCOL_ERROR;
            case UNAUTHORIZED, FORBIDDEN -> POLICY_VIOLATION;
            case FRAME_TOO_LARGE -> TOO_BIG;
            case SHUTTING_DOWN -> SERVICE_RESTART;
            case OVERLOADED, CALM_DOWN -> TRY_AGAIN_LATER;
            case SUPERSEDED -> SUPERSEDED;
            case INTERNAL_ERROR,
                    STREAM_CLOSED,
                    REFUSED,
                    CANCELLED,
                    UPSTREAM_UNREACHABLE,
                    UPSTREAM_RESET,
                    TRANSPORT_LOST,
                    UPSTREAM_INVALID -> INTERNAL_ERROR;
        };
    }
}
