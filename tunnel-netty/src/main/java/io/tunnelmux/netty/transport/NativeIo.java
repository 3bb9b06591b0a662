package io.tunnelmux.netty.transport;

import io.netty.channel.ChannelOption;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What belongs to one {@link IoMode}.
 *
 * @param socketOptions of every socket that carries bytes
 * @param unsentLimit bounds what the kernel holds and has not sent yet; null where there is no such option
 */
record NativeIo(
        IoMode mode,
        IoHandlerFactory handlerFactory,
        Class<? extends SocketChannel> socketType,
        Class<? extends ServerSocketChannel> serverType,
        Map<ChannelOption<Integer>, Integer> socketOptions,
        @Nullable ChannelOption<Long> unsentLimit) {

    // A peer that is gone without a word is asked by TCP itself. It costs two packets in ten seconds of silence, and is
    // how a connection that nobody reads from, because its taker is slow, learns that it is dead.
    private static final int SECONDS_OF_SILENCE = 10;
    private static final int SECONDS_BETWEEN_PROBES = 5;
    private static final int PROBES = 3;

    /** @throws UnsupportedOperationException if the mode is not available here */
    static NativeIo of(IoMode mode) {
        return switch (mode) {
            case AUTO -> missing(OfEpoll::missing) == null ? OfEpoll.io() : nio();
            case EPOLL -> {
                require(mode, missing(OfEpoll::missing));
                yield OfEpoll.io();
            }
            case IO_URING -> {
                require(mode, missing(OfIoUring::missing));
                yield OfIoUring.io();
            }
            case NIO -> nio();
        };
    }

    private static NativeIo nio() {
        return new NativeIo(
                IoMode.NIO,
                NioIoHandler.newFactory(),
                NioSocketChannel.class,
                NioServerSocketChannel.class,
                Map.of(),
                null);
    }

    private static void require(IoMode mode, @Nullable Throwable missing) {
        if (missing != null) {
            String name = mode.name().toLowerCase(Locale.ROOT);
            throw new UnsupportedOperationException(name + " is not available here: " + reason(missing), missing);
        }
    }

    /** What is at the root of it: what is above that tells which library was not loaded, and not why. */
    private static String reason(Throwable missing) {
        Throwable root = missing;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root instanceof NoClassDefFoundError || root instanceof ClassNotFoundException
                ? "its classes are not on the class path"
                : String.valueOf(root.getMessage());
    }

    /** Asks what may not even be there: Netty's native transports are optional jars. */
    private static @Nullable Throwable missing(Probe probe) {
        try {
            return probe.missing();
        } catch (LinkageError e) {
            return e;
        }
    }

    /** Why something is not available, or null. */
    private interface Probe {
        @Nullable
        Throwable missing();
    }

    private static final class OfEpoll {
        static @Nullable Throwable missing() {
            return Epoll.unavailabilityCause();
        }

        static NativeIo io() {
            return new NativeIo(
                    IoMode.EPOLL,
                    LastingEpollHandler.newFactory(),
                    EpollSocketChannel.class,
                    EpollServerSocketChannel.class,
                    Map.of(
                            EpollChannelOption.TCP_KEEPIDLE, SECONDS_OF_SILENCE,
                            EpollChannelOption.TCP_KEEPINTVL, SECONDS_BETWEEN_PROBES,
                            EpollChannelOption.TCP_KEEPCNT, PROBES),
                    EpollChannelOption.TCP_NOTSENT_LOWAT);
        }
    }

    private static final class OfIoUring {
        static @Nullable Throwable missing() {
            return IoUring.unavailabilityCause();
        }

        static NativeIo io() {
            return new NativeIo(
                    IoMode.IO_URING,
                    IoUringIoHandler.newFactory(),
                    IoUringSocketChannel.class,
                    IoUringServerSocketChannel.class,
                    Map.of(
                            IoUringChannelOption.TCP_KEEPIDLE, SECONDS_OF_SILENCE,
                            IoUringChannelOption.TCP_KEEPINTVL, SECONDS_BETWEEN_PROBES,
                            IoUringChannelOption.TCP_KEEPCNT, PROBES),
                    IoUringChannelOption.TCP_NOTSENT_LOWAT);
        }
    }
}
