package io.tunnelmux.netty.websocket;

/** The peer of a WebSocket broke a rule. Any thread. */
public final class WebSocketException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final int closeCode;

    /**
     * @param closeCode what the peer is told, see {@link CloseCodes}
     * @param message for people
     */
    public WebSocketException(int closeCode, String message) {
        // It says what came, and not where it was noticed: that is always the same.
        super(message, null, false, false);
        this.closeCode = closeCode;
    }

    /** What the peer is told. */
    public int closeCode() {
        return closeCode;
    }
}
