package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Joins a stream to a channel: from then on bytes go from one to the other as they are, in both directions, each as fast as its taker
 * takes them. The buffer that a socket filled is the buffer that the next socket drains.
 *
 * <pre>
 * channel                          stream
 * input ends                   →   END
 * output ends, behind its bytes ←  END
 * closes, behind its bytes     ←   both halves ended, or CLOSE NO_ERROR
 * is cut                       ←   any other end
 * closes or fails before that  →   CANCEL, or CLOSE behind its bytes
 * </pre>
 *
 * It is the channel's last handler, and the stream's: whoever opened the stream hands everything on to it that comes after. All calls on
 * the one loop that both belong to.
 */
public final class StreamRelay extends ChannelInboundHandlerAdapter implements Relay {

    private final TunnelStream stream;
    private final NettyLoop loop;
    private final ErrorCode whenLost;
    private final StreamPressure pressure;
    private boolean isInputEnded;
    private boolean isOutputEnded;
    private boolean isStreamEnded;

    private StreamRelay(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            ErrorCode whenLost,
            @Nullable FlowMeter meter) {
        this.stream = stream;
        this.loop = loop;
        this.whenLost = whenLost;
        pressure = new StreamPressure(stream, channel, loop, gate, meter);
    }

    /**
     * Joins the two. Bytes that the channel brought before are the caller's to hand on: to {@link #toStream}, before the next are read.
     *
     * @param gate of {@code channel}; open, or opened by the caller when all else is done
     * @param whenLost what the stream ends with if the channel is lost: {@code CANCELLED} at once, as nobody is left to take what was
     *     on its way to the channel's peer or came from it; anything else behind the bytes that the channel brought
     */
    public static StreamRelay join(
            TunnelStream stream, Channel channel, NettyLoop loop, ReadGate gate, ErrorCode whenLost) {
        return join(stream, channel, loop, gate, whenLost, null);
    }

    /**
     * As the other, and counts what is moved.
     *
     * @param meter null for nobody
     */
    public static StreamRelay join(
            TunnelStream stream,
            Channel channel,
            NettyLoop loop,
            ReadGate gate,
            ErrorCode whenLost,
            @Nullable FlowMeter meter) {
        assert loop.inLoop();
        StreamRelay relay = new StreamRelay(stream, channel, loop, gate, whenLost, meter);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        SmallWrites.addTo(channel.pipeline());
        channel.pipeline().addLast(relay);
        return relay;
    }

    @Override
    public void cutWhenIdle(Duration limit) {
        if (!isStreamEnded) {
            pressure.watch(limit, () -> stream.cancel(ErrorCode.TIMEOUT, "nothing has moved for " + limit));
        }
    }

    @Override
    public void toStream(ByteBuf bytes) {
        if (isStreamEnded || isInputEnded || !bytes.isReadable()) {
            bytes.release();
        } else {
            pressure.toStream(bytes);
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

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event == SslCloseCompletionEvent.SUCCESS) {
            endInput();
        }
    }

    /** The channel's input has ended, be it before the two were joined. Further calls do nothing. */
    public void endInput() {
        if (!isInputEnded) {
            isInputEnded = true;
            if (!isStreamEnded) {
                stream.end();
            }
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        pressure.onChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        // A stream of HTTP/2 closes by itself when both sides have ended it, and nothing is lost then.
        if (!isInputEnded || !isOutputEnded) {
            onLost("the connection was closed");
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        onLost("the connection failed: " + cause);
        ChannelEnds.abort(channel());
    }

    /** What the channel has brought, and what went to the stream with {@link #toStream}. */
    public long receivedBytes() {
        return pressure.receivedBytes();
    }

    /** What the stream has brought. */
    public long sentBytes() {
        return pressure.sentBytes();
    }

    @Override
    public String toString() {
        return "relay to " + channel().remoteAddress();
    }

    private void onLost(String reason) {
        isInputEnded = true;
        if (!isStreamEnded) {
            isStreamEnded = true;
            if (whenLost == ErrorCode.CANCELLED) {
                stream.cancel(whenLost, reason);
            } else {
                stream.close(whenLost, reason);
            }
        }
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (!(message instanceof Message.Application)) {
            stream.cancel(ErrorCode.PROTOCOL_ERROR, message.type() + " on a stream of raw bytes");
        } else if (isEnd) {
            endOutput();
        }
    }

    private Channel channel() {
        return pressure.channel();
    }

    private void endOutput() {
        ChannelEnds.endOutput(channel()).addListener(ended -> isOutputEnded = ended.isSuccess());
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        Payload payload = data.payload();
        int length = payload.length();
        if (length > 0) {
            pressure.toChannel(NettyPayload.toByteBuf(payload), length);
        } else {
            payload.release();
        }
        if (data.isEnd()) {
            endOutput();
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        pressure.onStreamWritable();
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        isStreamEnded = true;
        pressure.onStreamClosed();
        if (!outcome.isClean()) {
            ChannelEnds.abort(channel());
        } else if (channel().isOpen()) {
            channel().pipeline().remove(this);
            ChannelEnds.closeGently(channel(), loop, isInputEnded);
        }
    }
}
