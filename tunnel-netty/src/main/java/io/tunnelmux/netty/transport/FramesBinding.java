package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.SslHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.ProtocolException;
import org.jspecify.annotations.Nullable;

/**
 * Frames and nothing else: they follow each other, no matter how they are cut up on the way. What is read goes to the decoder as it came, what is
 * sent goes out as it was gathered. A side has said goodbye when it sends no more, and why is in the GOAWAY before that. One thread.
 */
final class FramesBinding implements Binding {
    private static final int TLS_ALERT = 0x15;

    private final NettyTransport transport;
    private boolean isFirst;

    /** @param isDialler whether who answers may turn out to be no tunnel at all; of who dials that is known by now */
    FramesBinding(NettyTransport transport, boolean isDialler) {
        this.transport = transport;
        isFirst = isDialler;
    }

    @Override
    public OutboundBatch newBatch(ByteBufAllocator allocator) {
        return new OutboundBatch(allocator, 0, false);
    }

    @Override
    public void read(ByteBuf taken) {
        if (isFirst && taken.isReadable()) {
            isFirst = false;
            requireFrames(taken);
        }
        transport.onBytes(NettyPayload.of(taken));
    }

    /** To the decoder the beginning of an HTTP answer is a long extension to be skipped, so that nobody would ever learn what is wrong. */
    private static void requireFrames(ByteBuf taken) {
        int type = taken.getByte(taken.readerIndex());
        if (type == 'H' || type == TLS_ALERT) {
            taken.release();
            throw ProtocolException.tunnel(
                    ErrorCode.PROTOCOL_ERROR,
                    type == 'H'
                            ? "the gateway speaks HTTP here, does it want ws://?"
                            : "the gateway speaks TLS here, does it want tls://?");
        }
    }

    @Override
    public void frame(OutboundBatch batch) {
        // The headers of the frames are all there is.
    }

    @Override
    public @Nullable ByteBuf takeReply(ByteBufAllocator allocator) {
        return null;
    }

    @Override
    public @Nullable ByteBuf goodbye(ByteBufAllocator allocator, ErrorCode code, String reason) {
        return null;
    }

    @Override
    public @Nullable ByteBuf echo(ByteBufAllocator allocator) {
        return null;
    }

    @Override
    public boolean endsWithInput() {
        return true;
    }

    /** {@inheritDoc} A server that expects TLS closes without a word. */
    @Override
    public String hintOfLoss() {
        boolean isSecure = transport.channel().pipeline().get(SslHandler.class) != null;
        return isFirst && !isSecure ? ", does it want tls://?" : "";
    }
}
