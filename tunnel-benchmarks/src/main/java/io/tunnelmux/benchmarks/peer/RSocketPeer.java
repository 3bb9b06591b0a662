package io.tunnelmux.benchmarks.peer;

import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.rsocket.Payload;
import io.rsocket.RSocket;
import io.rsocket.SocketAcceptor;
import io.rsocket.core.RSocketConnector;
import io.rsocket.core.RSocketServer;
import io.rsocket.frame.decoder.PayloadDecoder;
import io.rsocket.transport.netty.client.TcpClientTransport;
import io.rsocket.transport.netty.server.CloseableChannel;
import io.rsocket.transport.netty.server.TcpServerTransport;
import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpClient;
import reactor.netty.tcp.TcpServer;

/** A side that speaks RSocket over TCP, see {@link RSocketStream}. */
final class RSocketPeer implements Peer {
    private final PeerLoop loop;
    private final StreamLimit limit;
    private final InetSocketAddress address;

    private RSocketPeer(PeerLoop loop, StreamLimit limit, InetSocketAddress address) {
        this.loop = loop;
        this.limit = limit;
        this.address = address;
    }

    /** As {@link PeerKind#back}. */
    static Peer back(InetSocketAddress upstream) throws IOException {
        StreamLimit limit = new StreamLimit();
        PeerLoop loop = new PeerLoop();
        try {
            CloseableChannel server = RSocketServer.create(SocketAcceptor.with(new Upstreams(loop, limit, upstream)))
                    .payloadDecoder(PayloadDecoder.ZERO_COPY)
                    .bindNow(TcpServerTransport.create(TcpServer.create()
                            .runOn(new OneLoop(loop))
                            .bindAddress(PeerRelay::freePort)
                            .childOption(ChannelOption.TCP_NODELAY, true)));
            return new RSocketPeer(loop, limit, server.address());
        } catch (RuntimeException e) {
            loop.close();
            throw new IOException("cannot listen for RSocket", e);
        }
    }

    /** As {@link PeerKind#front}. */
    static Peer front(InetSocketAddress tunnel) throws IOException {
        StreamLimit limit = new StreamLimit();
        PeerLoop loop = new PeerLoop();
        try {
            RSocket rsocket = connect(loop, tunnel);
            return new RSocketPeer(loop, limit, loop.listen(client -> {
                if (limit.tryBegin()) {
                    RSocketStream stream = RSocketStream.front(client, loop.loop(), limit);
                    stream.take(rsocket.requestChannel(stream));
                } else {
                    client.close();
                }
            }));
        } catch (IOException e) {
            loop.close();
            throw e;
        }
    }

    private static RSocket connect(PeerLoop loop, InetSocketAddress tunnel) throws IOException {
        try {
            return Objects.requireNonNull(RSocketConnector.create()
                    .payloadDecoder(PayloadDecoder.ZERO_COPY)
                    .connect(TcpClientTransport.create(TcpClient.create()
                            .runOn(new OneLoop(loop))
                            .remoteAddress(() -> tunnel)
                            .option(ChannelOption.TCP_NODELAY, true)))
                    .block());
        } catch (RuntimeException e) {
            throw new IOException("cannot connect to " + tunnel, e);
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

    /** What the back answers with: a connection to the upstream for each channel. */
    private record Upstreams(PeerLoop loop, StreamLimit limit, InetSocketAddress upstream) implements RSocket {

        @Override
        public Flux<Payload> requestChannel(Publisher<Payload> payloads) {
            if (!limit.tryBegin()) {
                return Flux.error(new IOException("too many streams"));
            }
            RSocketStream stream = RSocketStream.back(loop.dial(upstream), loop.loop(), limit);
            return stream.doOnSubscribe(subscribed -> stream.take(payloads));
        }
    }

    /** Keeps RSocket's own channels on the loop of the sockets, so that no byte changes threads. */
    private record OneLoop(PeerLoop loop) implements LoopResources {

        @Override
        public EventLoopGroup onServer(boolean useNative) {
            return loop.loop().eventLoop();
        }

        @Override
        public <C extends Channel> C onChannel(Class<C> type, EventLoopGroup group) {
            boolean isServer = ServerChannel.class.isAssignableFrom(type);
            if (loop.loops().mode() == IoMode.EPOLL) {
                return type.cast(isServer ? new EpollServerSocketChannel() : new EpollSocketChannel());
            }
            return type.cast(isServer ? new NioServerSocketChannel() : new NioSocketChannel());
        }

        @Override
        public <C extends Channel> Class<? extends C> onChannelClass(Class<C> type, EventLoopGroup group) {
            return onChannel(type, group).getClass().asSubclass(type);
        }
    }
}
