package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Moves bytes between a channel and a stream, and hands pressure on in both directions:
 *
 * <pre>
 * channel → stream   a stream that is full stops the reading of the channel, see {@link ReadGate}
 * stream → channel   a channel that is full keeps the credit of what was written to it, until it has sent enough
 * </pre>
 *
 * Nothing is copied but small pieces for a channel that is full, see {@link SmallWrites}; nothing is flushed before the turn of the loop ends, and nothing is allocated but what wraps the bytes.
 *
 * <p>The owner calls {@link #onStreamWritable} and {@link #onChannelWritabilityChanged} when it is told so. All calls on the channel's loop, which is better
 * the stream's as well; where it is not, what is on its way over there is bounded too, see {@link LoopCrossing}.
 */
public final class StreamPressure {

    /** About what a message of a few bytes takes on its way to another loop. */
    private static final int MESSAGE_COST_BYTES = 256;

    private final TunnelStream stream;
    private final Channel channel;
    private final NettyLoop loop;
    private final ReadGate gate;
    /** Null if the stream's loop is the channel's. */
    private final @Nullable LoopCrossing crossing;

    private final @Nullable Look look;
    private int owedBytes;
    private long receivedBytes;
    private long sentBytes;
    private int messages;
    private @Nullable IdleWatch watch;

    /** @param gate of {@code channel} */
    public StreamPressure(TunnelStream stream, Channel channel, NettyLoop loop, ReadGate gate) {
        this(stream, channel, loop, gate, null);
    }

    /**
     * One whose bytes are counted.
     *
     * @param meter null for nobody
     */
    public StreamPressure(
            TunnelStream stream, Channel channel, NettyLoop loop, ReadGate gate, @Nullable FlowMeter meter) {
        this(stream, channel, loop, gate, meter, null);
    }

    /** @param onRoom called in place of {@link #onStreamWritable} where a crossing of loops has room again; null for that itself */
    StreamPressure(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            @Nullable FlowMeter meter,
            @Nullable Runnable onRoom) {
        look = meter == null ? null : new Look(meter);
        this.stream = stream;
        this.channel = channel;
        this.loop = loop;
        this.gate = gate;
        TunnelLoop streamLoop = stream.tunnel().loop();
        Runnable onLow = onRoom == null ? this::onStreamWritable : onRoom;
        crossing = streamLoop.inLoop() ? null : new LoopCrossing(streamLoop, loop, onLow);
    }

    Channel channel() {
        return channel;
    }

    /** Sends to the stream what the channel received. Takes {@code bytes}. */
    public void toStream(ByteBuf bytes) {
        int length = bytes.readableBytes();
        boolean isLookedAt = beginToStream(length);
        stream.write(NettyPayload.of(bytes));
        endToStream(length, isLookedAt);
    }

    /** Sends to the stream a part of a message, see {@link TunnelStream#writeUnit}. Takes {@code bytes}. */
    void partToStream(ByteBuf bytes, boolean isText, boolean hasMore) {
        int length = bytes.readableBytes();
        boolean isLookedAt = beginToStream(length);
        stream.writeUnit(NettyPayload.of(bytes), isText, hasMore);
        endToStream(length, isLookedAt);
    }

    /** Sends a message that needs no credit, but room all the same. */
    void toStream(Message message) {
        messages++;
        stream.send(message, false);
        endToStream(MESSAGE_COST_BYTES, false);
    }

    /** The stream has brought a message for the channel, which needs no credit. */
    void onMessage() {
        messages++;
    }

    /** Whether this piece is the one to look at. */
    private boolean beginToStream(int length) {
        receivedBytes += length;
        return look != null && look.beginToStream(length);
    }

    private void endToStream(int length, boolean isLookedAt) {
        if (isLookedAt && look != null) {
            Runnable sent = look::onSent;
            stream.whenSent(crossing == null ? sent : () -> loop.execute(sent));
        }
        if (crossing != null) {
            crossing.onSent(length);
        }
        if (isFull()) {
            gate.hold(ReadGate.STREAM_FULL);
        }
    }

    /** The stream takes more again. */
    public void onStreamWritable() {
        if (!isFull()) {
            gate.release(ReadGate.STREAM_FULL);
        }
    }

    /** Whether what is sent now had better wait. */
    boolean isFull() {
        return !stream.isWritable() || crossing != null && crossing.isFull();
    }

    /**
     * Writes to the channel what came from the stream.
     *
     * @param message taken; a buffer, or what the channel's handlers make one of
     * @param bytes how much of the stream's credit that is
     */
    public void toChannel(Object message, int bytes) {
        sentBytes += bytes;
        if (look == null) {
            channel.write(message, channel.voidPromise());
        } else {
            look.toChannel(message, bytes);
        }
        settle(bytes);
    }

    /** What came from the stream, {@code bytes} of its credit, has been written to the channel in another form. */
    void onWritten(int bytes) {
        sentBytes += bytes;
        if (look != null) {
            // What is looked at stands for the bytes in front of it.
            look.toChannel(Unpooled.EMPTY_BUFFER, bytes);
        }
        settle(bytes);
    }

    private void settle(int bytes) {
        loop.flushLater(channel);
        if (channel.isWritable()) {
            stream.consumed(bytes);
        } else {
            owedBytes += bytes;
        }
    }

    /**
     * Watches from now on until the stream ends.
     *
     * @param onIdle called once, when for {@code limit}, or up to an eighth longer, no byte has come from one or gone to the other, in either direction. A
     *     consumer that takes little at a time moves something only when it is granted credit, or when its socket takes more
     */
    public void watch(Duration limit, Runnable onIdle) {
        watch = new IdleWatch(loop, limit, this::steps, onIdle);
    }

    /** Changes with each byte that comes, with each that goes, and with each message. */
    private long steps() {
        ChannelOutboundBuffer unsent = channel.unsafe().outboundBuffer();
        long unsentBytes = unsent == null ? 0 : unsent.totalPendingWriteBytes();
        return 2 * receivedBytes - stream.waitingBytes() + 2 * sentBytes - unsentBytes + messages;
    }

    /**
     * The stream has ended, and holds the channel back no more. What the channel has not taken yet is bounded by credit no more, so that from here on it counts against the memory budget of
     * its own.
     */
    public void onStreamClosed() {
        gate.release(ReadGate.STREAM_FULL);
        if (watch != null) {
            watch.stop();
            watch = null;
        }
        if (owedBytes > 0 && channel.isOpen()) {
            MemoryBudget budget = stream.tunnel().memoryBudget();
            int bytes = owedBytes;
            owedBytes = 0;
            budget.addHeld(bytes);
            // Comes behind all that waits, or when that is dropped.
            channel.write(Unpooled.EMPTY_BUFFER).addListener(written -> budget.addHeld(-bytes));
            loop.flushLater(channel);
        }
    }

    /** What the channel has brought for the stream. */
    public long receivedBytes() {
        return receivedBytes;
    }

    /** What the stream has brought for the channel. */
    public long sentBytes() {
        return sentBytes;
    }

    /** The channel may have taken what was owed. */
    public void onChannelWritabilityChanged() {
        if (owedBytes > 0 && channel.isWritable()) {
            int bytes = owedBytes;
            owedBytes = 0;
            stream.consumed(bytes);
        }
    }

    /** For somebody who counts: of the pieces in each direction one at a time is looked at, how long it takes. */
    private final class Look {
        private final FlowMeter meter;
        private boolean isAtToStream;
        private long toStreamNanos;
        private boolean isAtToChannel;
        private long toChannelNanos;

        private Look(FlowMeter meter) {
            this.meter = meter;
        }

        private boolean beginToStream(int length) {
            meter.onToStream(length);
            boolean isFirst = !isAtToStream;
            if (isFirst) {
                isAtToStream = true;
                toStreamNanos = loop.nanoTime();
            }
            return isFirst;
        }

        private void onSent() {
            isAtToStream = false;
            meter.onTaken(true, loop.nanoTime() - toStreamNanos);
        }

        private void toChannel(Object message, int bytes) {
            meter.onToChannel(bytes);
            if (isAtToChannel) {
                channel.write(message, channel.voidPromise());
                return;
            }
            isAtToChannel = true;
            toChannelNanos = loop.nanoTime();
            channel.write(message).addListener(written -> {
                isAtToChannel = false;
                if (written.isSuccess()) {
                    meter.onTaken(false, loop.nanoTime() - toChannelNanos);
                }
            });
        }
    }
}
