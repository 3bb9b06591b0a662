package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;

/**
 * Messages in envelopes: what agents speak whose tunnel has no frames, one envelope to a WebSocket message. Everything is in it,
 * bodies too, and that is its price: base64 inside of JSON text. CBOR has the same fields with byte strings in place of base64.
 *
 * <pre>
 *   {"type": "proxy_response_chunk", "request_id": "r-1", "payload": {"data": "b2s=", "encoding": "base64", "size": 2},
 *    "timestamp": "2026-03-14T09:26:53.02Z"}
 * </pre>
 *
 * Some messages have other names in an envelope, and some names that are read are never written:
 *
 * <pre>
 *   message                           written as                        read from, besides
 *   --------------------------------  --------------------------------  ----------------------------------------
 *   ProxyRequest, EnvelopeRequest     proxy_request
 *   ProxyResponse                     proxy_response_header
 *   EnvelopeResponse                  proxy_response
 *   ProxyError                        proxy_error, text in "error"      text in "message"
 *   ProxyChunk STREAM                 proxy_chunk                       proxy_stream_chunk, proxy_stream_data
 *   ProxyChunk REQUEST                proxy_request_chunk, at the end   data in "chunk"
 *                                     proxy_request_stream_end
 *   ProxyChunk RESPONSE               proxy_response_chunk, at the end
 *                                     proxy_response_end
 *   ProxyChunk WEBSOCKET_…            proxy_websocket_data              ws_data
 *   ProxyChunk TCP                    tcp_tunnel_data
 *   ProxyWebSocketPing, …Pong         proxy_websocket_data              ws_data, proxy_websocket_ping, …_pong
 *   ProxyWebSocketStart, …Close       proxy_websocket_start, …_close    ws_start, ws_close
 *   ProxyStreamClose, code 0          proxy_stream_close
 *   ProxyStreamClose, other codes     proxy_response_abort              proxy_stream_close, tcp_tunnel_close
 *   all others                        their own type
 * </pre>
 *
 * A WebSocket message's first byte is its opcode (1 text, 2 binary, 8 close, 9 ping, 10 pong); one that begins with none of them is
 * read by its {@code message_type}. Field names of the envelope itself are read in any case. In a payload a field of a wrong type
 * counts as absent, in the envelope itself it is malformed. A {@code deadline} of a request is read as a timeout from the envelope's
 * own {@code timestamp} on, so that the two clocks need not agree. A request's
 * method is read in capitals, an empty path as {@code /}, an empty query as none.
 *
 * <p>Stateless; any thread.
 */
public final class EnvelopeCodec {

    /** Longest envelope, in bytes, and longest body after it is unpacked. */
    public static final int MAX_BYTES = Documents.MAX_BYTES;

    private static final EnvelopeCodec CBOR = new EnvelopeCodec(MessageFormat.CBOR);
    private static final EnvelopeCodec JSON = new EnvelopeCodec(MessageFormat.JSON);

    private final MessageFormat format;

    private EnvelopeCodec(MessageFormat format) {
        this.format = format;
    }

    /** The codec of a format. */
    public static EnvelopeCodec of(MessageFormat format) {
        return format == MessageFormat.CBOR ? CBOR : JSON;
    }

    /** What it reads and writes. */
    public MessageFormat format() {
        return format;
    }

    /**
     * Writes a message, which stays the caller's. The payload is the caller's too and lies on the heap. A timestamp is written only where
     * the message has one.
     *
     * @throws IllegalArgumentException if its timestamp is not RFC 3339, if an application's payload is neither a map nor null, or if it
     *     breaks a limit of {@link MessageCodec}: an agent would drop it without a word
     */
    public Payload encode(Message message) {
        return new EnvelopeWriter(format).write(message);
    }

    /**
     * Reads a message from {@code lent}, which is lent. Payloads inside the message are copies on the heap.
     *
     * @throws ProtocolException if it is malformed ({@link ErrorCode#PROTOCOL_ERROR}). Its scope is the tunnel for want of a stream; agents
     *     in the field drop such a message and go on
     */
    public Message decode(Payload lent) {
        try {
            return new EnvelopeReader(format).read(Documents.read(format, Scope.bytesOf(lent)));
        } catch (IllegalArgumentException e) {
            throw Scope.malformed(0, "envelope", e);
        }
    }
}
