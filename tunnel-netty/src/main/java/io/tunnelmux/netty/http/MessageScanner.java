package io.tunnelmux.netty.http;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * Looks at every byte of an HTTP/1 message's head and of its chunks' framing before the parser does, and finds what two parsers could
 * understand differently: bare CR or LF, control characters, lines that go on in the next one, sizes with signs or blanks. Repairs nothing.
 *
 * <p>It follows the parser through a buffer that both read: {@link #scan} looks at what is new, {@link #onRead} tells what the parser took.
 */
public final class MessageScanner {

    private final HeadScanner head;
    private final ChunkScanner chunks = new ChunkScanner();
    private boolean isInChunks;
    private boolean isInHead = true;
    private int scannedAhead;

    private MessageScanner(HeadScanner head) {
        this.head = head;
    }

    public static MessageScanner ofRequests() {
        return new MessageScanner(new HeadScanner(true));
    }

    public static MessageScanner ofResponses() {
        return new MessageScanner(new HeadScanner(false));
    }

    /**
     * Looks at what of {@code bytes} it has not seen, up to the end of the head or of the chunks.
     *
     * @return what is wrong, or null
     */
    public @Nullable String scan(ByteBuf bytes) {
        int start = bytes.readerIndex() + scannedAhead;
        if (isInHead && !head.isAtEnd()) {
            int stopped = bytes.forEachByte(start, bytes.writerIndex() - start, head);
            scannedAhead = stopped < 0 ? bytes.readableBytes() : stopped + 1 - bytes.readerIndex();
            return head.fault();
        }
        if (isInChunks) {
            scannedAhead = chunks.scan(bytes, start) - bytes.readerIndex();
            return chunks.fault();
        }
        return null;
    }

    /** The parser has read so many of the bytes. */
    public void onRead(int count) {
        scannedAhead = Math.max(0, scannedAhead - count);
    }

    /** The parser has made a message of the head. */
    public void onHead(boolean isChunked) {
        isInHead = false;
        isInChunks = isChunked;
        chunks.reset();
    }

    /** The message has ended, another may follow. */
    public void onEnd() {
        isInHead = true;
        isInChunks = false;
        scannedAhead = 0;
        head.reset();
    }

    /** Whether the bytes that come belong to a head. */
    public boolean isInHead() {
        return isInHead;
    }
}
