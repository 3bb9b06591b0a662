package io.tunnelmux.benchmarks.peer;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.EnvelopeCodec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Many streams as parsed messages over one TCP connection, each an envelope behind four bytes of its length:
 *
 * <pre>
 * tcp_tunnel_start             a stream begins
 * proxy_chunk                  up to 16 KiB of its bytes; with the end, none: the sender's half has ended
 * proxy_stream_close, a code   the stream is cut
 * </pre>
 *
 * There is no credit: while the tunnel is not writable no socket is read, and while a single socket holds too much the tunnel is not read, for all
 * streams. On the loop of its channel.
 */
final class EnvelopeTunnel extends ChannelInboundHandlerAdapter {
    private static final int MAX_CHUNK_BYTES = 16 * 1024;
    /** Base64 of a chunk, and what stands around it. */
    private static final int MAX_MESSAGE_BYTES = 2 * MAX_CHUNK_BYTES;

    private static final int LENGTH_BYTES = 4;
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(64 * 1024, 128 * 1024);

    private final Channel channel;
    private final EnvelopeCodec codec;
    private final NettyLoop loop;
    private final StreamLimit limit;
    private final @Nullable Supplier<Channel> dialler;
    private final Map<String, Stream> streams = new HashMap<>();
    private long lastId;
    private int fullSockets;

    private EnvelopeTunnel(
            Channel channel,
            EnvelopeCodec codec,
            NettyLoop loop,
            StreamLimit limit,
            @Nullable Supplier<Channel> dialler) {
        this.channel = channel;
        this.codec = codec;
        this.loop = loop;
        this.limit = limit;
        this.dialler = dialler;
    }

    /**
     * Makes a channel a tunnel.
     *
     * @param dialler begins to connect to the upstream; null at the front, which takes no streams
     */
    static EnvelopeTunnel join(
            Channel channel,
            EnvelopeCodec codec,
            NettyLoop loop,
            StreamLimit limit,
            @Nullable Supplier<Channel> dialler) {
        channel.config().setWriteBufferWaterMark(WATER_MARK);
        EnvelopeTunnel tunnel = new EnvelopeTunnel(channel, codec, loop, limit, dialler);
        channel.pipeline()
                .addLast(new LengthFieldBasedFrameDecoder(MAX_MESSAGE_BYTES, 0, LENGTH_BYTES, 0, LENGTH_BYTES))
                .addLast(tunnel);
        channel.closeFuture().addListener(closed -> tunnel.cutAll());
        return tunnel;
    }

    /** Opens a stream for a client, whose channel belongs to the same loop. */
    void open(Channel client) {
        if (!channel.isActive() || !limit.tryBegin()) {
            client.close();
            return;
        }
        lastId++;
        String id = Long.toString(lastId);
        send(new Message.TcpTunnelStart(id, Message.Destination.ANY, null, 0, null, 0));
        begin(id, client);
    }

    private void begin(String id, Channel socket) {
        Stream stream = new Stream(id, socket);
        streams.put(id, stream);
        stream.socket.setReading(channel.isWritable());
    }

    private void send(Message message) {
        Payload envelope = codec.encode(message);
        int length = envelope.length();
        ByteBuf out = channel.alloc().directBuffer(LENGTH_BYTES + length);
        out.writeInt(length).writeBytes(envelope.toByteArray());
        channel.write(out, channel.voidPromise());
        loop.flushLater(channel);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object frame) {
        Payload envelope = NettyPayload.of((ByteBuf) frame);
        Message message;
        try {
            message = codec.decode(envelope);
        } finally {
            envelope.release();
        }
        if (message instanceof Message.ProxyChunk chunk) {
            Stream stream = streams.get(chunk.requestId());
            if (stream != null) {
                stream.onChunk(chunk);
            }
        } else if (message instanceof Message.ProxyStreamClose close) {
            Stream stream = streams.remove(close.requestId());
            if (stream != null) {
                stream.socket.abort();
            }
        } else if (message instanceof Message.TcpTunnelStart start && dialler != null) {
            onStart(start.requestId(), dialler);
        } else {
            throw new IllegalArgumentException("not a message of this tunnel: " + message.type());
        }
    }

    private void onStart(String id, Supplier<Channel> dial) {
        if (streams.containsKey(id)) {
            throw new IllegalArgumentException("a second stream " + id);
        }
        if (limit.tryBegin()) {
            begin(id, dial.get());
        } else {
            sendCut(id);
        }
    }

    private void sendCut(String id) {
        send(new Message.ProxyStreamClose(id, ErrorCode.CANCELLED.value(), "the connection is gone"));
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        boolean isWritable = channel.isWritable();
        streams.values().forEach(stream -> stream.socket.setReading(isWritable));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            channel.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        if (channel.isOpen()) {
            System.err.println("peer: the tunnel failed: " + cause);
            channel.close();
        }
    }

    private void cutAll() {
        new ArrayList<>(streams.values()).forEach(stream -> stream.socket.abort());
    }

    /** A socket and its place in the tunnel. */
    private final class Stream implements PeerSocket.Listener {
        private final String id;
        private final PeerSocket socket;
        private boolean isFull;

        Stream(String id, Channel socket) {
            this.id = id;
            this.socket = PeerSocket.attach(socket, loop, this);
        }

        void onChunk(Message.ProxyChunk chunk) {
            if (chunk.data().length() > 0) {
                socket.write(NettyPayload.toByteBuf(chunk.data()));
            }
            if (chunk.end()) {
                socket.endOutput();
            }
        }

        @Override
        public void onBytes(ByteBuf taken) {
            try {
                while (taken.isReadable()) {
                    int count = Math.min(taken.readableBytes(), MAX_CHUNK_BYTES);
                    Payload lent = NettyPayload.of(taken.readRetainedSlice(count));
                    try {
                        send(new Message.ProxyChunk(id, lent, false));
                    } finally {
                        lent.release();
                    }
                }
            } finally {
                taken.release();
            }
        }

        @Override
        public void onInputEnd() {
            send(new Message.ProxyChunk(id, Payload.EMPTY, true));
        }

        @Override
        public void onWritabilityChanged(boolean isWritable) {
            setFull(!isWritable);
        }

        @Override
        public void onClosed(boolean isClean) {
            setFull(false);
            if (streams.remove(id) != null && !isClean && channel.isActive()) {
                sendCut(id);
            }
            limit.end();
        }

        private void setFull(boolean full) {
            if (isFull != full) {
                isFull = full;
                fullSockets += full ? 1 : -1;
                channel.config().setAutoRead(fullSockets == 0);
            }
        }
    }
}
