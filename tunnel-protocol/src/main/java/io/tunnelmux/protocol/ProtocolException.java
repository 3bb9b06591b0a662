package io.tunnelmux.protocol;

/**
 * The peer did something that it may not do. It costs the stream {@link #streamId()}, or the whole tunnel if that is 0. Never the fault
 * of a local caller: that is an {@link IllegalArgumentException} or an {@link IllegalStateException}.
 *
 * <p>Immutable; any thread.
 */
public final class ProtocolException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int streamId;
    private final ErrorCode code;

    private ProtocolException(int streamId, ErrorCode code, String message) {
        super(message);
        this.streamId = streamId;
        this.code = code;
    }

    /** A breach that costs the tunnel: it is answered with GOAWAY. */
    public static ProtocolException tunnel(ErrorCode code, String message) {
        return new ProtocolException(0, code, message);
    }

    /** A breach that costs one stream: it is answered with CANCEL. */
    public static ProtocolException stream(int streamId, ErrorCode code, String message) {
        return new ProtocolException(streamId, code, message);
    }

    /** The stream that it costs; 0 is the tunnel. */
    public int streamId() {
        return streamId;
    }

    /** What the peer is told. */
    public ErrorCode code() {
        return code;
    }

    /** Whether it costs the tunnel and not one stream alone. */
    public boolean costsTunnel() {
        return streamId == 0;
    }
}
