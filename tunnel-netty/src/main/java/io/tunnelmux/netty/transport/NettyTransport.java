package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.NetUtil;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameDecoder;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A channel as a transport: what is written is gathered until a flush makes one unit of it, what is read goes through the decoder as it
 * comes. Last handler of its pipeline. How units look on the wire is the binding's to know.
 *
 * <pre>
 *          close() or the peer's goodbye        both goodbyes, 2 s, or an error
 *   OPEN ──────────────────────────────▶ CLOSING ───────────────────────────▶ CLOSED
 *     └────────────────── the connection is lost, or has ended ───────────────────┘
 * </pre>
 *
 * From CLOSING on nothing comes but {@code onClosed}; reading goes on, as a socket that is closed with bytes unread would take back what
 * it sent last.
 */
final class NettyTransport extends ChannelInboundHandlerAdapter implements Transport {
    /** What is gathered in one unit before the next is begun. */
    static final int UNIT_BYTES = 64 * 1024;

    private static final long GOODBYE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private enum State {
        OPEN,
        CLOSING,
        CLOSED
    }

    private final NettyLoop loop;
    private final Channel channel;
    private final String peer;
    private final Binding binding;
    private final OutboundBatch batch;
    private final Runnable tellWritable = this::tellWritable;
    /** What came before {@link #start}, no more than one burst of reads. */
    private final ArrayDeque<ByteBuf> early = new ArrayDeque<>(1);
    /** Null over TLS, whose records are what is read. */
    private final @Nullable TunnelReads reads;

    private State state = State.OPEN;
    private @Nullable TransportListener listener;
    private @Nullable FrameDecoder decoder;
    private @Nullable FrameGate gate;
    private @Nullable Throwable cause;
    private TunnelLoop.@Nullable Timer goodbyeTimer;
    private boolean isWritable = true;
    private boolean isFlushing;

    /** @param newBinding makes what knows how units look on the wire, for this transport */
    private NettyTransport(NettyLoop loop, Channel channel, Function<NettyTransport, Binding> newBinding) {
        this.loop = loop;
        this.channel = channel;
        peer = describe(channel.remoteAddress());
        binding = newBinding.apply(this);
        batch = binding.newBatch(channel.alloc());
        reads = channel.config().getRecvByteBufAllocator() instanceof TunnelReads own ? own : null;
    }

    /**
     * Over a WebSocket.
     *
     * @param isDialler whether this side dialled, and so is the WebSocket client
     */
    static NettyTransport overWebSocket(NettyLoop loop, Channel channel, WebSocketWriter writer, boolean isDialler) {
        return new NettyTransport(loop, channel, transport -> new WebSocketBinding(transport, writer, !isDialler));
    }

    /** Frames back to back. */
    static NettyTransport ofFrames(NettyLoop loop, Channel channel, boolean isDialler) {
        return new NettyTransport(loop, channel, transport -> new FramesBinding(transport, isDialler));
    }

    // ---- Transport ----

    @Override
    public NettyLoop loop() {
        return loop;
    }

    @Override
    public String peer() {
        return peer;
    }

    @Override
    public void start(TransportListener newListener, int maxFrameBytes) {
        assert loop.inLoop();
        if (listener != null) {
            throw new IllegalStateException("started before");
        }
        decoder = new FrameDecoder(maxFrameBytes);
        listener = newListener;
        gate = new FrameGate(newListener);
        if (state != State.OPEN) {
            gate.shut();
        }
        loop.execute(this::readEarly);
    }

    @Override
    public void write(Frame frame) {
        assert loop.inLoop();
        if (state != State.OPEN) {
            FrameGate.release(frame);
            return;
        }
        long header;
        try {
            header = FrameEncoder.header(frame);
        } catch (Throwable e) {
            FrameGate.release(frame);
            throw e;
        }
        if (!batch.isEmpty() && batch.bytes() + OutboundBatch.frameBytes(header) > UNIT_BYTES) {
            sealUnit();
        }
        batch.add(header, frame);
        if (isWritable && batch.bytes() >= channel.bytesBeforeUnwritable()) {
            isWritable = false;
        }
    }

    @Override
    public void flush() {
        assert loop.inLoop();
        if (state != State.OPEN) {
            return;
        }
        sealUnit();
        isFlushing = true;
        channel.flush();
        isFlushing = false;
        if (!isWritable && channel.isWritable()) {
            isWritable = true;
            loop.execute(tellWritable);
        }
    }

    @Override
    public boolean isWritable() {
        return isWritable && state == State.OPEN;
    }

    @Override
    public void close(ErrorCode code, String reason) {
        assert loop.inLoop();
        if (state == State.OPEN) {
            sayGoodbye(binding.goodbye(channel.alloc(), code, reason));
        }
    }

    Channel channel() {
        return channel;
    }

    // ---- what the binding has read ----

    /** The next bytes of a unit; taken. */
    void onBytes(Payload taken) {
        FrameGate open = gate;
        FrameDecoder frames = decoder;
        if (open == null || frames == null || !open.isOpen()) {
            taken.release();
            return;
        }
        try {
            frames.decode(taken, open);
            if (reads != null) {
                reads.missing(frames.missingBytes());
            }
        } catch (ProtocolException breach) {
            // The frames are broken but the units are not: the binding reads on, to see the peer's goodbye.
            open.onBreach(breach);
        }
    }

