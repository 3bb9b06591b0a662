package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * How {@code tunnel/1} uses a WebSocket: a binary message holds whole frames, and what is not binary is either a control frame, dealt with
 * here, or a breach. What a channel and a tunnel are is the {@link NettyTransport}'s to know. One thread.
 */
final class WebSocketBinding implements WebSocketReader.Sink {
    /** Control frames and frames without a byte in them: what they may do at once, and then in a second. */
    private static final int NEEDLESS_BURST = 1_000;

    private static final int NEEDLESS_PER_SECOND = 33;

    private final NettyTransport transport;
    private final WebSocketWriter writer;
    private final WebSocketReader reader;
    private final Budget needless;
    /** Data of the last ping that was not answered yet; older ones need no answer (RFC 6455 5.5.3). */
    private byte @Nullable [] owedPong;
    /** What the peer's close frame said. */
    private int peerCode = WebSocketReader.NO_CODE;

    /** @param expectsMask true at a server, whose peers mask */
    WebSocketBinding(NettyTransport transport, WebSocketWriter writer, boolean expectsMask) {
        this.transport = transport;
        this.writer = writer;
        reader = new WebSocketReader(expectsMask, this);
        needless =
                new Budget(NEEDLESS_BURST, NEEDLESS_PER_SECOND, transport.loop().nanoTime());
    }

    OutboundBatch newBatch(ByteBufAllocator allocator) {
        return new OutboundBatch(allocator, writer.maxHeaderBytes(), writer.needsOwned());
    }

    /** Reads on, see {@link WebSocketReader#read}. */
    void read(ByteBuf taken) {
        reader.read(taken);
    }

    /** Makes one message of a batch. */
    void frame(OutboundBatch batch) {
        writer.frame(batch);
    }

    /** The answer to the peer's last ping, once, or null if none is owed. */
    @Nullable
    ByteBuf takeReply(ByteBufAllocator allocator) {
        byte[] data = owedPong;
        owedPong = null;
        return data == null ? null : writer.control(allocator, WebSocketReader.PONG, data);
    }

    /** What this side says last, of its own accord. */
    ByteBuf goodbye(ByteBufAllocator allocator, ErrorCode code, String reason) {
        return writer.close(allocator, CloseCodes.of(code), reason);
    }

    /** What this side says last, after the peer has said goodbye: the same. */
    ByteBuf echo(ByteBufAllocator allocator) {
        return peerCode == WebSocketReader.NO_CODE
                ? writer.control(allocator, WebSocketReader.CLOSE, new byte[0])
                : writer.close(allocator, peerCode, "");
    }

    @Override
    public void onBinary(Payload taken) {
        transport.onBytes(taken);
    }

    @Override
    public void onMessageEnd() {
        transport.onUnitEnd();
    }

    @Override
    public void onEmptyFrame() {
        onNeedless();
    }

    @Override
    public void onPing(byte[] data) {
        onNeedless();
        owedPong = data;
    }

    @Override
    public void onPong() {
        onNeedless();
    }

    @Override
    public void onClose(int code, String reason) {
        peerCode = code;
        boolean isOrderly = code == CloseCodes.NORMAL || code == WebSocketReader.NO_CODE;
        transport.onPeerClosed(
                isOrderly ? null : new IOException("the peer closed the WebSocket with " + code + ": " + reason));
    }

    private void onNeedless() {
        if (!needless.spend(transport.loop().nanoTime())) {
            throw ProtocolException.tunnel(ErrorCode.CALM_DOWN, "too many WebSocket control frames and empty frames");
        }
    }
}
