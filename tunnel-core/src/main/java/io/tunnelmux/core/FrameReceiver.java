package io.tunnelmux.core;

import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.HelloCodec;
import org.jspecify.annotations.Nullable;

/**
 * Hands on what the peer sends to the stream it is for, and judges what only a whole tunnel can judge: ids, the state of streams, credit, pieces of
 * messages. It never waits: what it owes in answer is state or a control frame of the {@link WriteScheduler}.
 */
final class FrameReceiver implements TransportListener {

    /** What the pieces of unfinished messages may hold over a whole tunnel. */
    static final int MAX_ASSEMBLED_BYTES = 16 * 1024 * 1024;

    private final Tunnel tunnel;
    private final AbuseGuard guard;
    private long receivedBytes;
    private int assembledBytes;
    private @Nullable MessageAssembler tunnelMessage;
    private int tunnelMessageBytes;
    private @Nullable MessageAssembler opening;
    /** The id of {@link #opening}; after the peer or this side gave that stream up, the id whose further pieces are dropped. */
    private int openingId;

    FrameReceiver(Tunnel tunnel) {
        this.tunnel = tunnel;
        guard = new AbuseGuard(tunnel.loop(), tunnel.config.abuseLimits());
    }

    @Override
    public void onBytesReceived() {
        tunnel.onBytesReceived();
    }

    @Override
    public void onWritable() {
        tunnel.scheduler().wake();
    }

    @Override
    public void onBreach(ProtocolException breach) {
        tunnel.end(Outcome.local(breach.code(), String.valueOf(breach.getMessage())), true);
    }

    @Override
    public void onClosed(@Nullable Throwable cause) {
        tunnel.onTransportClosed(cause);
    }

    @Override
    public void onHello(Frame.Hello frame) {
        if (tunnel.isEnded()) {
            return;
        }
        if (!tunnel.isShakingHands()) {
            onBreach(breach("a second HELLO"));
            return;
        }
        try {
            tunnel.onHello(HelloCodec.decode(frame.payload()), frame.isReply());
        } catch (ProtocolException e) {
            onBreach(e);
        } catch (RuntimeException e) {
            tunnel.onCallbackFailed(tunnel, e);
            tunnel.end(Outcome.local(ErrorCode.INTERNAL_ERROR, "the handshake failed"), true);
        }
    }

    @Override
    public void onData(Frame.Data frame) {
        Payload payload = frame.payload();
        if (cannotTake(frame)) {
            payload.release();
            return;
        }
        int length = payload.length();
        ReceiveWindow tunnelWindow = tunnel.receiveWindow;
        if (!tunnelWindow.onReceived(length)) {
            payload.release();
            onBreach(ProtocolException.tunnel(
                    ErrorCode.FLOW_CONTROL_ERROR,
                    "DATA of " + length + " bytes, credit of the tunnel " + tunnelWindow.availableBytes()));
            return;
        }
        ReceiveWindow.Due due = tunnelWindow.onTaken(length);
        if (due != ReceiveWindow.Due.NOT) {
            tunnel.scheduler().tunnelWindowDue(due == ReceiveWindow.Due.NOW);
        }
        TunnelStream stream = streamFor(frame);
        receivedBytes += length;
        if (stream == null) {
            payload.release();
        } else if (!stream.state().canReceive()) {
            payload.release();
            stream.cancel(ErrorCode.STREAM_CLOSED, "DATA behind END");
        } else if (!stream.onDataArrived(length)) {
            payload.release();
            stream.cancel(
                    ErrorCode.FLOW_CONTROL_ERROR,
                    "DATA of " + length + " bytes, credit "
                            + stream.receiving.window().availableBytes());
        } else if (stream.sending.isCloseQueued()) {
            payload.release();
            stream.consumed(length);
        } else if (!isTooMuch(guard.onData(stream.receiving, frame))) {
            stream.deliver(frame);
        } else {
            payload.release();
        }
    }

