package io.tunnelmux.benchmarks.peer;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.rsocket.Payload;
import io.rsocket.util.ByteBufPayload;
import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;

/**
 * One stream over RSocket: a channel of payloads both ways, each what one read of a socket brought. The socket is read as long as the other
 * side has asked for more, and that side asks for more as long as its own socket takes it. The first payload of a front has no bytes: it is what
 * opens a channel, and a client may be one that waits for the upstream to speak first. On the loop of the socket.
 */
final class RSocketStream extends Flux<Payload> implements Subscription, PeerSocket.Listener {
    /** Payloads that may be under way to a socket, each at most a read buffer long: about 1 MiB. */
    private static final int CREDIT = 16;

    private final PeerSocket socket;
    private final StreamLimit limit;
    private final Inbound inbound = new Inbound();
    /** What came after reading was stopped: a piece, with the end of the input. It may outlast the socket. */
    private final ArrayDeque<ByteBuf> early = new ArrayDeque<>();

    private @Nullable CoreSubscriber<? super Payload> tunnel;
    private long credit;
    private boolean isOpening;
    private boolean isInputEnded;
    private boolean isOutboundOver;
    private boolean isSocketClosed;
    private boolean isForgotten;

    private RSocketStream(Channel channel, NettyLoop loop, StreamLimit limit, boolean isOpening) {
        this.limit = limit;
        this.isOpening = isOpening;
        socket = PeerSocket.attach(channel, loop, this);
        socket.setReading(false);
    }

    /** The stream of a client, to be given to a channel whose payloads {@link #take} gets. */
    static RSocketStream front(Channel client, NettyLoop loop, StreamLimit limit) {
        return new RSocketStream(client, loop, limit, true);
    }

    /** The stream of an upstream, to be the answer to a channel whose payloads {@link #take} gets. */
    static RSocketStream back(Channel upstream, NettyLoop loop, StreamLimit limit) {
        return new RSocketStream(upstream, loop, limit, false);
    }

    /** Writes to the socket what comes. Once. */
    void take(Publisher<Payload> payloads) {
        payloads.subscribe(inbound);
    }

    // From the socket to the tunnel.

    @Override
    public void subscribe(CoreSubscriber<? super Payload> subscriber) {
        tunnel = subscriber;
        subscriber.onSubscribe(this);
    }

    @Override
    public void request(long count) {
        credit = count > Long.MAX_VALUE - credit ? Long.MAX_VALUE : credit + count;
        if (isOpening && !isOutboundOver) {
            isOpening = false;
            send(Unpooled.EMPTY_BUFFER);
        }
        while (credit > 0 && !early.isEmpty() && !isOutboundOver) {
            send(early.remove());
        }
        endIfSent();
        socket.setReading(credit > 0);
    }

    private void send(ByteBuf taken) {
        credit--;
        if (tunnel == null) {
            throw new IllegalStateException("bytes before there is a channel");
        }
        tunnel.onNext(ByteBufPayload.create(taken));
    }

    private void endIfSent() {
        if (isInputEnded && early.isEmpty() && !isOutboundOver && tunnel != null) {
            isOutboundOver = true;
            tunnel.onComplete();
            forgetIfOver();
        }
    }

    private void forgetIfOver() {
        if (isSocketClosed && isOutboundOver && !isForgotten) {
            isForgotten = true;
            limit.end();
        }
    }

    @Override
    public void onBytes(ByteBuf taken) {
        if (isOutboundOver) {
            taken.release();
        } else if (credit > 0) {
            send(taken);
            socket.setReading(credit > 0);
        } else {
            early.add(taken);
        }
    }

    @Override
    public void onInputEnd() {
        isInputEnded = true;
        endIfSent();
    }

    /** The other side wants nothing more, and so has cut the stream. */
    @Override
    public void cancel() {
        isOutboundOver = true;
        dropEarly();
        socket.abort();
        forgetIfOver();
    }

    @Override
    public void onWritabilityChanged(boolean isWritable) {
        inbound.grant();
    }

    @Override
    public void onClosed(boolean isClean) {
        isSocketClosed = true;
        if (!isClean) {
            dropEarly();
            if (!isOutboundOver && tunnel != null) {
                tunnel.onError(new IOException("the connection is gone"));
            }
            isOutboundOver = true;
            inbound.cut();
        }
        forgetIfOver();
    }

    private void dropEarly() {
        early.forEach(ByteBuf::release);
        early.clear();
    }

    /** From the tunnel to the socket. */
    private final class Inbound implements CoreSubscriber<Payload> {
        private @Nullable Subscription payloads;
        private int owed;
        private boolean isOver;

        @Override
        public void onSubscribe(Subscription subscription) {
            payloads = subscription;
            subscription.request(CREDIT);
        }

        @Override
        public void onNext(Payload payload) {
            ByteBuf bytes = payload.sliceData().retain();
            payload.release();
            if (bytes.isReadable() && !isOver) {
                socket.write(bytes);
            } else {
                bytes.release();
            }
            owed++;
            grant();
        }

        /** Asks for more once half is used up, which is seldom enough, and soon enough for the sender to go on meanwhile. */
        void grant() {
            if (owed >= CREDIT / 2 && socket.isWritable() && !isOver && payloads != null) {
                int count = owed;
                owed = 0;
                payloads.request(count);
            }
        }

        @Override
        public void onComplete() {
            isOver = true;
            socket.endOutput();
        }

        @Override
        public void onError(Throwable cause) {
            // Of the whole channel: RSocket lets go of the other half by itself.
            isOver = true;
            isOutboundOver = true;
            dropEarly();
            socket.abort();
            forgetIfOver();
        }

        void cut() {
            if (!isOver && payloads != null) {
                isOver = true;
                payloads.cancel();
            }
        }
    }
}
