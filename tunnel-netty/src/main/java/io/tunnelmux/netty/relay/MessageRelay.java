package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.netty.websocket.CloseCodes;
import io.tunnelmux.netty.websocket.MessageReader;
import io.tunnelmux.netty.websocket.MessageWriter;
import io.tunnelmux.netty.websocket.WebSocketException;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Joins a message-oriented stream to a channel that is a WebSocket: messages go from one to the other part by part as they come, each direction as fast as its
 * taker takes them. Pings, pongs and close frames go with them, so that both ends talk to each other and not to this.
 *
 * <pre>
 * channel                             stream
 * a frame, or a part of one       ↔   a part of a unit
 * ping, pong                      ↔   proxy_websocket_ping, proxy_websocket_pong
 * close frame                     ↔   proxy_websocket_close with END
 * ends without a close frame      →   CLOSE behind what came, or CANCEL
 * breaks a rule, is told so       →   CLOSE behind what came before it
 * close frame 1001 or 1011        ←   any end without proxy_websocket_close
 * </pre>
 *
 * A message that is not complete is never completed here, and never followed by a close frame that this side made up and that says that all is well.
 *
 * <p>While a side takes nothing one ping and one pong wait for it, the last that came: that is all it need answer (RFC 6455 5.5.3).
 *
 * <p>It is the channel's last handler, and the stream's: whoever opened the stream hands everything on to it that comes after. All calls on
 * the one loop that both belong to.
 */
public final class MessageRelay extends ChannelInboundHandlerAdapter implements Relay {

    private static final Logger LOG = LoggerFactory.getLogger(MessageRelay.class);

    /** Longest message unless told otherwise. */
    public static final int DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

    /**
     * How long the channel's peer has to answer a close frame once it has been sent, until its connection is closed. How long the other end takes to answer
     * one is for nobody here to limit: it may have much to take before it, and the peer may hang up.
     */
    static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** Messages without a byte that may wait for a channel that takes nothing: no credit bounds them. */
    static final int MAX_EMPTY_WAITING = 10_000;

    /**
     * What a relay needs to know of its WebSocket.
     *
     * @param isServer whether the channel's peer is the WebSocket's client
     * @param isDeflating whether permessage-deflate was agreed on with the channel's peer, without context takeover in either direction
     * @param maxMessageBytes longest message either way
     * @param masks makes the masks of a client, and must not be guessable; of no use to a server
     * @param meter counts the bytes of messages; null for nobody
     * @param tap is shown what is handed on; null for nobody
     */
    public record Settings(
            boolean isServer,
            boolean isDeflating,
            int maxMessageBytes,
            @Nullable RandomGenerator masks,
            @Nullable FlowMeter meter,
            @Nullable MessageTap tap) {

        public Settings {
            if (isServer == (masks != null)) {
                throw new IllegalArgumentException("masks are for a client, and a client needs them");
            }
            if (maxMessageBytes < 1) {
                throw new IllegalArgumentException("maxMessageBytes: " + maxMessageBytes);
            }
        }
    }

    private final TunnelStream stream;
    private final Channel channel;
    private final NettyLoop loop;
    private final Settings settings;
    private final ErrorCode whenLost;
    private final StreamPressure pressure;
    private final MessageReader reader;
    private final MessageWriter writer;

    private final OwedControls owedToStream = new OwedControls();
    private final OwedControls owedToChannel = new OwedControls();
    /** Within a message of the channel's. */
    private boolean isReadingMessage;
    /** Within a unit of the stream's. */
    private boolean isInUnit;

    private boolean isUnitText;
    private long unitBytes;
    private int emptyWaiting;
    /** Whether the channel brings nothing more that is wanted. */
    private boolean isPeerDone;

    private boolean isInputEnded;
    /** Whether it has sent a close frame, which said this. */
    private boolean isPeerClosed;

    private int peerCode = CloseCodes.NO_CODE;
    /** Whether the stream brings nothing more that is wanted. */
    private boolean isFarDone;

    private boolean isCloseWritten;
    private boolean isStreamEnded;
    private boolean isDetached;
    private TunnelLoop.@Nullable Timer answerTimer;

