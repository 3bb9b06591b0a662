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

    private final TunnelStream stream;
    private final Channel channel;
    private final NettyLoop loop;
    private final ReadGate gate;
    /** Null if the stream's loop is the channel's. */
    private final @Nullable LoopCrossing crossing;

    private final @Nullable FlowMeter meter;
    private int owedBytes;
    private long receivedBytes;
    private long sentBytes;
    /** Since when the piece came that is looked at, if one is. */
    private long toStreamNanos;

    private long toChannelNanos;
    private boolean isToStreamLookedAt;
    private boolean isToChannelLookedAt;
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
        this.meter = meter;
        this.stream = stream;
        this.channel = channel;
        this.loop = loop;
        this.gate = gate;
        TunnelLoop streamLoop = stream.tunnel().loop();
        crossing = streamLoop.inLoop() ? null : new LoopCrossing(streamLoop, loop, this::onStreamWritable);
    }

    /** Sends to the stream what the channel received. Takes {@code bytes}. */
    public void toStream(ByteBuf bytes) {
        int length = bytes.readableBytes();
        receivedBytes += length;
        if (meter == null) {
            stream.write(NettyPayload.of(bytes));
        } else {
            meteredToStream(bytes, meter);
        }
        if (crossing != null) {
            crossing.onSent(length);
        }
        if (isFull()) {
            gate.hold(ReadGate.STREAM_FULL);
        }
    }

    private void meteredToStream(ByteBuf bytes, FlowMeter by) {
        by.onToStream(bytes.readableBytes());
        boolean isFirst = !isToStreamLookedAt;
        if (isFirst) {
            isToStreamLookedAt = true;
            toStreamNanos = loop.nanoTime();
        }
        stream.write(NettyPayload.of(bytes));
        if (isFirst) {
            Runnable sent = () -> {
                isToStreamLookedAt = false;
                by.onTaken(true, loop.nanoTime() - toStreamNanos);
            };
            stream.whenSent(crossing == null ? sent : () -> loop.execute(sent));
        }
    }

    /** The stream takes more again. */
    public void onStreamWritable() {
        if (!isFull()) {
            gate.release(ReadGate.STREAM_FULL);
        }
    }

    private boolean isFull() {
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
        if (meter == null) {
            channel.write(message, channel.voidPromise());
        } else {
            meteredToChannel(message, bytes, meter);
        }
        onWritten(bytes);
    }

    /** What came from the stream, {@code bytes} of its credit, has been written to the channel, in whatever form. */
    void onWritten(int bytes) {
        loop.flushLater(channel);
        if (channel.isWritable()) {
            stream.consumed(bytes);
        } else {
            owedBytes += bytes;
        }
    }

    private void meteredToChannel(Object message, int bytes, FlowMeter by) {
        by.onToChannel(bytes);
        if (isToChannelLookedAt) {
            channel.write(message, channel.voidPromise());
            return;
        }
        isToChannelLookedAt = true;
        toChannelNanos = loop.nanoTime();
        channel.write(message).addListener(written -> {
            isToChannelLookedAt = false;
            if (written.isSuccess()) {
                by.onTaken(false, loop.nanoTime() - toChannelNanos);
            }
        });
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

    /** Changes with each byte that comes, and with each that goes. */
    private long steps() {
        ChannelOutboundBuffer unsent = channel.unsafe().outboundBuffer();
        long unsentBytes = unsent == null ? 0 : unsent.totalPendingWriteBytes();
        return 2 * receivedBytes - stream.waitingBytes() + 2 * sentBytes - unsentBytes;
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
}
