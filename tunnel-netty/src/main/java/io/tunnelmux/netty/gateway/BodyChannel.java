package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.AbstractChannel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelMetadata;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultChannelConfig;
import io.netty.channel.EventLoop;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * An application's end of an exchange as a channel, so that streams are joined to it as to any other: what is read is what the application publishes,
 * and what is written waits until its subscriber asks. Demand is writability and reading is demand; nothing else is buffered.
 *
 * <pre>
 * application                          channel
 * request body: Publisher → onNext   → channelRead
 *               request(1)           ← read
 *               onComplete           → ChannelInputShutdownEvent
 * response body: Subscriber.onNext   ← write of a buffer, as far as request(n) goes
 *                onComplete          ← shutdownOutput
 *                onError             ← close before that
 *                cancel              → close
 * </pre>
 *
 * On its loop, but for what the application calls.
 */
final class BodyChannel extends AbstractChannel implements DuplexChannel, Flow.Publisher<ByteBuffer> {

    private static final ChannelMetadata METADATA = new ChannelMetadata(false);
    private static final LocalAddress HERE = new LocalAddress("application");
    private static final Object END = new Object();

    private final ChannelConfig config = new DefaultChannelConfig(this);
    private final SocketAddress client;
    private @Nullable Source source;
    private @Nullable Sink sink;
    private @Nullable Throwable failure;
    private long takenBuffers;
    private boolean isReadWanted;
    private boolean isInputEnded;
    private boolean isInputFailed;
    private boolean isOutputEnded;
    private volatile boolean isOpen = true;

    /** @param client who the application acts for, if it says so */
    BodyChannel(@Nullable InetSocketAddress client) {
        super(null);
        this.client = client == null ? HERE : client;
    }

    /** Begins to read from {@code body} when somebody reads. Once at most. */
    void readFrom(Flow.Publisher<ByteBuffer> body) {
        Source begun = new Source();
        source = begun;
        try {
            body.subscribe(begun);
        } catch (RuntimeException e) {
            begun.onError(e);
        }
    }

    /** Closes, and lets the subscriber know why. */
    void fail(Throwable why) {
        failure = why;
        close();
    }

    /** Whether something was written that the subscriber has not asked for, or nobody has subscribed to. */
    boolean hasWaiting() {
        ChannelOutboundBuffer waiting = unsafe().outboundBuffer();
        return waiting != null && !waiting.isEmpty();
    }

    /** How many buffers the subscriber has got. */
    long takenBuffers() {
        return takenBuffers;
    }

    /** Whether what the application sends has ended with an error of its own. */
    boolean isInputFailed() {
        return isInputFailed;
    }

    /** Of a closed channel. */
    Throwable whyClosed() {
        return failure == null ? new IOException("the exchange is over") : failure;
    }

    @Override
    public ChannelConfig config() {
        return config;
    }

    @Override
    public boolean isOpen() {
        return isOpen;
    }

    @Override
    public boolean isActive() {
        return isOpen;
    }

    @Override
    public ChannelMetadata metadata() {
        return METADATA;
    }

    @Override
    protected AbstractUnsafe newUnsafe() {
        return new AbstractUnsafe() {
            @Override
            public void connect(SocketAddress remote, SocketAddress local, ChannelPromise promise) {
                promise.setFailure(new UnsupportedOperationException("is connected by nature"));
            }
        };
    }

    @Override
    protected boolean isCompatible(EventLoop loop) {
        return true;
    }

    @Override
    protected SocketAddress localAddress0() {
        return HERE;
    }

    @Override
    protected SocketAddress remoteAddress0() {
        return client;
    }

    @Override
    protected void doBind(SocketAddress local) {
        throw new UnsupportedOperationException("is bound by nature");
    }

    @Override
    protected void doDisconnect() {
        doClose();
    }

    @Override
    protected void doClose() {
        isOpen = false;
        if (source != null) {
            source.cancel();
        }
        if (!isOutputEnded) {
            failure = failure == null ? new IOException("the response broke off") : failure;
        }
        if (sink != null) {
            sink.end();
        }
    }

    // What the application sends.

    @Override
    protected void doBeginRead() {
        isReadWanted = true;
        if (source != null) {
            source.requestIfWanted();
        }
    }

    /** Subscribes to the request's body. Calls of the publisher come from any thread, and hop in their order, also while this moves between loops. */
    private final class Source implements Flow.Subscriber<ByteBuffer> {
        /** A buffer at most, as no more are asked for, and the end. */
        private final Queue<Runnable> signals = new ConcurrentLinkedQueue<>();

        private Flow.@Nullable Subscription subscription;
        /** Whether one is being handed on, which may bring the next. */
        private boolean isRunning;

        private void requestIfWanted() {
            if (isReadWanted && subscription != null && !isInputEnded) {
                isReadWanted = false;
                subscription.request(1);
            }
        }

        private void cancel() {
            isInputEnded = true;
            if (subscription != null) {
                subscription.cancel();
            }
        }

