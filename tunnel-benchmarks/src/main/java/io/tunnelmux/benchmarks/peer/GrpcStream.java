package io.tunnelmux.benchmarks.peer;

import io.grpc.Status;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.stub.CallStreamObserver;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.ServerCallStreamObserver;
import org.jspecify.annotations.Nullable;

/**
 * One stream over gRPC: a call with messages both ways, each what one read of a socket brought. The socket is read while the call is ready for
 * more, and the next message is asked for as long as the socket takes them.
 *
 * <p>A call's client ends its half by itself. Its server cannot without ending the call, so the back ends its half with an empty message.
 *
 * <p>On the loop of the socket, which is that of gRPC's connection.
 */
final class GrpcStream implements ClientResponseObserver<ByteBuf, ByteBuf>, GrpcSocket.Listener {
    /** Messages that may be taken before the socket's word. */
    private static final int FIRST_MESSAGES = 4;

    private final GrpcSocket socket;
    private final StreamLimit limit;
    private final boolean isFront;
    private @Nullable CallStreamObserver<ByteBuf> call;
    private int owed;
    private boolean isInputEnded;
    private boolean isOutputEnded;
    private boolean isOver;

    private GrpcStream(Channel channel, StreamLimit limit, boolean isFront) {
        this.limit = limit;
        this.isFront = isFront;
        socket = GrpcSocket.attach(channel, this);
        socket.setReading(false);
    }

    /** The stream of a client, to be given to a call as its observer. */
    static GrpcStream front(Channel client, StreamLimit limit) {
        return new GrpcStream(client, limit, true);
    }

    /** The stream of an upstream, the observer of a call's requests. */
    static GrpcStream back(Channel upstream, StreamLimit limit, ServerCallStreamObserver<ByteBuf> call) {
        GrpcStream stream = new GrpcStream(upstream, limit, false);
        stream.call = call;
        call.disableAutoRequest();
        call.setOnReadyHandler(stream::onReady);
        call.setOnCancelHandler(stream::cut);
        call.request(FIRST_MESSAGES);
        return stream;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ByteBuf> started) {
        call = started;
        started.disableAutoRequestWithInitial(FIRST_MESSAGES);
        started.setOnReadyHandler(this::onReady);
    }

    // From the socket to the call.

    private void onReady() {
        socket.setReading(call != null && call.isReady());
    }

    @Override
    public void onBytes(ByteBuf taken) {
        if (isOver || call == null) {
            taken.release();
            return;
        }
        call.onNext(taken);
        if (!call.isReady()) {
            socket.setReading(false);
        }
    }

    @Override
    public void onInputEnd() {
        isInputEnded = true;
        if (isOver || call == null) {
            return;
        }
        if (isFront) {
            call.onCompleted();
        } else {
            call.onNext(Unpooled.EMPTY_BUFFER);
            completeIfEnded();
        }
    }

    private void completeIfEnded() {
        if (!isFront && isInputEnded && isOutputEnded && !isOver && call != null) {
            isOver = true;
            call.onCompleted();
        }
    }

    @Override
    public void onWritabilityChanged() {
        grant();
    }

    @Override
    public void onClosed(boolean isClean) {
        limit.end();
        if (!isClean && !isOver && call != null) {
            isOver = true;
            if (call instanceof ClientCallStreamObserver<ByteBuf> client) {
                client.cancel("the connection is gone", null);
            } else {
                call.onError(
                        Status.ABORTED.withDescription("the connection is gone").asRuntimeException());
            }
        }
    }

    // From the call to the socket.

    @Override
    public void onNext(ByteBuf taken) {
        if (taken.isReadable()) {
            socket.write(taken);
        } else {
            taken.release();
            endOutput();
        }
        owed++;
        grant();
    }

    private void grant() {
        if (owed > 0 && socket.isWritable() && !isOver && call != null) {
            int count = owed;
            owed = 0;
            call.request(count);
        }
    }

    @Override
    public void onCompleted() {
        endOutput();
        if (isFront) {
            isOver = true;
        }
        completeIfEnded();
    }

    private void endOutput() {
        if (!isOutputEnded) {
            isOutputEnded = true;
            socket.endOutput();
        }
    }

    @Override
    public void onError(Throwable cause) {
        cut();
    }

    private void cut() {
        isOver = true;
        socket.abort();
    }
}
