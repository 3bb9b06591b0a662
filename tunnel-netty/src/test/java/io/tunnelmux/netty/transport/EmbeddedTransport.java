package io.tunnelmux.netty.transport;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.codec.FrameEncoder;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A transport on a channel without a socket, in a time that stands still: what it sends, byte by byte, and when. */
abstract class EmbeddedTransport {
    static final int MAX_FRAME_BYTES = 65_535;

    final PayloadTracker tracker = new PayloadTracker();
    EmbeddedChannel channel;
    NettyTransport transport;
    TransportRecorder recorder;
    int flushes;

    @BeforeEach
    void acceptAndStart() {
        accept();
        transport.start(recorder, MAX_FRAME_BYTES);
        channel.runPendingTasks();
    }

    @AfterEach
    void nothingIsLeft() {
        channel.close();
        channel.runPendingTasks();
        channel.finishAndReleaseAll();
        assertThat(tracker.alive()).isZero();
        assertThat(recorder.faults()).isEmpty();
        assertThat(recorder.closedCalls()).isEqualTo(1);
    }

    void accept() {
        if (channel != null) {
            channel.finishAndReleaseAll();
        }
        channel = new EmbeddedChannel();
        channel.freezeTime();
        channel.config()
                .setWriteBufferWaterMark(
                        new WriteBufferWaterMark(NettyLoops.LOW_WATER_BYTES, NettyLoops.HIGH_WATER_BYTES));
        channel.pipeline().addLast(new ChannelOutboundHandlerAdapter() {
            @Override
            public void flush(ChannelHandlerContext ctx) {
                flushes++;
                ctx.flush();
            }
        });
        transport = NettyTransport.overWebSocket(loop(channel), channel, WebSocketWriter.server(), false);
        recorder = new TransportRecorder(transport);
        channel.pipeline().addLast(transport);
    }

    static NettyLoop loop(EmbeddedChannel channel) {
        return EmbeddedLoops.of(channel);
    }

    void receive(RawFrames frames) {
        byte[] bytes = frames.toByteArray();
        channel.writeInbound(channel.alloc().ioBuffer(bytes.length).writeBytes(bytes));
        channel.runPendingTasks();
    }

    Frame.Data data(byte[] bytes) {
        return new Frame.Data(1, tracker.payload(bytes), 0);
    }

    static byte[] frames(Frame... frames) {
        ByteBuf bytes = Unpooled.buffer();
        for (Frame frame : frames) {
            bytes.writeLong(FrameEncoder.header(frame))
                    .writeBytes(FrameEncoder.payload(frame).toByteArray());
        }
        byte[] array = new byte[bytes.readableBytes()];
        bytes.readBytes(array);
        return array;
    }

    static byte[] text(String text) {
        return text.getBytes(UTF_8);
    }

    /** All messages that were sent since the last call. */
    List<Sent> sent() {
        ByteBuf all = Unpooled.buffer();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            all.writeBytes(part);
            part.release();
        }
        List<Sent> sent = new ArrayList<>();
        while (all.isReadable()) {
            int first = all.readUnsignedByte();
            assertThat(first & 0xf0).isEqualTo(0x80);
            long length = all.readUnsignedByte();
            if (length == 126) {
                length = all.readUnsignedShort();
            } else if (length == 127) {
                length = all.readLong();
            }
            byte[] payload = new byte[(int) length];
            all.readBytes(payload);
            sent.add(new Sent(first & 0xf, payload));
        }
        return sent;
    }

    record Sent(int opcode, byte[] payload) {
        static Sent close(int code, String reason) {
            byte[] text = text(reason);
            return new Sent(
                    8,
                    ByteBuffer.allocate(2 + text.length)
                            .putShort((short) code)
                            .put(text)
                            .array());
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Sent that && opcode == that.opcode && Arrays.equals(payload, that.payload);
        }

        @Override
        public int hashCode() {
            return 31 * opcode + Arrays.hashCode(payload);
        }

        @Override
        public String toString() {
            return opcode + ":" + new String(payload, UTF_8);
        }
    }
}
