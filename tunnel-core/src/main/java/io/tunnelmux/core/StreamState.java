package io.tunnelmux.core;

/** Which halves of a stream have ended, as the frames on the wire say. */
enum StreamState {
    OPEN,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    CLOSED;

    boolean canSend() {
        return this == OPEN || this == HALF_CLOSED_REMOTE;
    }

    boolean canReceive() {
        return this == OPEN || this == HALF_CLOSED_LOCAL;
    }

    StreamState endedLocally() {
        return switch (this) {
            case OPEN -> HALF_CLOSED_LOCAL;
            case HALF_CLOSED_REMOTE -> CLOSED;
            case HALF_CLOSED_LOCAL, CLOSED -> throw new IllegalStateException("cannot end a stream that is " + this);
        };
    }

    StreamState endedRemotely() {
        return switch (this) {
            case OPEN -> HALF_CLOSED_REMOTE;
            case HALF_CLOSED_LOCAL -> CLOSED;
            case HALF_CLOSED_REMOTE, CLOSED -> throw new IllegalStateException("cannot end a stream that is " + this);
        };
    }
}
