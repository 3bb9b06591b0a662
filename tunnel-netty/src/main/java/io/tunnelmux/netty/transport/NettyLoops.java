package io.tunnelmux.netty.transport;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SingleThreadEventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.util.IdentityHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A fixed number of event loops and the kind of socket that goes with them. What is to work together without crossing threads (a tunnel
 * and the sockets routed through it) belongs on one loop: take {@link #next} for the first, and that one's loop for the others.
 *
 * <p>The threads are daemons. Any thread may call any method.
 */
public final class NettyLoops implements AutoCloseable {
    /** A tunnel's channel with less than this waiting is writable again: little waits below the scheduler, so what is urgent overtakes. */
    public static final int LOW_WATER_BYTES = 16 * 1024;
    /** A tunnel's channel with more than this waiting is not writable. */
    public static final int HIGH_WATER_BYTES = 32 * 1024;
    /** Any other channel with more than this waiting is not writable, until half of it has gone: room for two frames, as one would always fill it. */
    public static final int WRITE_BUFFER_BYTES = 128 * 1024;
    /** The longest buffer that a socket is read into, with its headroom. */
    public static final int READ_BUFFER_BYTES = HeadroomAllocator.MAX_BYTES;
    /** No read buffer may be shorter. */
    public static final int LEAST_READ_BUFFER_BYTES = HeadroomAllocator.FIRST_BYTES;

    /** What of a tunnel may wait in the kernel to be sent, where that can be told; beside it there is what is under way. */
    private static final long UNSENT_BYTES = 32 * 1024;

    /** Netty's adaptive allocator, its default, asks the system for memory for every other read of 64 KiB. */
    private static final ByteBufAllocator ALLOCATOR = PooledByteBufAllocator.DEFAULT;

    private static final int BACKLOG = 1_024;
    private static final long SHUTDOWN_SECONDS = 5;

    private final NativeIo io;
    private final EventLoopGroup group;
    private final IdentityHashMap<EventExecutor, NettyLoop> loops = new IdentityHashMap<>();
    private final AtomicBoolean isClosed = new AtomicBoolean();

    private NettyLoops(int count, NativeIo io) {
        this.io = io;
        group = new MultiThreadIoEventLoopGroup(
                count, new DefaultThreadFactory("tunnelmux-loop", true), io.handlerFactory());
        for (EventExecutor executor : group) {
            loops.put(executor, new NettyLoop(this, (EventLoop) executor));
        }
    }

    /**
     * Makes loops, each with a thread of its own that starts when it is first used.
     *
     * @param count at least 1; a tunnel never uses more than one of them
     * @throws IllegalArgumentException if {@code count} is less than 1
     * @throws UnsupportedOperationException if {@code mode} is not available here, with the reason as its cause
     */
    public static NettyLoops create(int count, IoMode mode) {
        if (count < 1) {
            throw new IllegalArgumentException("count: " + count);
        }
        return new NettyLoops(count, NativeIo.of(mode));
    }

    /** The loops in turn. */
    public NettyLoop next() {
        return of(group.next());
    }

    /**
     * The loop of an event loop.
     *
     * @throws IllegalArgumentException if it is none of these
     */
    public NettyLoop of(EventLoop eventLoop) {
        NettyLoop loop = loops.get(eventLoop);
        if (loop == null) {
            throw new IllegalArgumentException("not one of these loops: " + eventLoop);
        }
        return loop;
    }

    /** Completes when each loop has run a task. Fails if they are closed. */
    public CompletionStage<?> turn() {
        CompletableFuture<?>[] turned = loops.values().stream()
                .map(loop -> {
                    try {
                        return CompletableFuture.runAsync(() -> {}, loop);
                    } catch (RejectedExecutionException e) {
                        return CompletableFuture.failedFuture(e);
                    }
                })
                .toArray(CompletableFuture<?>[]::new);
        return CompletableFuture.allOf(turned);
    }

    /** How many there are. */
    public int size() {
        return loops.size();
    }

    /** The kind that was chosen; never {@link IoMode#AUTO}. */
    public IoMode mode() {
        return io.mode();
    }

    /**
     * Dials sockets that live on {@code loop}, with the options that every socket here has: no delay, keep-alive, the water marks, read buffers with
     * room for headers in front, and half-close (the end of input does not close the channel, but comes as
     * {@link io.netty.channel.socket.ChannelInputShutdownEvent}).
     */
    public Bootstrap bootstrap(NettyLoop loop) {
        Bootstrap bootstrap = new Bootstrap()
                .group(loop.eventLoop())
                .channel(io.socketType())
                .option(ChannelOption.ALLOCATOR, ALLOCATOR)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, waterMark(WRITE_BUFFER_BYTES))
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new HeadroomAllocator(READ_BUFFER_BYTES));
        io.socketOptions().forEach(bootstrap::option);
        return bootstrap;
    }

    /** Accepts sockets onto these loops in turn, with the options of {@link #bootstrap}. */
    public ServerBootstrap serverBootstrap() {
        return serverBootstrap(READ_BUFFER_BYTES, WRITE_BUFFER_BYTES);
    }

    /**
     * As the other, with buffers of another size.
     *
     * @param readBufferBytes the longest piece that is read from a socket, with 24 bytes of headroom; at least 2,048
     * @param writeBufferBytes with so many bytes waiting, a socket counts as full until no more than half as many wait
     */
    public ServerBootstrap serverBootstrap(int readBufferBytes, int writeBufferBytes) {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(group)
                .channel(io.serverType())
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.ALLOCATOR, ALLOCATOR)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, waterMark(writeBufferBytes))
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, new HeadroomAllocator(readBufferBytes));
        io.socketOptions().forEach(bootstrap::childOption);
        return bootstrap;
    }

    /**
     * Makes a channel a tunnel's: one in front of which little waits, here and in the kernel. Without this a slow link would have megabytes queued there, which
     * nothing urgent can overtake.
     */
    void limitUnsent(Channel channel) {
        channel.config().setWriteBufferWaterMark(waterMark(HIGH_WATER_BYTES));
        ChannelOption<Long> limit = io.unsentLimit();
        if (limit != null) {
            channel.config().setOption(limit, UNSENT_BYTES);
        }
    }

    /** Ends all loops and closes their channels. Returns when that is done, at the latest after ten seconds; at once on a loop. */
    @Override
    public void close() {
        if (isClosed.getAndSet(true)) {
            return;
        }
        for (EventExecutor executor : loops.keySet()) {
            SingleThreadEventLoop loop = (SingleThreadEventLoop) executor;
            loop.execute(() -> loop.executeAfterEventLoopIteration(() -> shutDown(loop)));
        }
        if (loops.keySet().stream().noneMatch(EventExecutor::inEventLoop)) {
            group.terminationFuture().awaitUninterruptibly(2 * SHUTDOWN_SECONDS, TimeUnit.SECONDS);
        }
    }

    /**
     * Begins the shutdown at the very end of a turn. Netty looks only in the middle of a turn whether it is time to close the channels, and
     * ends the loop at the end of it; so a loop could end with its channels open. With a task to do and a time of quiet to observe, be it
     * the shortest, it takes one more turn.
     */
    private static void shutDown(SingleThreadEventLoop loop) {
        loop.shutdownGracefully(1, TimeUnit.SECONDS.toNanos(SHUTDOWN_SECONDS), TimeUnit.NANOSECONDS);
        loop.execute(() -> {});
    }

    private static WriteBufferWaterMark waterMark(int highBytes) {
        return new WriteBufferWaterMark(highBytes / 2, highBytes);
    }
}
