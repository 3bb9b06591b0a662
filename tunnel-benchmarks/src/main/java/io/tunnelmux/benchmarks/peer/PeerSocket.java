package io.tunnelmux.benchmarks.peer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.tunnelmux.netty.transport.NettyLoop;

/**
 * The TCP connection at one end of a stream: a client's at the front, the upstream's at the back. It may be written to before it is
 * connected. Once both of its halves have ended it closes. All on the loop that the channel belongs to.
 */
final class PeerSocket extends ChannelInboundHandlerAdapter {

    /** What it tells the stream behind it. */
    interface Listener {

        /**
         * Bytes have come; at most one piece after reading was stopped.
         *
         * @param taken never empty
         */
        void onBytes(ByteBuf taken);

        /** No more bytes will come. Once; not after {@link #onClosed}. */
        void onInputEnd();

        /** It has come to hold more than its high-water mark, or less than its low one. */
        void onWritabilityChanged(boolean isWritable);

        /**
         * Exactly once, last.
         *
         * @param isClean whether both halves had ended
         */
        void onClosed(boolean isClean);
    }

    private final Channel channel;
    private final NettyLoop loop;
    private final Listener listener;
    private boolean isInputEnded;
    private boolean isOutputEnded;

    private PeerSocket(Channel channel, NettyLoop loop, Listener listener) {
        this.channel = channel;
        this.loop = loop;
        this.listener = listener;
    }

    /**
     * Attaches a channel to a stream.
     *
     * @param channel on {@code loop}, connected or about to be
     */
    static PeerSocket attach(Channel channel, NettyLoop loop, Listener listener) {
        PeerSocket socket = new PeerSocket(channel, loop, listener);
        channel.pipeline().addLast(socket);
        channel.closeFuture().addListener(closed -> listener.onClosed(socket.isInputEnded && socket.isOutputEnded));
        return socket;
    }

    /** Writes {@code taken}, at the latest at the end of the loop's turn. */
    void write(ByteBuf taken) {
        channel.write(taken, channel.voidPromise());
        flush();
    }

    private void flush() {
        if (channel.isActive()) {
            loop.flushLater(channel);
        }
    }

    /** Whether it holds little enough to be written to. */
    boolean isWritable() {
        return channel.isWritable();
    }

    /** Whether bytes are wanted. */
    void setReading(boolean isReading) {
        channel.config().setAutoRead(isReading);
    }

    /** Ends the output behind what was written. */
    void endOutput() {
        channel.write(Unpooled.EMPTY_BUFFER).addListener((ChannelFutureListener) written -> {
            if (written.isSuccess()) {
                isOutputEnded = true;
                ((DuplexChannel) channel).shutdownOutput();
                closeIfEnded();
            }
        });
        flush();
    }

    /** Cuts the connection, so that its peer cannot take that for an end. */
    void abort() {
        if (channel.isOpen()) {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            channel.close();
        }
    }

    private void closeIfEnded() {
        if (isInputEnded && isOutputEnded) {
            channel.close();
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        loop.flushLater(channel);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        listener.onBytes((ByteBuf) message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent && !isInputEnded) {
            isInputEnded = true;
            listener.onInputEnd();
            closeIfEnded();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        listener.onWritabilityChanged(channel.isWritable());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        // A client or an upstream that resets its connection is no news; the other end hears of it as an abort.
        abort();
    }
}
