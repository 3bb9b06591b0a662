package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes messages as WebSocket frames, each part of a message as a frame of its own, so that it need not be known how long the message gets. The buffer that
 * holds a part goes out as it is wherever it can: with its header in front of it in that very buffer if that is owned and has room, else behind a
 * buffer that holds the header. What must be masked in a buffer that others hold is copied once, and so is what is small. One thread.
 */
public final class MessageWriter {

    /** A part up to here is copied behind its header, which costs less than another buffer on its way through the channel. */
    private static final int COPIED_BYTES = 1_024;
    /** What is shorter hardly gets shorter still. */
    private static final int LEAST_COMPRESSED_BYTES = 64;

    private final WebSocketWriter frames;
    private final ByteBufAllocator allocator;
    private final Consumer<ByteBuf> output;
    private final @Nullable MessageDeflater deflater;

    private boolean isInMessage;
    private boolean isCompressing;

    /**
     * @param frames knows which side this is
     * @param isDeflating whether permessage-deflate was agreed on
     * @param output takes what goes out, in order
     */
    public MessageWriter(
            WebSocketWriter frames, boolean isDeflating, ByteBufAllocator allocator, Consumer<ByteBuf> output) {
        this.frames = frames;
        this.allocator = allocator;
        this.output = output;
        deflater = isDeflating ? new MessageDeflater() : null;
    }

    /**
     * Writes the next part of a message.
     *
     * @param taken perhaps empty
     * @param isText whether the message is text; only the first part says so
     * @param isLast whether the message is complete with it
     */
    public void part(ByteBuf taken, boolean isText, boolean isLast) {
        if (!taken.isReadable() && !isLast) {
            taken.release();
            return;
        }
        int firstByte = isLast ? WebSocketReader.FIN : 0;
        if (!isInMessage) {
            firstByte |= isText ? WebSocketReader.TEXT : WebSocketReader.BINARY;
            isCompressing = deflater != null && (!isLast || taken.readableBytes() >= LEAST_COMPRESSED_BYTES);
            firstByte |= isCompressing ? WebSocketReader.RSV1 : 0;
        }
        isInMessage = !isLast;
        ByteBuf payload = taken;
        if (isCompressing && deflater != null) {
            payload = deflater.next(taken, isLast, frames.maxHeaderBytes(), allocator);
        }
        frame(firstByte, payload);
    }

    /** Whether a message was begun and not completed. */
    public boolean isInMessage() {
        return isInMessage;
    }

    /** Writes a ping; at most 125 bytes. */
    public void ping(byte[] data) {
        output.accept(frames.control(allocator, WebSocketReader.PING, data));
    }

    /** Writes a pong; at most 125 bytes. */
    public void pong(byte[] data) {
        output.accept(frames.control(allocator, WebSocketReader.PONG, data));
    }

    /**
     * Writes a close frame, behind which nothing may follow.
     *
     * @param code {@link CloseCodes#NO_CODE} says nothing, and no reason either
     */
    public void close(int code, String reason) {
        output.accept(
                code == CloseCodes.NO_CODE
                        ? frames.control(allocator, WebSocketReader.CLOSE, new byte[0])
                        : frames.close(allocator, code, reason));
        release();
    }

    /** Gives back what is held of a message. */
    public void release() {
        if (deflater != null) {
            deflater.close();
        }
    }

    private void frame(int firstByte, ByteBuf payload) {
        int length = payload.readableBytes();
        int key = frames.nextKey();
        boolean isOwned = Ownership.isOwned(payload);
        boolean hasRoom = isOwned && payload.readerIndex() >= frames.maxHeaderBytes();
        ByteBuf body = payload;
        if (!hasRoom && (length <= COPIED_BYTES || key != 0 && !isOwned)) {
            body = copy(payload);
            hasRoom = true;
        }
        Mask.apply(key, body, body.readerIndex(), length);
        if (hasRoom) {
            frames.header(body, firstByte, length, key);
            output.accept(body);
        } else {
            ByteBuf header = withRoom(0);
            frames.header(header, firstByte, length, key);
            output.accept(header);
            output.accept(body);
        }
    }

    private ByteBuf copy(ByteBuf taken) {
        try {
            return withRoom(taken.readableBytes()).writeBytes(taken);
        } finally {
            taken.release();
        }
    }

    private ByteBuf withRoom(int bytes) {
        int room = frames.maxHeaderBytes();
        return allocator.ioBuffer(room + bytes).setIndex(room, room);
    }
}