    /** A unit is complete, and so must be the frames in it. */
    void onUnitEnd() {
        if (gate != null && gate.isOpen() && decoder != null && !decoder.isBetweenFrames()) {
            gate.onBreach(
                    ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, "a WebSocket message that ends within a frame"));
        }
    }

    /** The peer said goodbye: it sends nothing more and wants nothing more. */
    void onPeerClosed(@Nullable Throwable why) {
        if (state == State.OPEN) {
            cause = why;
            sayGoodbye(binding.echo(channel.alloc()));
        }
        // Behind what was just written, if anything was.
        closeWhenWritten();
    }

    // ---- the channel ----

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        if (!(msg instanceof ByteBuf bytes)) {
            // The end of the HTTP request or response that made this a WebSocket.
            ReferenceCountUtil.release(msg);
        } else if (!early.isEmpty() || gate == null && state == State.OPEN) {
            early.add(bytes);
        } else {
            receive(bytes);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reply();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (!channel.isWritable()) {
            isWritable = false;
        } else if (!isFlushing && !isWritable) {
            isWritable = true;
            tellWritable();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (state == State.OPEN && cause == null && !isInputComplete()) {
            cause = new IOException("the connection to " + peer + " was lost" + binding.hintOfLoss());
        }
        shut(State.CLOSED);
        batch.release();
        early.forEach(ReferenceCountUtil::release);
        early.clear();
        if (goodbyeTimer != null) {
            goodbyeTimer.cancel();
        }
        tellClosed();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        // Within TLS the end of what the peer sends is this; what it is over need not end as well.
        if (event == SslCloseCompletionEvent.SUCCESS && binding.endsWithInput()) {
            channel.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable error) {
        fail(error);
    }

    // ---- inside ----

    private void readEarly() {
        for (ByteBuf bytes = early.poll(); bytes != null; bytes = early.poll()) {
            receive(bytes);
        }
        reply();
        if (state == State.CLOSED) {
            tellClosed();
        } else {
            channel.config().setAutoRead(true);
        }
    }

    private void receive(ByteBuf bytes) {
        try {
            if (gate != null) {
                gate.onBytesReceived();
            }
        } catch (RuntimeException | Error error) {
            // Whatever comes is dropped from here on.
            fail(error);
        }
        try {
            binding.read(bytes);
        } catch (ProtocolException breach) {
            if (gate != null) {
                gate.onBreach(breach);
            }
        } catch (RuntimeException | Error error) {
            fail(error);
        }
    }

    /** Gives the channel one unit of all that was written. */
    private void sealUnit() {
        if (batch.isEmpty()) {
            return;
        }
        binding.frame(batch);
        for (int i = 0; i < batch.segments(); i++) {
            channel.write(batch.segment(i), channel.voidPromise());
        }
        batch.reset();
    }

    /** Answers pings, unless so much waits to be sent that the answer had better wait too. */
    private void reply() {
        if (state != State.OPEN || !channel.isWritable()) {
            return;
        }
        ByteBuf reply = binding.takeReply(channel.alloc());
        if (reply != null) {
            channel.write(reply, channel.voidPromise());
            loop.flushLater(channel);
        }
    }

    private void sayGoodbye(@Nullable ByteBuf goodbye) {
        sealUnit();
        shut(State.CLOSING);
        goodbyeTimer = loop.schedule(channel::close, GOODBYE_NANOS);
        if (goodbye == null) {
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(RefusedHandler.SAY_NO_MORE);
        } else {
            channel.writeAndFlush(goodbye, channel.voidPromise());
        }
        if (gate == null) {
            // Nobody has started this: what comes is read all the same, and dropped.
            loop.execute(this::readEarly);
        }
    }

    /** Whether the peer has sent all that it meant to, now that nothing more comes. */
    private boolean isInputComplete() {
        return binding.endsWithInput()
                && gate != null
                && gate.hasHeardGoAway()
                && decoder != null
                && decoder.isBetweenFrames();
    }

    /** Closes behind all that was written; the timer sees to it that this happens. */
    private void closeWhenWritten() {
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> channel.close());
    }

    private void fail(Throwable error) {
        NettyLoop.tellIfOutOfMemory(error);
        if (state == State.OPEN) {
            cause = error;
            shut(State.CLOSING);
        }
        channel.close();
    }

    private void shut(State newState) {
        state = newState;
        if (gate != null) {
            gate.shut();
        }
    }

    private void tellWritable() {
        reply();
        if (listener != null && isWritable()) {
            try {
                listener.onWritable();
            } catch (RuntimeException | Error error) {
                fail(error);
            }
        }
    }

    private void tellClosed() {
        if (gate != null) {
            gate.onClosed(cause);
        }
    }

    /** Host and port of a peer, for people. */
    static String describe(SocketAddress address) {
        return address instanceof InetSocketAddress internet
                ? NetUtil.toSocketAddressString(internet)
                : String.valueOf(address);
    }

    @Override
    public String toString() {
        return "transport to " + peer + ", " + state;
    }
}
