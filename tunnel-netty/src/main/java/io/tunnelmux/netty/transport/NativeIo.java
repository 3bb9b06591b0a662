package io.tunnelmux.netty.transport;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import org.jspecify.annotations.Nullable;

/** What belongs to one {@link IoMode}. */
record NativeIo(
        IoMode mode,
        IoHandlerFactory handlerFactory,
        Class<? extends SocketChannel> socketType,
        Class<? extends ServerSocketChannel> serverType) {

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
                IoMode.NIO, NioIoHandler.newFactory(), NioSocketChannel.class, NioServerSocketChannel.class);
    }

    private static void require(IoMode mode, @Nullable Throwable missing) {
        if (missing != null) {
            throw new UnsupportedOperationException(mode + " is not available here: " + missing.getMessage(), missing);
        }
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
                    EpollIoHandler.newFactory(),
                    EpollSocketChannel.class,
                    EpollServerSocketChannel.class);
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
                    IoUringServerSocketChannel.class);
        }
    }
}
