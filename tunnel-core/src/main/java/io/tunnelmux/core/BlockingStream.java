package io.tunnelmux.core;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A stream for a thread that may wait, a plain or a virtual one: an {@link InputStream} and an {@link OutputStream}, or a {@link ByteChannel}, and messages.
 * One is opened with {@link #open}; on the accepting side {@link #accept} makes one in {@link TunnelHandler#onStream}, which returns it and starts the thread:
 *
 * <pre>{@code
 * public StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
 *     BlockingStream accepted = BlockingStream.accept(stream, request, isEnd);
 *     executor.execute(() -> serve(accepted));
 *     return accepted;
 * }
 * }</pre>
 *
 * <p><b>What waits is bounded.</b> Bytes that came and were not read are bounded by the stream's credit: it is granted for what was read. Of messages at most 64
 * wait, or as many bytes as one message may have; then the stream is cancelled ({@code OVERLOADED}), so whoever has messages to expect receives them. Of what is
 * written 64 KiB wait for the stream, which holds twice as much again; then a write waits. Single bytes may be written as they are: they are gathered, and are one
 * task for the loop and not one each.
 *
 * <p><b>Ends.</b> The input ends with -1 after the last byte if the peer ended its half, and with a {@link StreamException} after the last byte that came
 * if the stream ended otherwise. {@code CLOSE NO_ERROR} without END counts as a clean end, but not on a plain HTTP request, where it cuts a body short. Closing
 * the input drops what comes, closing the output ends this side's half behind what was written, {@link #close} does both and wants nothing more; none of them
 * waits. Whoever gives up halfway calls {@link #cancel}, so that the peer does not take a part for the whole.
 *
 * <p><b>Timeouts and interruption.</b> A read or {@link #receive} that takes too long throws {@link SocketTimeoutException}; nothing is lost and the stream goes
 * on. A write that takes too long cancels the stream ({@code TIMEOUT}) and says in {@code bytesTransferred} how much of it was handed on. An interrupted thread
 * that would wait gets an {@link InterruptedIOException} and stays interrupted; a write that is interrupted cancels the stream. Reading and writing
 * on the {@link #channel} follow {@link java.nio.channels.InterruptibleChannel}: the interruption closes the channel, and with it the stream.
 *
 * <p>Any thread may call anything, but nothing that may wait from the tunnel's own loop: that is an {@link IllegalStateException}. Bytes and messages are two
 * queues: order is kept within each. The boundaries and flags of DATA on message-oriented streams are not kept.
 */
public final class BlockingStream implements StreamHandler, Closeable {

    private final TunnelStream stream;
    /** Whether what comes is whole with END alone. */
    private final boolean isBody;

    private final BlockingInput input;
    private final BlockingOutput output;
    private final MessageInbox messages;
    private final Channel channel = new Channel();
    private volatile @Nullable Outcome outcome;

    private BlockingStream(Tunnel tunnel, @Nullable TunnelStream accepted, Message request, boolean isEnd) {
        isBody = request instanceof Message.ProxyRequest http
                && !http.upgrade().isWebSocket()
                && !http.upgrade().useZeroCopy();
        input = new BlockingInput(tunnel.loop(), this::consumed);
        output = new BlockingOutput(tunnel.loop(), new Sink());
        messages = new MessageInbox(tunnel.loop());
        if (accepted == null) {
            if (isEnd) {
                output.onEndSent();
            }
            stream = tunnel.open(request, isEnd, this);
        } else {
            if (isEnd) {
                onInputEnd(null);
            }
            stream = accepted;
        }
    }

    /**
     * Opens a stream with {@code request}; there is nothing to wait for. Where the tunnel cannot take it, the first read or write tells so.
     *
     * @param isEnd whether this side's half ends with the request
     */
    public static BlockingStream open(Tunnel tunnel, Message request, boolean isEnd) {
        return new BlockingStream(tunnel, null, request, isEnd);
    }

    /**
     * Takes a stream that the peer opens: for {@link TunnelHandler#onStream}, whose parameters these are and which returns it.
     *
     * @param isEnd whether the peer's half has ended with the request
     */
    public static BlockingStream accept(TunnelStream stream, Message request, boolean isEnd) {
        return new BlockingStream(stream.tunnel(), stream, request, isEnd);
    }

    /** The stream below. To write to it past {@link #output} is to lose the order of both. */
    public TunnelStream stream() {
        return stream;
    }

    /** The bytes that come. Its {@code available()} is what can be read without waiting. */
    public InputStream input() {
        return input;
    }

    /** The bytes that go. They are on their way with each write; its {@code flush()} does nothing. */
    public OutputStream output() {
        return output;
    }

    /** Both as a channel, for threads that are to be interrupted. Always the same; closing it is {@link #close}. */
    public ByteChannel channel() {
        return channel;
    }

    /** How the stream ended, or null if it has not. */
    public @Nullable Outcome outcome() {
        return outcome;
    }

    /**
     * How long a read or {@link #receive} may wait, for another thread's turn too; zero, the default, is for ever. For calls from here on.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public BlockingStream readTimeout(Duration timeout) {
        input.place().timeout(timeout);
        messages.place().timeout(timeout);
        return this;
    }

    /**
     * How long a write or {@link #send} may take, waiting for another thread's turn too; zero, the default, is for ever. For calls from here on.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public BlockingStream writeTimeout(Duration timeout) {
        output.place().timeout(timeout);
        return this;
    }

    /**
     * Waits for the next message.
     *
     * @return null if there is none and the peer has ended its half
     * @throws StreamException if the stream has ended otherwise and all messages were received
     * @throws SocketTimeoutException if none comes within the read timeout
     */
    public @Nullable Message receive() throws IOException {
        return messages.take();
    }

    /**
     * Sends a message behind what was written. Waits as a write does, until the stream has it; one that the peer would not take for its length cancels the stream.
     *
     * @param isEnd whether this side's half ends with it
     */
    public void send(Message message, boolean isEnd) throws IOException {
        output.send(message, isEnd);
    }

    /**
     * Ends the stream in an orderly way, without waiting: what was written still goes, this side's half ends behind it, and nothing more is wanted. A write under
     * way on another thread is cut short, which cancels the stream. After the stream's end this frees what was not read: it is due in any case.
     */
    @Override
    public void close() {
        channel.closeQuietly();
    }

    /** Aborts the stream: what waits is dropped on both sides, and the peer is told why. Frees all that was not read. Any thread, without waiting. */
    public void cancel(ErrorCode code, String reason) {
        if (outcome == null) {
            stream.cancel(code, reason);
        }
        close();
    }

    /** Past the end there is nothing to grant, and perhaps no loop any more. */
    private void consumed(int bytes) {
        if (outcome == null) {
            stream.consumed(bytes);
        }
    }

    private void closeHalves() {
        input.close();
        messages.close();
        output.closeStream();
    }

    /** @param failure null is a clean end */
    private void onInputEnd(@Nullable Outcome failure) {
        messages.onEnd(failure);
        input.onEnd(failure);
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (!messages.put(
                message, from.receiving.messageBytes, from.tunnel().settings().maxMessageBytes())) {
            from.cancel(ErrorCode.OVERLOADED, "messages wait that nobody receives");
        } else if (isEnd) {
            onInputEnd(null);
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        input.onBytes(data.payload());
        if (data.isEnd()) {
            onInputEnd(null);
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        output.move();
    }

    @Override
    public void onClosed(TunnelStream from, Outcome newOutcome) {
        outcome = newOutcome;
        onInputEnd(newOutcome.isClean() && !isBody ? null : newOutcome);
        output.onClosed(newOutcome);
    }

    private final class Sink implements BlockingOutput.Sink {

        @Override
        public boolean isWritable() {
            return stream.isWritable();
        }

        @Override
        public void write(Payload payload) {
            stream.write(payload);
        }

        @Override
        public void send(Message message, boolean isEnd) {
            stream.send(message, isEnd);
        }

        @Override
        public void end() {
            stream.end();
        }

        @Override
        public void close() {
            stream.close(ErrorCode.NO_ERROR, "");
        }

        @Override
        public void cancel(ErrorCode code, String reason) {
            stream.cancel(code, reason);
        }
    }

    /** What {@link java.nio.channels.InterruptibleChannel} asks for is done by the JDK's class; it closes this when a thread in here is interrupted. */
    private final class Channel extends AbstractInterruptibleChannel implements ByteChannel {

        private static final int COPIED_BYTES = 16 * 1024;

        @Override
        public int read(ByteBuffer target) throws IOException {
            requireOpen();
            if (target.isReadOnly()) {
                throw new IllegalArgumentException("a buffer that is read-only");
            }
            int count = target.remaining();
            byte[] bytes = target.hasArray() ? target.array() : new byte[Math.min(count, COPIED_BYTES)];
            boolean isDone = false;
            try {
                begin();
                int taken;
                if (target.hasArray()) {
                    taken = input.read(bytes, target.arrayOffset() + target.position(), count);
                    target.position(target.position() + Math.max(0, taken));
                } else {
                    taken = input.read(bytes, 0, bytes.length);
                    target.put(bytes, 0, Math.max(0, taken));
                }
                isDone = true;
                return taken;
            } catch (InterruptedIOException e) {
                isDone = true;
                throw onInterrupted(e);
            } finally {
                end(isDone);
            }
        }

        @Override
        public int write(ByteBuffer source) throws IOException {
            requireOpen();
            int count = source.remaining();
            boolean isDone = false;
            try {
                begin();
                if (source.hasArray()) {
                    output.write(source.array(), source.arrayOffset() + source.position(), count);
                    source.position(source.limit());
                } else {
                    writeCopied(source);
                }
                isDone = true;
                return count;
            } catch (InterruptedIOException e) {
                isDone = true;
                throw onInterrupted(e);
            } finally {
                end(isDone);
            }
        }

        /** The interruption closes the channel: whoever interrupts does it, unless this thread sees it first. */
        private IOException onInterrupted(InterruptedIOException e) {
            if (e instanceof SocketTimeoutException) {
                return e;
            }
            closeQuietly();
            return new ClosedByInterruptException();
        }

        private void writeCopied(ByteBuffer source) throws IOException {
            byte[] bytes = new byte[Math.min(source.remaining(), COPIED_BYTES)];
            while (source.hasRemaining()) {
                int some = Math.min(source.remaining(), bytes.length);
                source.get(bytes, 0, some);
                output.write(bytes, 0, some);
            }
        }

        private void requireOpen() throws ClosedChannelException {
            if (!isOpen()) {
                throw new ClosedChannelException();
            }
        }

        @Override
        protected void implCloseChannel() {
            closeHalves();
        }

        void closeQuietly() {
            try {
                close();
            } catch (IOException e) {
                throw new AssertionError("closing does nothing that fails", e);
            }
        }
    }
}
