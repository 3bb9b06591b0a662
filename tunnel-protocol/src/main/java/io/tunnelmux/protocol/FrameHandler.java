package io.tunnelmux.protocol;

/**
 * Told of each frame, in the order of the wire. Payloads inside frames are taken. Called by one thread at a time.
 *
 * @see Frame#deliverTo
 */
public interface FrameHandler {

    /** Bytes of a stream. A long frame may come in several pieces, see {@link Frame.Data}. */
    void onData(Frame.Data frame);

    /** A stream opens, or a further piece of the message that opens it. */
    void onOpen(Frame.Open frame);

    /** A message, or a piece of one. */
    void onMessage(Frame.Message frame);

    /** More credit for what this side sends. */
    void onWindow(Frame.Window frame);

    /** The peer is done with a stream. */
    void onClose(Frame.Close frame);

    /** The peer aborts a stream. */
    void onCancel(Frame.Cancel frame);

    /** A ping, or the answer to one. */
    void onPing(Frame.Ping frame);

    /** The peer takes no more streams. */
    void onGoAway(Frame.GoAway frame);

    /** The greeting, or the answer to it. */
    void onHello(Frame.Hello frame);

    /** How many sequenced frames the peer has received. */
    void onAck(Frame.Ack frame);

    /** A frame of an extension that this side does not know; its payload has been skipped. */
    void onExtension(Frame.Extension frame);

    /**
     * In place of a frame that was whole but said something forbidden, for which one stream pays and not the tunnel: a WINDOW of 0, or
     * one of 2^31 and more. It was skipped and the frames behind it follow. Whoever counts frames counts it. Whether the stream is open,
     * ended or was never opened is the handler's to judge, as with every frame.
     *
     * @param breach never one that {@linkplain ProtocolException#costsTunnel() costs the tunnel}
     */
    void onStreamBreach(ProtocolException breach);
}
