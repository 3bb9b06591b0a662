package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslProvider;
import io.tunnelmux.core.testing.TransportContract;
import io.tunnelmux.core.transport.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Nested;

/** The contract over real sockets: WebSockets and bare frames, plain and over TLS, on each kind of event loop, on one loop and on two, and read in bits and pieces. */
class SocketTransportTest {
    private static final Map<String, NettyLoops> LOOPS = new ConcurrentHashMap<>();

    @AfterAll
    static void closeLoops() {
        LOOPS.values().forEach(NettyLoops::close);
        LOOPS.clear();
    }

    @Nested
    class OverEpoll extends Contract {
        OverEpoll() {
            super("ws", IoMode.EPOLL, 2, null, 0);
        }
    }

    @Nested
    class OverNio extends Contract {
        OverNio() {
            super("ws", IoMode.NIO, 2, null, 0);
        }
    }

    @Nested
    class WithBothEndsOnOneLoop extends Contract {
        WithBothEndsOnOneLoop() {
            super("ws", IoMode.AUTO, 1, null, 0);
        }
    }

    @Nested
    class OverTlsOfTheJdk extends Contract {
        OverTlsOfTheJdk() {
            super("wss", IoMode.EPOLL, 2, SslProvider.JDK, 0);
        }
    }

    @Nested
    class OverTlsOfTheJdkAndNio extends Contract {
        OverTlsOfTheJdkAndNio() {
            super("wss", IoMode.NIO, 2, SslProvider.JDK, 0);
        }
    }

    @Nested
    class OverBoringSsl extends Contract {
        OverBoringSsl() {
            super("wss", IoMode.EPOLL, 2, SslProvider.OPENSSL, 0);
        }
    }

    @Nested
    class OverBoringSslInPieces extends Contract {
        OverBoringSslInPieces() {
            super("wss", IoMode.NIO, 1, SslProvider.OPENSSL, 3_000);
        }
    }

    @Nested
    class ReadInPiecesOfAnySize extends Contract {
        ReadInPiecesOfAnySize() {
            super("ws", IoMode.AUTO, 2, null, 3_000);
        }
    }

    @Nested
    class ReadInTinyPieces extends Contract {
        ReadInTinyPieces() {
            super("ws", IoMode.NIO, 2, null, 9);
        }
    }

    @Nested
    class FramesOverEpoll extends Contract {
        FramesOverEpoll() {
            super("tcp", IoMode.EPOLL, 2, null, 0);
        }
    }

    @Nested
    class FramesOverNio extends Contract {
        FramesOverNio() {
            super("tcp", IoMode.NIO, 2, null, 0);
        }
    }

    @Nested
    class FramesWithBothEndsOnOneLoop extends Contract {
        FramesWithBothEndsOnOneLoop() {
            super("tcp", IoMode.AUTO, 1, null, 0);
        }
    }

    @Nested
    class FramesOverTlsOfTheJdk extends Contract {
        FramesOverTlsOfTheJdk() {
            super("tls", IoMode.NIO, 2, SslProvider.JDK, 0);
        }
    }

    @Nested
    class FramesOverBoringSsl extends Contract {
        FramesOverBoringSsl() {
            super("tls", IoMode.EPOLL, 2, SslProvider.OPENSSL, 0);
        }
    }

    @Nested
    class FramesOverBoringSslInPieces extends Contract {
        FramesOverBoringSslInPieces() {
            super("tls", IoMode.NIO, 1, SslProvider.OPENSSL, 3_000);
        }
    }

    @Nested
    class FramesReadInTinyPieces extends Contract {
        FramesReadInTinyPieces() {
            super("tcp", IoMode.NIO, 2, null, 9);
        }
    }

    private abstract static class Contract extends TransportContract {
        private final String scheme;
        private final IoMode mode;
        private final int loopCount;
        private final SslProvider tls;
        private final int maxReadBytes;
        private NettyAcceptor acceptor;
        private List<Transport> sockets;

        /**
         * @param scheme of the URI to dial
         * @param tls null for none
         * @param maxReadBytes longest read, which then are of random size; 0 for the usual
         */
        Contract(String scheme, IoMode mode, int loopCount, SslProvider tls, int maxReadBytes) {
            this.scheme = scheme;
            this.mode = mode;
            this.loopCount = loopCount;
            this.tls = tls;
            this.maxReadBytes = maxReadBytes;
        }

        @Override
        protected Ends connect() throws Exception {
            Assumptions.assumeTrue(mode != IoMode.EPOLL || Epoll.isAvailable());
            Assumptions.assumeTrue(tls != SslProvider.OPENSSL || OpenSsl.isAvailable());
            NettyLoops loops = LOOPS.computeIfAbsent(mode + " " + loopCount, key -> NettyLoops.create(loopCount, mode));
            CompletableFuture<Transport> accepted = new CompletableFuture<>();
            acceptor = NettyAcceptor.builder(loops, (transport, token) -> accepted.complete(transport))
                    .address(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                    .admission((token, from) -> "secret".equals(token) ? null : HandshakeRefusal.unauthorized())
                    .tls(tls == null ? null : TestTls.server(tls))
                    .build();
            int port = get(acceptor.start().toCompletableFuture()).getPort();
            NettyConnector connector = NettyConnector.builder(loops.next())
                    .tls(tls == null ? null : TestTls.client(tls))
                    .build();
            boolean isWebSocket = scheme.startsWith("ws");
            URI gateway = URI.create(scheme + "://localhost:" + port + (isWebSocket ? "/tunnel" : ""));
            Transport dialled = get(connector.connect(gateway, "secret").toCompletableFuture());
            if (!isWebSocket) {
                on(dialled, () -> {
                    dialled.write(WithoutGreeting.greeting("secret"));
                    dialled.flush();
                });
            }
            Transport acceptedOne = get(accepted);
            if (maxReadBytes > 0) {
                readInPieces(dialled);
                readInPieces(acceptedOne);
            }
            sockets = List.of(dialled, acceptedOne);
            return new Ends(dialled, isWebSocket ? acceptedOne : new WithoutGreeting(acceptedOne));
        }

        @Override
        protected void disconnect() throws Exception {
            acceptor.close();
            for (Transport end : sockets) {
                Channel channel = ((NettyTransport) end).channel();
                assertThat(channel.closeFuture().await(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                        .isTrue();
                // The handlers hear of it in a later turn.
                on(end, () -> {});
            }
        }

        @Override
        protected int bulkBytes() {
            return maxReadBytes == 0 ? super.bulkBytes() : 100 * maxReadBytes + 20_000;
        }

        private void readInPieces(Transport transport) throws Exception {
            RandomReads reads = new RandomReads(maxReadBytes, new Random().nextLong());
            on(transport, () -> ((NettyTransport) transport).channel().config().setRecvByteBufAllocator(reads));
        }

        private static <T> T get(CompletableFuture<T> future) throws Exception {
            return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
    }

    /** Reads pieces of random sizes. */
    private static final class RandomReads extends DefaultMaxMessagesRecvByteBufAllocator {
        private final int maxBytes;
        private final Random random;

        RandomReads(int maxBytes, long seed) {
            this.maxBytes = maxBytes;
            random = new Random(seed);
        }

        @Override
        @SuppressWarnings("deprecation")
        public Handle newHandle() {
            return new MaxMessageHandle() {
                @Override
                public int guess() {
                    return 1 + random.nextInt(maxBytes);
                }

                @Override
                public ByteBuf allocate(ByteBufAllocator allocator) {
                    int length = guess();
                    return allocator.ioBuffer(length, length);
                }
            };
        }
    }
}
