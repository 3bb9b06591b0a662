package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Payload;
import java.util.List;
import java.util.OptionalInt;

/** One step of a {@link TunnelVector}; {@code vectors/README.md} says what each asks for. Values, for any thread. */
public sealed interface TunnelStep {

    /** The peer sends whole frames, all at once. */
    record Receive(Payload bytes) implements TunnelStep {}

    /** Time passes. */
    record Advance(long millis) implements TunnelStep {}

    /** The application opens a stream, which gets this id. */
    record Open(int streamId, Payload message, boolean isEnd) implements TunnelStep {}

    /** The application sends a message. */
    record SendMessage(int streamId, Payload message, boolean isEnd) implements TunnelStep {}

    /** The application sends bytes. */
    record SendData(int streamId, Payload data, boolean isEnd) implements TunnelStep {}

    /** The application closes a stream. */
    record Close(int streamId, ErrorCode code) implements TunnelStep {}

    /** The application cancels a stream. */
    record Cancel(int streamId, ErrorCode code) implements TunnelStep {}

    /** The application's consumer has taken bytes. */
    record Consume(int streamId, int bytes) implements TunnelStep {}

    /** The application takes no more streams. */
    record Drain() implements TunnelStep {}

    /** Just these frames came since the last such step, apart from ignored ones and from DATA that {@link ExpectSent} has counted. */
    record Expect(List<ExpectedFrame> frames) implements TunnelStep {}

    /** So many bytes of DATA came for the stream since it was opened, with END or without. */
    record ExpectSent(int streamId, long bytes, boolean isEnd) implements TunnelStep {}

    /** The endpoint has closed the transport; on a WebSocket with this code, if one is told. */
    record ExpectClosed(OptionalInt webSocketCode) implements TunnelStep {}

    /** The application was told of a new stream. */
    record ExpectOpened(int streamId, String messageType) implements TunnelStep {}

    /** The application got a message; on the tunnel if {@code streamId} is 0. */
    record ExpectMessage(int streamId, String messageType, boolean isEnd) implements TunnelStep {}

    /** The application got these bytes since the last such step, and the peer's half has ended or not. */
    record ExpectData(int streamId, Payload data, boolean isEnd) implements TunnelStep {}

    /** The stream is over for the application. */
    record ExpectEnded(int streamId, ErrorCode code) implements TunnelStep {}
}
