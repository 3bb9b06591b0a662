package io.tunnelmux.benchmarks.peer;

import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.codec.EnvelopeCodec;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** A side that speaks envelopes, see {@link EnvelopeTunnel}. */
final class EnvelopePeer implements Peer {
    private final PeerLoop loop;
    private final StreamLimit limit;
    private final InetSocketAddress address;

    private EnvelopePeer(PeerLoop loop, StreamLimit limit, InetSocketAddress address) {
        this.loop = loop;
        this.limit = limit;
        this.address = address;
    }

    /** As {@link PeerKind#back}. */
    static Peer back(MessageFormat format, InetSocketAddress upstream) throws IOException {
        EnvelopeCodec codec = EnvelopeCodec.of(format);
        StreamLimit limit = new StreamLimit();
        PeerLoop loop = new PeerLoop();
        try {
            InetSocketAddress address = loop.listen(
                    channel -> EnvelopeTunnel.join(channel, codec, loop.loop(), limit, () -> loop.dial(upstream)));
            return new EnvelopePeer(loop, limit, address);
        } catch (IOException e) {
            loop.close();
            throw e;
        }
    }

    /** As {@link PeerKind#front}. */
    static Peer front(MessageFormat format, InetSocketAddress tunnel) throws IOException {
        EnvelopeCodec codec = EnvelopeCodec.of(format);
        StreamLimit limit = new StreamLimit();
        PeerLoop loop = new PeerLoop();
        try {
            CompletableFuture<EnvelopeTunnel> joined = new CompletableFuture<>();
            loop.connect(
                    tunnel, channel -> joined.complete(EnvelopeTunnel.join(channel, codec, loop.loop(), limit, null)));
            EnvelopeTunnel front = joined.join();
            return new EnvelopePeer(loop, limit, loop.listen(front::open));
        } catch (IOException e) {
            loop.close();
            throw e;
        }
    }

    @Override
    public InetSocketAddress address() {
        return address;
    }

    @Override
    public boolean awaitNoStreams(Duration atMost) throws InterruptedException {
        return limit.awaitNone(atMost);
    }

    @Override
    public void close() {
        loop.close();
    }
}
