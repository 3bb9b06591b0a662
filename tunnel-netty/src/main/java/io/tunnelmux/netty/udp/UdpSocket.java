package io.tunnelmux.netty.udp;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.DatagramPacket;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A socket for datagrams, as Netty has it, and with datagrams of no bytes, which Netty does not send, and with epoll does not receive on sockets that it has
 * connected itself.
 *
 * <p>On its loop, but for {@link #open}, which any thread may call.
 */
public final class UdpSocket {

    /** What comes. On the loop. */
    public interface Receiver {
        /**
         * A datagram came.
         *
         * @param bytes taken; 0 to {@value #MAX_BYTES} of them
         */
        void onDatagram(ByteBuf bytes, InetSocketAddress from);

        /** A datagram could not be sent, or did not arrive, as far as one is told: the socket goes on. */
        void onFailure(IOException cause);
    }

    /** No datagram has more. */
    public static final int MAX_BYTES = 65_535;

    private static final Logger LOG = LoggerFactory.getLogger(UdpSocket.class);

    /** What waits for a kernel that takes nothing; with less waiting, there is room for two of the longest. */
    private static final int LOW_WATER_BYTES = 128 * 1024;

    private static final int HIGH_WATER_BYTES = 256 * 1024;

    private final Channel channel;
    private final NettyLoop loop;
    private final KernelSocket kernel;
    private final Handler handler;

    private UdpSocket(Channel channel, NettyLoop loop, KernelSocket kernel, Handler handler) {
        this.channel = channel;
        this.loop = loop;
        this.kernel = kernel;
        this.handler = handler;
    }

    /**
     * Opens a socket.
     *
     * @param loops where {@code loop} is from
     * @param at where it is bound; port 0 is any free one
     * @return completes on {@code loop}; or fails with an {@link IOException} that says why not
     */
    public static CompletionStage<UdpSocket> open(
            NettyLoops loops, NettyLoop loop, InetSocketAddress at, Receiver receiver) {
        CompletableFuture<UdpSocket> opened = new CompletableFuture<>();
        KernelSocket kernel = KernelSocket.of(loops.mode());
        Handler handler = new Handler(receiver);
        ChannelFactory<Channel> factory = kernel::newChannel;
        new Bootstrap()
                .group(loop.eventLoop())
                .channelFactory(factory)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(MAX_BYTES))
                .option(
                        ChannelOption.WRITE_BUFFER_WATER_MARK,
                        new WriteBufferWaterMark(LOW_WATER_BYTES, HIGH_WATER_BYTES))
                .handler(handler)
                .bind(at)
                .addListener((ChannelFutureListener) bound -> {
                    if (bound.isSuccess()) {
                        opened.complete(new UdpSocket(bound.channel(), loop, kernel, handler));
                    } else {
                        Throwable cause = bound.cause();
                        opened.completeExceptionally(
                                cause instanceof IOException ? cause : new IOException(cause.toString(), cause));
                    }
                });
        return opened;
    }

    /** Where it is bound. */
    public InetSocketAddress address() {
        return (InetSocketAddress) channel.localAddress();
    }

    /** Lets nothing in any more but what comes from this address. From here on {@link Receiver#onFailure} is also told that
     * nobody listens there, but not with the JDK's sockets. */
    public void receiveOnlyFrom(InetSocketAddress peer) throws IOException {
        handler.peer = peer;
        kernel.connect(channel, peer);
    }

    /**
     * Sends a datagram at the end of this turn of the loop, unless too many wait already: then it is dropped.
     *
     * @param bytes taken
     * @return false if it was dropped
     */
    public boolean send(ByteBuf bytes, InetSocketAddress to) {
        if (!channel.isWritable()) {
            bytes.release();
            return false;
        }
        if (!bytes.isReadable()) {
            bytes.release();
            // It goes past what the channel has.
            channel.flush();
            try {
                return kernel.sendEmpty(channel, to);
            } catch (IOException e) {
                channel.pipeline().fireExceptionCaught(e);
                return false;
            }
        }
        channel.write(new DatagramPacket(bytes, to), channel.voidPromise());
        loop.flushLater(channel);
        return true;
    }

    /** Closes it; what waits is dropped. */
    public void close() {
        channel.close();
    }

    private static final class Handler extends ChannelInboundHandlerAdapter {
        private final Receiver receiver;
        private @Nullable InetSocketAddress peer;

        Handler(Receiver receiver) {
            this.receiver = receiver;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof DatagramPacket packet && (peer == null || peer.equals(packet.sender()))) {
                // Whatever came fills a buffer that could hold the longest.
                receiver.onDatagram(PieceQueue.compact(packet.content(), context.alloc()), packet.sender());
            } else {
                ReferenceCountUtil.release(message);
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            NettyLoop.tellIfOutOfMemory(cause);
            if (cause instanceof IOException failure) {
                receiver.onFailure(failure);
            } else {
                LOG.error("a datagram was lost socket={}", context.channel(), cause);
            }
        }
    }
}
