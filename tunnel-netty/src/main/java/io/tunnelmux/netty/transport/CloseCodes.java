package io.tunnelmux.netty.transport;

import io.tunnelmux.protocol.ErrorCode;

/** The close codes by which a WebSocket says why a tunnel ended, after GOAWAY has said it in full. */
final class CloseCodes {
    static final int NORMAL = 1_000;
    static final int GOING_AWAY = 1_001;
    static final int PROTOCOL_ERROR = 1_002;
    static final int POLICY_VIOLATION = 1_008;
    static final int TOO_BIG = 1_009;
    static final int INTERNAL_ERROR = 1_011;
    static final int SERVICE_RESTART = 1_012;
    static final int TRY_AGAIN_LATER = 1_013;
    static final int SUPERSEDED = 4_001;

    private CloseCodes() {}

    static int of(ErrorCode code) {
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
