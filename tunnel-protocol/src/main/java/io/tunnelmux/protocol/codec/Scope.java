package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;

/** Where the peer's mistakes get their scope: inside the codecs they are {@link IllegalArgumentException}s. */
final class Scope {

    private static final int MAX_SHOWN = 200;

    private Scope() {}

    /** What a malformed document costs: the stream it came on, or the tunnel if that is 0. */
    static ProtocolException malformed(int streamId, String what, IllegalArgumentException cause) {
        String message = "malformed " + what + ": " + printable(String.valueOf(cause.getMessage()));
        ProtocolException breach = streamId == 0
                ? ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, message)
                : ProtocolException.stream(streamId, ErrorCode.PROTOCOL_ERROR, message);
        breach.initCause(cause);
        return breach;
    }

    /** Keys in it are the peer's: they must not begin a line of their own in a log, nor fill it. */
    private static String printable(String text) {
        String start = text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + '…';
        return start.replaceAll("\\p{Cntrl}", "?");
    }

    /** A copy of the bytes, if they are not too many. */
    static byte[] bytesOf(Payload lent) {
        if (lent.length() > Documents.MAX_BYTES) {
            throw new IllegalArgumentException(lent.length() + " bytes, at most " + Documents.MAX_BYTES);
        }
        return lent.toByteArray();
    }
}
