package io.tunnelmux.benchmarks.peer;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.channel.socket.ChannelInputShutdownEvent;
import io.grpc.netty.shaded.io.netty.channel.socket.DuplexChannel;

/**
 * A {@link PeerSocket} of the Netty that is inside of gRPC, so that it can share a loop with gRPC's connection: no class of one is a class of the
 * other. All on the loop that the channel belongs to.
 */
final class GrpcSocket extends ChannelInboundHandlerAdapter {

    /** As {@link PeerSocket.Listener}. */
    interface Listener {

        /**
         * Bytes have come; at most one piece after reading was stopped.
         *
         * @param taken never empty
         */
        void onBytes(ByteBuf taken);

        /** No more bytes will come. */
        void onInputEnd();

        /** It has come to hold more than its high-water mark, or less than its low one. */
        void onWritabilityChanged();

        /** Exactly once, last. */
        void onClosed(boolean isClean);
    }

    private final Channel channel;
    private final Listener listener;
    private boolean isInputEnded;
    private boolean isOutputEnded;
    private boolean isFlushDue;

    private GrpcSocket(Channel channel, Listener listener) {
        this.channel = channel;
        this.listener = listener;
    }

    /**
     * Attaches a channel to a stream.
     *
     * @param channel connected or about to be
     */
    static GrpcSocket attach(Channel channel, Listener listener) {
        GrpcSocket socket = new GrpcSocket(channel, listener);
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
        if (channel.isActive() && !isFlushDue) {
            isFlushDue = true;
            channel.eventLoop().execute(() -> {
                isFlushDue = false;
                channel.flush();
            });
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
        flush();
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
        listener.onWritabilityChanged();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        // A client or an upstream that resets its connection is no news; the other end hears of it as an abort.
        abort();
    }
}