    @Override
    public void onOpen(Frame.Open frame) {
        if (cannotTake(frame)) {
            return;
        }
        int id = frame.streamId();
        if (opening != null && id != openingId) {
            onBreach(breach("OPEN of stream " + id + " between the pieces of stream " + openingId + "'s"));
            return;
        }
        StreamTable streams = tunnel.streams();
        if (id != openingId) {
            if (streams.isLocal(id) || id <= streams.lastRemoteId()) {
                onBreach(breach("OPEN of stream " + id + ", the last was " + streams.lastRemoteId()));
                return;
            }
            streams.onRemoteOpened(id);
            if (!tunnel.takesRemote(id)) {
                openingId = frame.hasMore() ? id : 0;
                return;
            }
            if (streams.remoteSize() >= tunnel.settings().maxStreams()) {
                openingId = frame.hasMore() ? id : 0;
                cancelUnopened(
                        id, ErrorCode.REFUSED, streams.remoteSize() + " streams are open, as many as are allowed");
                return;
            }
            if (!frame.hasMore()) {
                open(id, frame.payload(), frame.isEnd());
                return;
            }
            opening = new MessageAssembler();
            openingId = id;
        } else if (opening == null) {
            openingId = frame.hasMore() ? id : 0;
            return;
        }
        MessageAssembler assembler = opening;
        if (!assemble(assembler, frame.payload(), frame.isEnd())) {
            opening = null;
            assembledBytes -= assembler.length();
            openingId = frame.hasMore() ? id : 0;
            cancelUnopened(id, ErrorCode.OVERLOADED, "unfinished messages hold " + MAX_ASSEMBLED_BYTES + " bytes");
        } else if (!frame.hasMore()) {
            opening = null;
            openingId = 0;
            assembledBytes -= assembler.length();
            open(id, assembler.whole(), assembler.isEnd());
        }
    }

    @Override
    public void onMessage(Frame.Message frame) {
        if (cannotTake(frame)) {
            return;
        }
        if (frame.streamId() == 0) {
            onTunnelMessage(frame);
            return;
        }
        TunnelStream stream = streamFor(frame);
        if (stream == null) {
            return;
        }
        if (!stream.state().canReceive()) {
            stream.cancel(ErrorCode.STREAM_CLOSED, "MESSAGE behind END");
            return;
        }
        if (stream.sending.isCloseQueued()) {
            return;
        }
        Payload whole = frame.payload();
        boolean isEnd = frame.isEnd();
        MessageAssembler assembler = stream.receiving.assembler;
        if (frame.hasMore() || assembler != null) {
            if (assembler == null) {
                assembler = new MessageAssembler();
                stream.receiving.assembler = assembler;
            }
            if (!assemble(assembler, frame.payload(), frame.isEnd())) {
                stream.cancel(ErrorCode.OVERLOADED, "unfinished messages hold " + MAX_ASSEMBLED_BYTES + " bytes");
                return;
            }
            if (frame.hasMore()) {
                return;
            }
            whole = assembler.whole();
            isEnd = assembler.isEnd();
            assembledBytes -= assembler.length();
            stream.receiving.assembler = null;
        }
        if (isTooLong(whole.length())) {
            return;
        }
        Message message = decode(frame.streamId(), whole);
        if (message == null) {
            return;
        }
        if (isOpening(message)) {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream that is open");
        } else {
            stream.deliver(message, whole.length(), isEnd);
        }
    }

    @Override
    public void onWindow(Frame.Window frame) {
        if (cannotTake(frame)) {
            return;
        }
        if (frame.streamId() == 0) {
            if (!tunnel.scheduler().onTunnelCredit(frame.increment())) {
                onBreach(ProtocolException.tunnel(
                        ErrorCode.FLOW_CONTROL_ERROR,
                        "WINDOW of " + frame.increment() + " takes the tunnel's credit past 2^31-1"));
            }
            return;
        }
        TunnelStream stream = streamFor(frame);
        if (stream != null && !stream.sending.onCredit(frame.increment())) {
            stream.cancel(
                    ErrorCode.FLOW_CONTROL_ERROR, "WINDOW of " + frame.increment() + " takes the credit past 2^31-1");
        }
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        if (tunnel.isEnded()) {
            return;
        }
        if (tunnel.isShakingHands()) {
            onBreach(breach("a frame before HELLO"));
            return;
        }
        TunnelStream stream = streamFor(breach.streamId(), "a frame");
        if (stream != null) {
            stream.cancel(breach.code(), String.valueOf(breach.getMessage()));
        }
    }