        private void signal(Runnable signal) {
            signals.add(signal);
            onLoop(this::runSignals);
        }

        private void runSignals() {
            if (!isRunning) {
                isRunning = true;
                for (Runnable signal = signals.poll(); signal != null; signal = signals.poll()) {
                    signal.run();
                }
                isRunning = false;
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription given) {
            signal(() -> {
                if (subscription != null || isInputEnded) {
                    given.cancel();
                    return;
                }
                subscription = given;
                requestIfWanted();
            });
        }

        @Override
        public void onNext(ByteBuffer bytes) {
            ByteBuf copy = alloc().ioBuffer(bytes.remaining()).writeBytes(bytes);
            signal(() -> {
                if (isInputEnded) {
                    copy.release();
                    return;
                }
                pipeline().fireChannelRead(copy);
                pipeline().fireChannelReadComplete();
            });
        }

        @Override
        public void onError(Throwable cause) {
            signal(() -> {
                if (!isInputEnded) {
                    isInputEnded = true;
                    isInputFailed = true;
                    fail(cause);
                }
            });
        }

        @Override
        public void onComplete() {
            signal(() -> {
                if (!isInputEnded) {
                    isInputEnded = true;
                    pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
                }
            });
        }
    }

    // What the application gets.

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        onLoop(() -> {
            Sink added = new Sink(subscriber);
            boolean isFirst = sink == null;
            if (isFirst) {
                sink = added;
            }
            subscriber.onSubscribe(added);
            if (!isFirst) {
                subscriber.onError(new IllegalStateException("a body has one subscriber"));
            } else if (!isOpen || isOutputEnded) {
                added.end();
            }
        });
    }

    @Override
    protected void doWrite(ChannelOutboundBuffer buffer) {
        for (Object message = buffer.current(); message != null; message = buffer.current()) {
            if (message == END) {
                isOutputEnded = true;
                if (sink != null) {
                    sink.end();
                }
            } else if (message instanceof ByteBuf bytes && bytes.isReadable()) {
                if (sink == null || !sink.takes(bytes)) {
                    return;
                }
            }
            buffer.remove();
        }
    }

    /** The subscription to the response's body. */
    private final class Sink implements Flow.Subscription {
        private final Flow.Subscriber<? super ByteBuffer> subscriber;
        private long demand;
        private boolean isEnded;

        private Sink(Flow.Subscriber<? super ByteBuffer> subscriber) {
            this.subscriber = subscriber;
        }

        /** Hands on what is lent, if it was asked for. */
        private boolean takes(ByteBuf bytes) {
            if (demand == 0 || isEnded) {
                return false;
            }
            demand -= demand == Long.MAX_VALUE ? 0 : 1;
            takenBuffers++;
            ByteBuffer copy = ByteBuffer.allocate(bytes.readableBytes());
            bytes.getBytes(bytes.readerIndex(), copy);
            subscriber.onNext(copy.flip());
            return true;
        }

        private void end() {
            if (!isEnded) {
                isEnded = true;
                if (isOutputEnded) {
                    subscriber.onComplete();
                } else {
                    subscriber.onError(failure);
                }
            }
        }

        @Override
        public void request(long count) {
            onLoop(() -> {
                if (isEnded || sink != this) {
                    return;
                }
                if (count <= 0) {
                    fail(new IllegalArgumentException("request(" + count + ")"));
                    return;
                }
                demand = demand + count < 0 ? Long.MAX_VALUE : demand + count;
                flush();
            });
        }

        @Override
        public void cancel() {
            onLoop(() -> {
                if (!isEnded && sink == this) {
                    isEnded = true;
                    close();
                }
            });
        }
    }

    /** Also while this moves to another loop, when it is on none: then its turn comes behind that. */
    private void onLoop(Runnable task) {
        EventLoop loop = eventLoop();
        if (loop.inEventLoop() && (isRegistered() || !isOpen)) {
            task.run();
        } else {
            loop.execute(() -> onLoop(task));
        }
    }

    // Halves.

    @Override
    public boolean isInputShutdown() {
        return isInputEnded;
    }

    @Override
    public boolean isOutputShutdown() {
        return isOutputEnded;
    }

    @Override
    public boolean isShutdown() {
        return isInputEnded && isOutputEnded;
    }

    @Override
    public ChannelFuture shutdownInput() {
        return shutdownInput(newPromise());
    }

    @Override
    public ChannelFuture shutdownInput(ChannelPromise promise) {
        if (source != null) {
            source.cancel();
        }
        return promise.setSuccess();
    }

    @Override
    public ChannelFuture shutdownOutput() {
        return shutdownOutput(newPromise());
    }

    @Override
    public ChannelFuture shutdownOutput(ChannelPromise promise) {
        return writeAndFlush(END, promise);
    }

    @Override
    public ChannelFuture shutdown() {
        return shutdown(newPromise());
    }

    @Override
    public ChannelFuture shutdown(ChannelPromise promise) {
        shutdownInput();
        return shutdownOutput(promise);
    }
}