    private MessageRelay(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            Settings settings,
            ErrorCode whenLost) {
        this.stream = stream;
        this.channel = channel;
        this.loop = loop;
        this.settings = settings;
        this.whenLost = whenLost;
        pressure = new StreamPressure(stream, channel, loop, gate, settings.meter(), this::onRoom);
        reader = new MessageReader(
                settings.isServer(),
                settings.isDeflating(),
                settings.maxMessageBytes(),
                channel.alloc(),
                new FromChannel());
        RandomGenerator masks = settings.masks();
        writer = new MessageWriter(
                masks == null ? WebSocketWriter.server() : WebSocketWriter.client(masks),
                settings.isDeflating(),
                channel.alloc(),
                frame -> channel.write(frame, channel.voidPromise()));
    }

    /**
     * Joins the two. Bytes that the channel brought before are the caller's to hand on: to {@link #toStream}, before the next are read.
     *
     * @param gate of {@code channel}; open, or opened by the caller when all else is done
     * @param whenLost what the stream ends with if the channel is lost, or ends without a close frame: {@code CANCELLED} at once if lost, as nobody is left
     *     to take what was on its way to the channel's peer; else behind what the channel brought
     */
    public static MessageRelay join(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            Settings settings,
            ErrorCode whenLost) {
        assert loop.inLoop();
        MessageRelay relay = new MessageRelay(stream, channel, loop, gate, settings, whenLost);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        SmallWrites.addTo(channel.pipeline());
        channel.pipeline().addLast(relay);
        return relay;
    }

    // What the channel brings.

    /** A ping or a pong is something that moves. */
    @Override
    public void cutWhenIdle(Duration limit) {
        if (!isStreamEnded) {
            pressure.watch(limit, () -> stream.cancel(ErrorCode.TIMEOUT, "nothing has moved for " + limit));
        }
    }