    @Override
    public void onClose(Frame.Close frame) {
        TunnelStream stream = cannotTake(frame) ? null : streamFor(frame);
        if (stream != null) {
            stream.finish(Outcome.remote(frame.code(), frame.reason()));
        }
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        if (cannotTake(frame)) {
            return;
        }
        MessageAssembler assembler = opening;
        if (assembler != null && frame.streamId() == openingId) {
            assembledBytes -= assembler.length();
            opening = null;
            return;
        }
        TunnelStream stream = streamFor(frame);
        if (stream != null) {
            stream.finish(Outcome.remote(frame.code(), frame.reason()));
        }
    }

    @Override
    public void onPing(Frame.Ping frame) {
        if (cannotTake(frame)) {
            return;
        }
        if (frame.isReply()) {
            tunnel.onPong(frame.opaque());
        } else if (!isTooMuch(guard.onPing())) {
            tunnel.scheduler().pong(frame.opaque());
        }
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        if (!tunnel.isEnded() && !(tunnel.isPeerDraining() && isTooMuchNeedless(frame))) {
            tunnel.onGoAway(frame);
        }
    }

    @Override
    public void onAck(Frame.Ack frame) {
        // Needless without resume, which is never in force here.
        if (!cannotTake(frame)) {
            isTooMuchNeedless(frame);
        }
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        if (cannotTake(frame)) {
            return;
        }
        int id = frame.streamId();
        StreamTable streams = tunnel.streams();
        boolean isOfEnded = id != 0 && streams.wasOpened(id) && streams.get(id) == null;
        if (!isOfEnded) {
            isTooMuchNeedless(frame);
        }
    }

    /** Ends the tunnel where the guard says so. */
    private boolean isTooMuch(@Nullable ProtocolException flood) {
        if (flood != null) {
            onBreach(flood);
        }
        return flood != null;
    }

    private boolean isTooMuchNeedless(Frame frame) {
        if (tunnel.watch != null) {
            tunnel.watch.onNeedlessFrame();
        }
        return isTooMuch(guard.onNeedless(frame));
    }

    /** How long the message on the tunnel itself was on the wire that the handler is being told of. */
    int tunnelMessageBytes() {
        return tunnelMessageBytes;
    }

    /** Bytes of DATA that have come, on whatever stream. */
    long receivedBytes() {
        return receivedBytes;
    }

    /** What the pieces of unfinished messages hold now. */
    int assembledBytes() {
        return assembledBytes;
    }

    /** No more streams are taken, not even the one whose OPEN is not whole yet. Returns the highest id that was taken. */
    int takeNoMore() {
        MessageAssembler assembler = opening;
        if (assembler == null) {
            return tunnel.streams().lastRemoteId();
        }
        assembledBytes -= assembler.length();
        opening = null;
        return Math.max(0, openingId - 2);
    }

    /** A stream has ended: the pieces of a message on it are of no use any more. */
    void forget(TunnelStream stream) {
        MessageAssembler assembler = stream.receiving.assembler;
        if (assembler != null) {
            assembledBytes -= assembler.length();
            stream.receiving.assembler = null;
        }
    }

    private void onTunnelMessage(Frame.Message frame) {
        Payload whole = frame.payload();
        MessageAssembler assembler = tunnelMessage;
        if (frame.hasMore() || assembler != null) {
            if (assembler == null) {
                assembler = new MessageAssembler();
                tunnelMessage = assembler;
            }
            if (!assemble(assembler, frame.payload(), frame.isEnd())) {
                onBreach(ProtocolException.tunnel(
                        ErrorCode.OVERLOADED, "unfinished messages hold " + MAX_ASSEMBLED_BYTES + " bytes"));
                return;
            }
            if (frame.hasMore()) {
                return;
            }
            whole = assembler.whole();
            assembledBytes -= assembler.length();
            tunnelMessage = null;
        }
        if (isTooLong(whole.length())) {
            return;
        }
        Message message = decode(0, whole);
        if (message != null) {
            tunnelMessageBytes = whole.length();
            tunnel.onTunnelMessage(message);
        }
    }

