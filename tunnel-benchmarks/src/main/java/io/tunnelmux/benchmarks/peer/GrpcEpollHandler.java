package io.tunnelmux.benchmarks.peer;

import io.grpc.netty.shaded.io.netty.channel.IoEvent;
import io.grpc.netty.shaded.io.netty.channel.IoHandle;
import io.grpc.netty.shaded.io.netty.channel.IoHandler;
import io.grpc.netty.shaded.io.netty.channel.IoHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.IoHandlerFactory;
import io.grpc.netty.shaded.io.netty.channel.IoOps;
import io.grpc.netty.shaded.io.netty.channel.IoRegistration;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoEvent;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandle;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoOps;
import io.grpc.netty.shaded.io.netty.channel.unix.FileDescriptor;
import io.grpc.netty.shaded.io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.ArrayList;
import java.util.List;

/**
 * Epoll of the Netty that is inside of gRPC, with sockets that stay with it while they want nothing. That Netty (4.2.17) takes a socket whose
 * peer has ended its side out of the epoll set, and cuts the connection the next time that a write must wait. So such a socket is left in, for
 * nothing but errors, and those edge-triggered; and a socket is told nothing that was reported before it was there. Both as a tunnel's own loops do. On the
 * loop's thread.
 */
final class GrpcEpollHandler implements IoHandler {

    private final IoHandler epoll;
    /** Registered since the events of the present run were fetched. */
    private final List<Registration> fresh = new ArrayList<>();

    private boolean isRunning;

    private GrpcEpollHandler(IoHandler epoll) {
        this.epoll = epoll;
    }

    static IoHandlerFactory newFactory() {
        IoHandlerFactory factory = EpollIoHandler.newFactory();
        return new IoHandlerFactory() {
            @Override
            public IoHandler newHandler(ThreadAwareExecutor executor) {
                return new GrpcEpollHandler(factory.newHandler(executor));
            }

            @Override
            public boolean isChangingThreadSupported() {
                return factory.isChangingThreadSupported();
            }
        };
    }

    @Override
    public void initialize() {
        epoll.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
        isRunning = true;
        try {
            return epoll.run(context);
        } finally {
            isRunning = false;
            fresh.forEach(registration -> registration.isFresh = false);
            fresh.clear();
        }
    }

    @Override
    public void prepareToDestroy() {
        epoll.prepareToDestroy();
    }

    @Override
    public void destroy() {
        epoll.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        Registration registration = new Registration((EpollIoHandle) handle);
        registration.epoll = epoll.register(registration);
        if (isRunning) {
            registration.isFresh = true;
            fresh.add(registration);
        }
        return registration;
    }

    @Override
    public void wakeup() {
        epoll.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return epoll.isCompatible(handleType);
    }

    /** Stands between a channel and its place in the epoll set, in both directions. */
    private static final class Registration implements IoRegistration, EpollIoHandle {

        private final EpollIoHandle channel;
        private IoRegistration epoll;
        private boolean wantsNothing;
        /** Events of this run were another's, which had the same descriptor. */
        private boolean isFresh;

        @SuppressWarnings("NullAway.Init") // There is nothing to submit before it is registered.
        Registration(EpollIoHandle channel) {
            this.channel = channel;
        }

        @Override
        public long submit(IoOps ops) {
            wantsNothing = ((EpollIoOps) ops).value() == EpollIoOps.NONE.value();
            return epoll.submit(wantsNothing ? EpollIoOps.EPOLLET : ops);
        }

        @Override
        @SuppressWarnings("TypeParameterUnusedInFormals") // Netty's.
        public <T> T attachment() {
            return epoll.attachment();
        }

        @Override
        public boolean isValid() {
            return epoll.isValid();
        }

        @Override
        public boolean cancel() {
            return epoll.cancel();
        }

        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            if (isFresh) {
                return;
            }
            if (wantsNothing && ((EpollIoEvent) event).ops().contains(EpollIoOps.EPOLLERR)) {
                close();
            } else {
                channel.handle(this, event);
            }
        }

        @Override
        public FileDescriptor fd() {
            return channel.fd();
        }

        @Override
        public void registered() {
            channel.registered();
        }

        @Override
        public void unregistered() {
            channel.unregistered();
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (Exception e) {
                throw new IllegalStateException("channels do not throw when they are closed", e);
            }
        }
    }
}
