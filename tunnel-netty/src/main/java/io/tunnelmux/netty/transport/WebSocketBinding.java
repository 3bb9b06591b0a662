package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.netty.websocket.CloseCodes;
import io.tunnelmux.netty.websocket.Mask;
import io.tunnelmux.netty.websocket.WebSocketException;
import io.tunnelmux.netty.websocket.WebSocketReader;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.ProtocolException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * How {@code tunnel/1} uses a WebSocket: a binary message holds whole frames, and what is not binary is either a control frame, dealt with
 * here, or a breach. What a channel and a tunnel are is the {@link NettyTransport}'s to know. One thread.
 */
final class WebSocketBinding implements Binding, WebSocketReader.Sink {
    /** Control frames and frames without a byte in them: what they may do at once, and then in a second. */
    private static final int NEEDLESS_BURST = 1_000;

    private static final int NEEDLESS_PER_SECOND = 33;

    /** Longest message that is accepted, over all its frames. */
    private static final int MAX_MESSAGE_BYTES = 1 << 20;

    private final NettyTransport transport;
    private final WebSocketWriter writer;
    private final WebSocketReader reader;
    private final Budget needless;
    /** Data of the last ping that was not answered yet; older ones need no answer (RFC 6455 5.5.3). */
    private byte @Nullable [] owedPong;
    /** What the peer's close frame said. */
    private int peerCode = CloseCodes.NO_CODE;

    /** @param expectsMask true at a server, whose peers mask */
    WebSocketBinding(NettyTransport transport, WebSocketWriter writer, boolean expectsMask) {
        this.transport = transport;
        this.writer = writer;
        reader = new WebSocketReader(expectsMask, false, MAX_MESSAGE_BYTES, this);
        needless =
                new Budget(NEEDLESS_BURST, NEEDLESS_PER_SECOND, transport.loop().nanoTime());
    }

    @Override
    public OutboundBatch newBatch(ByteBufAllocator allocator) {
        return new OutboundBatch(allocator, writer.maxHeaderBytes(), writer.needsOwned());
    }

    @Override
    public void read(ByteBuf taken) {
        try {
            reader.read(taken);
        } catch (WebSocketException e) {
            ErrorCode code = e.closeCode() == CloseCodes.TOO_BIG ? ErrorCode.FRAME_TOO_LARGE : ErrorCode.PROTOCOL_ERROR;
            throw ProtocolException.tunnel(code, String.valueOf(e.getMessage()));
        }
    }

    /** Makes one message of a batch that is not empty, by a header in the room in front of its first buffer, and masks it. */
    @Override
    public void frame(OutboundBatch batch) {
        frame(batch, writer);
    }

    static void frame(OutboundBatch batch, WebSocketWriter writer) {
        int key = writer.nextKey();
        if (key != 0) {
            int rest = key;
            for (int i = 0; i < batch.segments(); i++) {
                ByteBuf segment = batch.segment(i);
                Mask.apply(rest, segment, segment.readerIndex(), segment.readableBytes());
                rest = Mask.rotate(rest, segment.readableBytes());
            }
        }
        writer.header(batch.segment(0), WebSocketReader.FIN | WebSocketReader.BINARY, batch.bytes(), key);
    }

    /** The answer to the peer's last ping, once, or null if none is owed. */
    @Override
    public @Nullable ByteBuf takeReply(ByteBufAllocator allocator) {
        byte[] data = owedPong;
        owedPong = null;
        return data == null ? null : writer.control(allocator, WebSocketReader.PONG, data);
    }

    @Override
    public ByteBuf goodbye(ByteBufAllocator allocator, ErrorCode code, String reason) {
        return writer.close(allocator, CloseCodes.ofTunnel(code), reason);
    }

    /** {@inheritDoc} It is the same that the peer said. */
    @Override
    public ByteBuf echo(ByteBufAllocator allocator) {
        return peerCode == CloseCodes.NO_CODE
                ? writer.control(allocator, WebSocketReader.CLOSE, new byte[0])
                : writer.close(allocator, peerCode, "");
    }

    @Override
    public boolean endsWithInput() {
        return false;
    }

    @Override
    public String hintOfLoss() {
        return "";
    }

    @Override
    public void onMessage(boolean isText, boolean isCompressed) {
        if (isText) {
            throw ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, "WebSocket: a text message");
        }
    }

    @Override
    public void onBytes(ByteBuf taken, int start, int end, boolean isLast) {
        transport.onBytes(NettyPayload.region(taken, start, end));
        if (isLast) {
            transport.onUnitEnd();
        }
    }

    @Override
    public void onEmptyFrame(boolean isLast) {
        onNeedless();
        if (isLast) {
            transport.onUnitEnd();
        }
    }

    @Override
    public void onPing(byte[] data) {
        onNeedless();
        owedPong = data;
    }

    @Override
    public void onPong(byte[] data) {
        onNeedless();
    }

    @Override
    public void onClose(int code, String reason) {
        peerCode = code;
        boolean isOrderly = code == CloseCodes.NORMAL || code == CloseCodes.NO_CODE;
        transport.onPeerClosed(
                isOrderly ? null : new IOException("the peer closed the WebSocket with " + code + ": " + reason));
    }

    private void onNeedless() {
        if (!needless.spend(transport.loop().nanoTime())) {
            throw ProtocolException.tunnel(ErrorCode.CALM_DOWN, "too many WebSocket control frames and empty frames");
        }
    }
}