    private void open(int id, Payload request, boolean isEnd) {
        if (isTooLong(request.length())) {
            return;
        }
        Message message;
        try {
            message = tunnel.codec().decode(id, request);
        } catch (ProtocolException e) {
            cancelUnopened(id, e.code(), String.valueOf(e.getMessage()));
            return;
        }
        ErrorCode obstacle = obstacleTo(message);
        if (obstacle != null) {
            cancelUnopened(id, obstacle, message.type() + " opens no stream here");
        } else {
            tunnel.onRemoteOpened(id, message, isEnd);
        }
    }

    /** Why this message opens no stream, or null if the application may say. */
    private @Nullable ErrorCode obstacleTo(Message message) {
        if (message instanceof Message.TcpTunnelStart) {
            return tunnel.isInForce(Capabilities.TCP) ? null : ErrorCode.UNSUPPORTED;
        }
        if (message instanceof Message.UdpTunnelStart) {
            return tunnel.isInForce(Capabilities.UDP) ? null : ErrorCode.UNSUPPORTED;
        }
        if (message instanceof Message.ProxyRequest http
                && http.upgrade().isWebSocket()
                && !http.upgrade().useZeroCopy()) {
            return tunnel.isInForce(Capabilities.WEBSOCKET_AWARE) ? null : ErrorCode.UNSUPPORTED;
        }
        return isOpening(message) || message instanceof Message.Application ? null : ErrorCode.PROTOCOL_ERROR;
    }

    private static boolean isOpening(Message message) {
        return message instanceof Message.ProxyRequest
                || message instanceof Message.ProxyWebSocketStart
                || message instanceof Message.TcpTunnelStart
                || message instanceof Message.UdpTunnelStart;
    }

    /** Adds a piece. False if that is more than the tunnel may hold; a message longer than allowed ends the tunnel. */
    private boolean assemble(MessageAssembler assembler, Payload piece, boolean isEnd) {
        if (assembledBytes + piece.length() > MAX_ASSEMBLED_BYTES) {
            return false;
        }
        assembler.add(piece, isEnd);
        assembledBytes += piece.length();
        isTooLong(assembler.length());
        return true;
    }

    private boolean isTooLong(int messageBytes) {
        int limit = tunnel.settings().maxMessageBytes();
        if (messageBytes > limit) {
            onBreach(ProtocolException.tunnel(
                    ErrorCode.FRAME_TOO_LARGE,
                    "a message of " + messageBytes + " bytes and more, at most " + limit + " are allowed"));
        }
        return messageBytes > limit;
    }

    private @Nullable Message decode(int streamId, Payload whole) {
        try {
            return tunnel.codec().decode(streamId, whole);
        } catch (ProtocolException e) {
            TunnelStream stream = tunnel.streams().get(streamId);
            if (stream == null) {
                onBreach(e);
            } else {
                stream.cancel(e.code(), String.valueOf(e.getMessage()));
            }
            return null;
        }
    }

    private void cancelUnopened(int id, ErrorCode code, String reason) {
        tunnel.scheduler().control(new Frame.Cancel(id, code.value(), reason));
        if (tunnel.watch != null) {
            tunnel.watch.onStreamRefused(false, code);
        }
    }

    /** Whether the tunnel is past taking frames, or not there yet, which is a breach. */
    private boolean cannotTake(Frame frame) {
        if (tunnel.isShakingHands()) {
            onBreach(breach(frame.getClass().getSimpleName() + " before HELLO"));
        }
        return tunnel.isEnded();
    }

    /** The open stream that a frame is for; null if it has ended, or if it never began, which is a breach. */
    private @Nullable TunnelStream streamFor(Frame frame) {
        return streamFor(frame.streamId(), frame.getClass().getSimpleName());
    }

    private @Nullable TunnelStream streamFor(int id, String what) {
        if (opening != null && id == openingId) {
            onBreach(breach(what + " between the pieces of stream " + id + "'s OPEN"));
            return null;
        }
        TunnelStream stream = tunnel.streams().get(id);
        boolean wasOpened = stream == null ? tunnel.streams().wasOpened(id) : stream.sending.isOpenSent();
        if (!wasOpened) {
            onBreach(breach(what + " for stream " + id + ", which was never opened"));
            return null;
        }
        return stream;
    }

    private static ProtocolException breach(String message) {
        return ProtocolException.tunnel(ErrorCode.PROTOCOL_ERROR, message);
    }
}
