package io.tunnelmux.benchmarks.peer;

import io.grpc.CallOptions;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A side that speaks gRPC, see {@link GrpcStream}. */
final class GrpcPeer implements Peer {
    private static final int CONNECT_SECONDS = 10;
    private static final String SERVICE = "peer.Relay";
    private static final MethodDescriptor<ByteBuf, ByteBuf> METHOD = MethodDescriptor.<ByteBuf, ByteBuf>newBuilder()
            .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
            .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "Connect"))
            .setRequestMarshaller(new GrpcBytes())
            .setResponseMarshaller(new GrpcBytes())
            .build();

    private final GrpcLoop loop;
    private final StreamLimit limit;
    private final InetSocketAddress address;
    private final Runnable shutdown;

    private GrpcPeer(GrpcLoop loop, StreamLimit limit, InetSocketAddress address, Runnable shutdown) {
        this.loop = loop;
        this.limit = limit;
        this.address = address;
        this.shutdown = shutdown;
    }

    /** As {@link PeerKind#back}. */
    static Peer back(InetSocketAddress upstream) throws IOException {
        StreamLimit limit = new StreamLimit();
        GrpcLoop loop = new GrpcLoop();
        ServerServiceDefinition service = ServerServiceDefinition.builder(SERVICE)
                .addMethod(
                        METHOD,
                        ServerCalls.asyncBidiStreamingCall(responses -> accept(loop, limit, upstream, responses)))
                .build();
        try {
            Server server = NettyServerBuilder.forAddress(PeerRelay.freePort())
                    .bossEventLoopGroup(loop.group())
                    .workerEventLoopGroup(loop.group())
                    .channelType(loop.serverType())
                    .withChildOption(ChannelOption.TCP_NODELAY, true)
                    .directExecutor()
                    .addService(service)
                    .build()
                    .start();
            InetSocketAddress address =
                    (InetSocketAddress) server.getListenSockets().get(0);
            return new GrpcPeer(loop, limit, address, server::shutdownNow);
        } catch (IOException e) {
            loop.close();
            throw e;
        }
    }

    private static StreamObserver<ByteBuf> accept(
            GrpcLoop loop, StreamLimit limit, InetSocketAddress upstream, StreamObserver<ByteBuf> responses) {
        if (limit.tryBegin()) {
            return GrpcStream.back(loop.dial(upstream), limit, (ServerCallStreamObserver<ByteBuf>) responses);
        }
        throw Status.RESOURCE_EXHAUSTED.withDescription("too many streams").asRuntimeException();
    }

    /** As {@link PeerKind#front}. */
    static Peer front(InetSocketAddress tunnel) throws IOException {
        StreamLimit limit = new StreamLimit();
        GrpcLoop loop = new GrpcLoop();
        ManagedChannel tunnelChannel = NettyChannelBuilder.forAddress(tunnel)
                .eventLoopGroup(loop.group())
                .channelType(loop.socketType())
                .withOption(ChannelOption.TCP_NODELAY, true)
                .usePlaintext()
                .directExecutor()
                .disableRetry()
                .build();
        try {
            awaitReady(tunnelChannel, tunnel);
            InetSocketAddress address = loop.listen(client -> {
                if (limit.tryBegin()) {
                    ClientCalls.asyncBidiStreamingCall(
                            tunnelChannel.newCall(METHOD, CallOptions.DEFAULT), GrpcStream.front(client, limit));
                } else {
                    client.close();
                }
            });
            return new GrpcPeer(loop, limit, address, tunnelChannel::shutdownNow);
        } catch (IOException e) {
            tunnelChannel.shutdownNow();
            loop.close();
            throw e;
        }
    }

    private static void awaitReady(ManagedChannel channel, InetSocketAddress to) throws IOException {
        CountDownLatch settled = new CountDownLatch(1);
        watch(channel, settled);
        try {
            if (!settled.await(CONNECT_SECONDS, TimeUnit.SECONDS)
                    || channel.getState(false) != ConnectivityState.READY) {
                throw new IOException("cannot connect to " + to);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted before it was connected to " + to, e);
        }
    }

    private static void watch(ManagedChannel channel, CountDownLatch settled) {
        ConnectivityState state = channel.getState(true);
        if (state == ConnectivityState.IDLE || state == ConnectivityState.CONNECTING) {
            channel.notifyWhenStateChanged(state, () -> watch(channel, settled));
        } else {
            settled.countDown();
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
        shutdown.run();
        loop.close();
    }
}