    @Override
    public void toStream(ByteBuf bytes) {
        if (isPeerDone) {
            bytes.release();
        } else {
            try {
                reader.read(bytes);
            } catch (WebSocketException e) {
                onPeerBreach(e);
            }
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        if (!context.channel().isActive()) {
            onLost("the connection was gone before it was joined");
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes) {
            toStream(bytes);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    private void payStream() {
        owedToStream.pay(
                data -> pressure.toStream(new Message.ProxyWebSocketPing(Payload.of(data))),
                data -> pressure.toStream(new Message.ProxyWebSocketPong(Payload.of(data))));
    }

    /** What the channel's peer says. */
    private final class FromChannel implements MessageReader.Sink {

        @Override
        public void onPart(ByteBuf taken, boolean isText, boolean isLast) {
            if (settings.tap() != null) {
                settings.tap().onPart(true, isText, taken, isLast);
            }
            isReadingMessage = !isLast;
            pressure.partToStream(taken, isText, !isLast);
        }

        @Override
        public boolean hasRoom() {
            return !pressure.isFull();
        }

        @Override
        public void onPing(byte[] data) {
            onControl(MessageTap.Control.PING, data);
        }

        @Override
        public void onPong(byte[] data) {
            onControl(MessageTap.Control.PONG, data);
        }

        private void onControl(MessageTap.Control control, byte[] data) {
            if (settings.tap() != null) {
                settings.tap().onControl(true, control, data.length);
            }
            owedToStream.add(control, data);
            if (!pressure.isFull()) {
                payStream();
            }
        }

        @Override
        public void onClose(int code, String reason) {
            if (settings.tap() != null) {
                settings.tap().onClose(true, code, reason);
            }
            isPeerDone = true;
            isPeerClosed = true;
            peerCode = code;
            payStream();
            int told = code == CloseCodes.NO_CODE ? 0 : code;
            stream.send(new Message.ProxyWebSocketClose(told, reason), !isReadingMessage);
            if (isReadingMessage) {
                stream.close(ErrorCode.NO_ERROR, "closed within a message");
            }
        }
    }

    private void onPeerBreach(WebSocketException breach) {
        String reason = String.valueOf(breach.getMessage());
        isPeerDone = true;
        stream.close(codeOf(breach), "a WebSocket broke a rule: " + reason);
        detach(breach.closeCode(), reason);
    }

    private ErrorCode codeOf(WebSocketException breach) {
        return switch (breach.closeCode()) {
            case CloseCodes.TOO_BIG -> ErrorCode.FRAME_TOO_LARGE;
            case CloseCodes.POLICY_VIOLATION -> ErrorCode.CALM_DOWN;
            default -> settings.isServer() ? ErrorCode.PROTOCOL_ERROR : ErrorCode.UPSTREAM_INVALID;
        };
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event == SslCloseCompletionEvent.SUCCESS) {
            onInputEnded();
        }
    }

    private void onInputEnded() {
        isInputEnded = true;
        if (!reader.isPaused()) {
            onAllRead();
        }
    }

    /** The input has ended, and all that came before was read. */
    private void onAllRead() {
        if (!isPeerDone) {
            isPeerDone = true;
            stream.close(isCloseWritten ? ErrorCode.NO_ERROR : whenLost, "the connection ended without a close frame");
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        pressure.onChannelWritabilityChanged();
        if (channel.isWritable()) {
            emptyWaiting = 0;
            payChannel();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        onLost("the connection was closed");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        LOG.debug(
                "connection failed peer={} cause=\"{}\"", channel.remoteAddress(), Printable.quoted(cause.toString()));
        // The far side's own peer reads it, whom our classes do not concern.
        onLost("the connection failed");
        ChannelEnds.abort(channel);
    }

    private void onLost(String reason) {
        release();
        if (isStreamEnded) {
            return;
        }
        if (isPeerClosed) {
            stream.close(ErrorCode.NO_ERROR, reason);
        } else if (whenLost == ErrorCode.CANCELLED) {
            stream.cancel(whenLost, reason);
        } else {
            stream.close(whenLost, reason);
        }
        isPeerDone = true;
    }

    // What the stream brings.

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        Payload payload = data.payload();
        int length = payload.length();
        boolean isEndAlone = data.isEnd() && length == 0 && !isInUnit;
        if (isFarDone || isDetached || isEndAlone) {
            payload.release();
            stream.consumed(length);
        } else {
            onUnitPart(payload, length, data);
        }
        if (data.isEnd()) {
            onFarEnded();
        }
    }

    private void onUnitPart(Payload payload, int length, Frame.Data data) {
        boolean isLast = !data.hasMore();
        if (!isInUnit) {
            isUnitText = data.isText();
            unitBytes = 0;
        }
        isInUnit = !isLast;
        unitBytes += length;
        emptyWaiting += length == 0 && !channel.isWritable() ? 1 : 0;
        if (unitBytes > settings.maxMessageBytes() || emptyWaiting > MAX_EMPTY_WAITING) {
            payload.release();
            if (unitBytes > settings.maxMessageBytes()) {
                String reason = "a message of more than " + settings.maxMessageBytes() + " bytes";
                onFarBreach(CloseCodes.TOO_BIG, ErrorCode.FRAME_TOO_LARGE, reason);
            } else {
                String reason = "too many messages without a byte wait for a reader that takes nothing";
                onFarBreach(CloseCodes.POLICY_VIOLATION, ErrorCode.OVERLOADED, reason);
            }
            return;
        }
        ByteBuf bytes = NettyPayload.toByteBuf(payload);
        if (settings.tap() != null) {
            settings.tap().onPart(false, isUnitText, bytes, isLast);
        }
        writer.part(bytes, isUnitText, isLast);
        pressure.onWritten(length);
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (isFarDone || isDetached || message instanceof Message.Application) {
            // Nothing that the channel's peer should hear of.
        } else if (message instanceof Message.ProxyWebSocketPing ping) {
            onFarControl(MessageTap.Control.PING, ping.data().toByteArray());
        } else if (message instanceof Message.ProxyWebSocketPong pong) {
            onFarControl(MessageTap.Control.PONG, pong.data().toByteArray());
        } else if (message instanceof Message.ProxyWebSocketClose close) {
            onFarClose(close.code() == 0 ? CloseCodes.NO_CODE : close.code(), close.reason());
        } else {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream of messages");
        }
        if (isEnd) {
            onFarEnded();
        }
    }

    private void onFarControl(MessageTap.Control control, byte[] data) {
        if (settings.tap() != null) {
            settings.tap().onControl(false, control, data.length);
        }
        pressure.onMessage();
        owedToChannel.add(control, data);
        if (channel.isWritable()) {
            payChannel();
        }
    }

    private void payChannel() {
        if (!isCloseWritten && owedToChannel.pay(writer::ping, writer::pong)) {
            loop.flushLater(channel);
        }
    }

    private void onFarClose(int code, String reason) {
        if (code != CloseCodes.NO_CODE && !CloseCodes.isSendable(code)) {
            onFarBreach(CloseCodes.PROTOCOL_ERROR, ErrorCode.PROTOCOL_ERROR, "close code " + code);
            return;
        }
        if (settings.tap() != null) {
            settings.tap().onClose(false, code, reason);
        }
        isFarDone = true;
        writeClose(code, reason);
        if (!isPeerDone) {
            channel.write(Unpooled.EMPTY_BUFFER).addListener(written -> {
                if (written.isSuccess() && !isPeerDone) {
                    answerTimer = loop.schedule(this::onPeerSilent, ANSWER_NANOS);
                }
            });
        }
    }

    /** The peer has the other end's close frame and does not answer it. */
    private void onPeerSilent() {
        isPeerDone = true;
        stream.close(ErrorCode.NO_ERROR, "no answer to a close frame");
        detach(CloseCodes.NO_CODE, "");
    }

    /** The other end's half of the stream is over. */
    private void onFarEnded() {
        if (!isFarDone && !isDetached) {
            boolean isTruncated = isInUnit;
            onFarClose(
                    isTruncated ? CloseCodes.INTERNAL_ERROR : CloseCodes.NO_CODE,
                    isTruncated ? "the rest of the message is missing" : "");
        }
    }

    /** The other end of the stream does what it must not. It is told, as far as there is still a way to. */
    private void onFarBreach(int closeCode, ErrorCode code, String reason) {
        isFarDone = true;
        if (!isPeerDone) {
            stream.send(new Message.ProxyWebSocketClose(closeCode, reason), false);
        }
        isPeerDone = true;
        stream.close(code, reason);
        detach(CloseCodes.INTERNAL_ERROR, reason);
    }

    @Override
    public void onWritable(TunnelStream from) {
        onRoom();
    }

    private void onRoom() {
        if (!isPeerDone) {
            payStream();
            try {
                reader.resume();
            } catch (WebSocketException e) {
                onPeerBreach(e);
            }
            if (isInputEnded && !reader.isPaused()) {
                onAllRead();
            }
        }
        if (!reader.isPaused()) {
            pressure.onStreamWritable();
        }
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        isStreamEnded = true;
        isFarDone = true;
        pressure.onStreamClosed();
        if (isPeerClosed) {
            detach(peerCode, "");
        } else if (outcome.isClean() && !isInUnit) {
            detach(CloseCodes.NO_CODE, "");
        } else {
            detach(closeCodeOf(outcome), outcome.isLocal() ? "" : outcome.reason());
        }
    }

    /** What the channel's peer is told where the other end has said nothing to it. */
    private static int closeCodeOf(Outcome outcome) {
        ErrorCode code = ErrorCode.of(outcome.code());
        boolean isGone = code == ErrorCode.CANCELLED
                || code == ErrorCode.TIMEOUT
                || code == ErrorCode.TRANSPORT_LOST
                || code == ErrorCode.SHUTTING_DOWN
                || code == ErrorCode.SUPERSEDED;
        return isGone ? CloseCodes.GOING_AWAY : CloseCodes.INTERNAL_ERROR;
    }

    // How it ends.

    private void writeClose(int code, String reason) {
        if (!isCloseWritten) {
            // What was said before comes before, also to one who takes nothing now.
            owedToChannel.pay(writer::ping, writer::pong);
            isCloseWritten = true;
            writer.close(code, reason);
            loop.flushLater(channel);
        }
    }

    /** Takes leave of the channel, with a close frame if there was none: it gets all that was written. */
    private void detach(int code, String reason) {
        if (isDetached) {
            return;
        }
        isDetached = true;
        if (channel.isOpen()) {
            writeClose(code, reason);
            channel.pipeline().remove(this);
            ChannelEnds.closeGently(channel, loop, isInputEnded);
        }
        release();
    }

    /** Frees what is held for the channel. */
    private void release() {
        if (answerTimer != null) {
            answerTimer.cancel();
            answerTimer = null;
        }
        reader.close();
        writer.release();
    }

    /** For people who look at what is under way. */
    @Override
    public String toString() {
        return "WebSocket with " + channel.remoteAddress();
    }
}
