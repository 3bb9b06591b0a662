package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a transport of bare frames sends and receives, byte by byte. */
class FramesBindingTest {
    private static final int HEADROOM_BYTES = HeadroomAllocator.HEADROOM_BYTES;

    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final NettyTransport transport = NettyTransport.ofFrames(EmbeddedLoops.of(channel), channel, false);
    private Payload received = Payload.EMPTY;

    private final TransportRecorder recorder = new TransportRecorder(transport) {
        @Override
        public void onData(Frame.Data frame) {
            received = frame.payload();
        }
    };

    @BeforeEach
    void start() {
        channel.freezeTime();
        channel.pipeline().addLast(transport);
        transport.start(recorder, 65_535);
        channel.runPendingTasks();
    }

    @AfterEach
    void nothingIsLeft() {
        channel.close();
        channel.runPendingTasks();
        channel.finishAndReleaseAll();
        assertThat(recorder.closedCalls()).isEqualTo(1);
    }

    @Test
    void whatWasReadGoesOutInTheSameBufferWithItsHeaderInFront() {
        ByteBuf read = channel.alloc()
                .ioBuffer(2_048, 2_048)
                .setIndex(HEADROOM_BYTES, HEADROOM_BYTES)
                .writeZero(1_024);

        transport.write(new Frame.Data(3, NettyPayload.of(read), 0));
        transport.flush();

        ByteBuf sent = channel.readOutbound();
        assertThat(sent).isSameAs(read);
        assertThat(sent.readerIndex()).isEqualTo(HEADROOM_BYTES - 8);
        assertThat(sent.readLong()).isEqualTo(0x0000_0400_0000_0003L);
        assertThat(sent.readableBytes()).isEqualTo(1_024);
        assertThat(channel.<Object>readOutbound()).isNull();
        sent.release();
    }

    @Test
    void framesFollowEachOtherWithNothingBetween() {
        transport.write(new Frame.Ping(1, false));
        transport.write(new Frame.Window(3, 7));
        transport.flush();

        ByteBuf sent = channel.readOutbound();
        byte[] bytes = new byte[sent.readableBytes()];
        sent.readBytes(bytes);
        assertThat(bytes).isEqualTo(EmbeddedTransport.frames(new Frame.Ping(1, false), new Frame.Window(3, 7)));
        sent.release();
    }

    @Test
    void whatIsReceivedIsHandedOnInTheBufferThatItCameIn() {
        ByteBuf read = channel.alloc()
                .ioBuffer(2_048, 2_048)
                .setIndex(HEADROOM_BYTES, HEADROOM_BYTES)
                .writeLong(0x0000_0400_0000_0003L)
                .writeZero(1_024);

        channel.writeInbound(read);

        assertThat(received.length()).isEqualTo(1_024);
        assertThat(((NettyPayload) received).ownsBuffer()).isTrue();
        assertThat(NettyPayload.toByteBuf(received)).isSameAs(read);
        read.release();
    }

    @Test
    void goodbyeIsNothingButTheEndAndWaitsForThePeersOnlySoLong() {
        transport.close(ErrorCode.NO_ERROR, "done");
        channel.runPendingTasks();

        assertThat(channel.<ByteBuf>readOutbound()).matches(sent -> sent == null || !sent.isReadable());
        assertThat(channel.isOpen()).isTrue();
        channel.advanceTimeBy(2, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isFalse();
        assertThat(recorder.cause()).isNull();
    }
}
