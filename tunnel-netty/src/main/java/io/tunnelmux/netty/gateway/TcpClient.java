package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.util.ReferenceCountUtil;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.relay.ChannelEnds;
import io.tunnelmux.netty.relay.PieceQueue;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A connection that came in at a {@link TcpForward}: finds its tunnel, moves over to that tunnel's loop, and is joined to a stream there before anything is
 * read. Bytes go to the agent at once; what it has them for, it says meanwhile.
 *
 * <pre>
 * accepted → a tunnel chosen → on its loop → stream opened, joined → tcp_tunnel_connected
 *             └ none: reset                   └ proxy_error, or too late: reset
 * </pre>
 *
 * On the loop of the channel.
 */
final class TcpClient extends ChannelInboundHandlerAdapter implements StreamHandler {

    /** See {@link ReadGate}. */
    private static final int OPENING = 2;

    /** The agent's own end to its attempt comes first, if it comes. */
    private static final Duration AGENT_EARLIER = Duration.ofSeconds(2);

    private final TcpFront front;
    private final TcpForward forward;
    private final Channel channel;
    private final ReadGate gate;
    private final long beganNanos = System.nanoTime();
    /** What a socket brought that nobody wanted to read: its last bytes, with its end, on epoll. */
    private final PieceQueue early = new PieceQueue();

    private NettyLoop loop;
    private TunnelLoop.@Nullable Timer deadline;
    private @Nullable TunnelStream stream;
    private @Nullable StreamRelay relay;
    private boolean isInputEnded;
    private boolean isConnected;
    private boolean isOver;

    TcpClient(TcpFront front, TcpForward forward, Channel channel, NettyLoop loop) {
        this.front = front;
        this.forward = forward;
        this.channel = channel;
        this.loop = loop;
        gate = new ReadGate(channel);
        gate.hold(OPENING);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        Tunnel tunnel = front.registry().choose(forward.agentId(), loop, null);
        if (tunnel == null) {
            reset("agent_offline", "no agent");
        } else if (!tunnel.peer().capabilities().contains(Capabilities.TCP)) {
            reset(ErrorCode.UNSUPPORTED.wireName(), "the agent forwards no TCP");
        } else if (tunnel.loop() == loop) {
            open(tunnel);
        } else {
            moveTo((NettyLoop) tunnel.loop(), () -> open(tunnel));
        }
    }

    private void moveTo(NettyLoop target, Runnable then) {
        channel.deregister()
                .addListener(deregistered -> target.eventLoop()
                        .register(channel)
                        .addListener(registered -> {
                            loop = target;
                            if (registered.isSuccess() && channel.isActive()) {
                                then.run();
                            } else {
                                // Nobody tells of the end of a channel that is on no loop.
                                channel.close();
                                end(ExchangeEnd.CLIENT_GONE, "gone");
                            }
                        }));
    }

    private void open(Tunnel tunnel) {
        TunnelStream opened = tunnel.open(front.request(channel.remoteAddress()), false, this);
        stream = opened;
        deadline = loop.schedule(
                this::onDeadline, forward.connectTimeout().plus(AGENT_EARLIER).toNanos());
        channel.pipeline().remove(this);
        StreamRelay joined = StreamRelay.join(opened, channel, loop, gate, ErrorCode.CANCELLED);
        relay = joined;
        if (front.idleTimeout() != null) {
            joined.cutWhenIdle(front.idleTimeout());
        }
        for (ByteBuf piece = early.poll(); piece != null; piece = early.poll()) {
            joined.toStream(piece);
        }
        if (isInputEnded) {
            joined.endInput();
        }
        gate.release(OPENING);
    }

    // Before it is joined to its stream.

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes && !isOver) {
            early.add(bytes, ByteBufAllocator.DEFAULT);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            isInputEnded = true;
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        end(ExchangeEnd.CLIENT_GONE, "gone");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        NettyLoop.tellIfOutOfMemory(cause);
        reset(ExchangeEnd.CLIENT_GONE, "the connection failed: " + cause);
    }

    // What the agent says.

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        StreamRelay joined = relay;
        if (joined == null) {
            return;
        }
        if (isConnected) {
            joined.onMessage(from, message, isEnd);
        } else if (message instanceof Message.TcpTunnelConnected) {
            isConnected = true;
            stopDeadline();
            if (isEnd) {
                joined.onData(from, new Frame.Data(from.id(), Payload.EMPTY, Frame.FLAG_END));
            }
        } else if (message instanceof Message.ProxyError error) {
            end(Recorder.outcomeOf(error), error.code() + ": " + error.message());
            from.cancel(ErrorCode.CANCELLED, error.code() + ": " + error.message());
        } else if (isEnd || Message.isKnown(message.type())) {
            fail(from, ErrorCode.PROTOCOL_ERROR, message.type() + " in place of tcp_tunnel_connected");
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        if (isConnected && relay != null) {
            relay.onData(from, data);
        } else {
            data.payload().release();
            fail(from, ErrorCode.PROTOCOL_ERROR, "DATA before tcp_tunnel_connected");
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        if (relay != null) {
            relay.onWritable(from);
        }
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        end(Recorder.outcomeOf(outcome), outcome.toString());
        if (!isConnected) {
            ChannelEnds.abort(channel);
        }
        if (relay != null) {
            relay.onClosed(from, outcome);
        }
    }

    private void onDeadline() {
        deadline = null;
        if (stream != null) {
            fail(stream, ErrorCode.TIMEOUT, "no connection in time");
        }
    }

    // How it ends.

    private void fail(TunnelStream from, ErrorCode code, String why) {
        end(code.wireName(), why);
        from.cancel(code, why);
    }

    private void reset(String outcome, String why) {
        end(outcome, why);
        ChannelEnds.abort(channel);
    }

    /**
     * Once.
     *
     * @param outcome as {@link ExchangeEnd#outcome}
     * @param detail for people
     */
    private void end(String outcome, String detail) {
        if (isOver) {
            return;
        }
        isOver = true;
        stopDeadline();
        early.clear();
        if (!isConnected) {
            front.onRefused(channel.remoteAddress(), detail);
        }
        if (front.recorder().isAccessLogged()) {
            front.recorder()
                    .access(
                            "protocol=tcp listen={} target=\"{}\" agent_id={} client={} connection={} bytes_in={} bytes_out={} ms={} outcome={} trace_id=- detail=\"{}\"",
                            Recorder.text(channel.localAddress()),
                            forward.to(),
                            forward.agentId(),
                            Recorder.text(channel.remoteAddress()),
                            channel.id().asShortText(),
                            relay == null ? 0 : relay.receivedBytes(),
                            relay == null ? 0 : relay.sentBytes(),
                            (System.nanoTime() - beganNanos) / 1_000_000,
                            outcome,
                            detail);
        }
    }

    private void stopDeadline() {
        if (deadline != null) {
            deadline.cancel();
            deadline = null;
        }
    }

    /** For people who look at what is under way. */
    @Override
    public String toString() {
        return "TCP to " + forward.to() + " for " + channel.remoteAddress();
    }
}
