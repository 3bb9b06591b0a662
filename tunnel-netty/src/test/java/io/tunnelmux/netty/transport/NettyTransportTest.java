package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.netty.websocket.WebSocketWriter;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.FrameEncoder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How a transport sends, receives and keeps up with pressure and pings. */
class NettyTransportTest extends EmbeddedTransport {
    // ---- sending ----

    @Test
    void oneFlushMakesOneMessageOfAllThatWasWritten() {
        for (int i = 0; i < 20; i++) {
            transport.write(data(new byte[i * 100]));
            transport.write(new Frame.Window(1, 1 + i));
        }
        assertThat(flushes).isZero();
        transport.flush();

        List<Sent> sent = sent();
        assertThat(sent).hasSize(1);
        assertThat(sent.get(0).opcode()).isEqualTo(2);
        assertThat(sent.get(0).payload()).hasSize(20 * (8 + 12) + 19_000);
        assertThat(flushes).isEqualTo(1);
    }

    @Test
    void aLoneFrameIsOneBuffer() {
        ByteBuf read = channel.alloc().ioBuffer(2_048, 2_048).setIndex(24, 24).writeZero(1_024);

        transport.write(new Frame.Data(1, NettyPayload.of(read), 0));
        transport.flush();

        ByteBuf sent = channel.readOutbound();
        assertThat(sent).isSameAs(read);
        assertThat(sent.readableBytes()).isEqualTo(4 + 8 + 1_024);
        assertThat(channel.<Object>readOutbound()).isNull();
        sent.release();
    }

    @Test
    void muchMakesSeveralMessagesOfWholeFrames() {
        int count = 30;
        for (int i = 0; i < count; i++) {
            transport.write(data(new byte[16_000]));
        }
        transport.flush();

        List<Sent> sent = sent();
        assertThat(sent).hasSizeGreaterThan(6);
        for (Sent message : sent) {
            assertThat(message.payload().length).isLessThanOrEqualTo(NettyTransport.UNIT_BYTES);
            assertThat(message.payload().length % 16_008).isZero();
        }
        assertThat(flushes).isEqualTo(1);
    }

    @Test
    void theLongestFrameIsOneMessage() {
        transport.write(data(new byte[MAX_FRAME_BYTES]));
        transport.flush();

        assertThat(sent())
                .hasSize(1)
                .first()
                .satisfies(message -> assertThat(message.payload()).hasSize(65_543));
    }

    @Test
    void flushingNothingSendsNothing() {
        transport.flush();

        assertThat(sent()).isEmpty();
    }

    @Test
    void aDiallerMasksByRandomKeysAndOverTlsByZero() {
        EmbeddedChannel plain = new EmbeddedChannel();
        EmbeddedChannel secure = new EmbeddedChannel();
        NettyTransport overWs =
                NettyTransport.overWebSocket(loop(plain), plain, WebSocketWriter.client(new Random(5)), true);
        NettyTransport overWss = NettyTransport.overWebSocket(loop(secure), secure, WebSocketWriter.client(null), true);

        for (NettyTransport dialler : List.of(overWs, overWss)) {
            dialler.write(new Frame.Ping(1, false));
            dialler.flush();
        }

        ByteBuf masked = plain.readOutbound();
        ByteBuf zero = secure.readOutbound();
        assertThat(masked.readUnsignedShort()).isEqualTo(0x8200 | 0x80 | 16);
        assertThat(zero.readUnsignedShort()).isEqualTo(0x8200 | 0x80 | 16);
        int key = masked.readInt();
        assertThat(key).isNotZero();
        assertThat(zero.readInt()).isZero();
        long header = FrameEncoder.header(new Frame.Ping(1, false));
        assertThat(masked.readLong() ^ ((long) key << 32 | key & 0xffff_ffffL)).isEqualTo(header);
        assertThat(zero.readLong()).isEqualTo(header);
        masked.release();
        zero.release();
        plain.finishAndReleaseAll();
        secure.finishAndReleaseAll();
    }

    @Test
    void aFrameThatCannotBeWrittenIsReleased() {
        Frame tooLong = new Frame.Data(1, tracker.payload(new byte[70_000]), 0);

        assertThat(catchThrowable(() -> transport.write(tooLong))).isInstanceOf(IllegalArgumentException.class);
        assertThat(tracker.alive()).isZero();
    }

    // ---- pressure ----

    @Test
    void isNotWritableWhileTooMuchIsGathered() {
        while (transport.isWritable()) {
            transport.write(data(new byte[1_000]));
        }
        assertThat(recorder.writableCalls()).isZero();
        transport.flush();
        assertThat(recorder.writableCalls()).as("from within the call").isZero();

        channel.runPendingTasks();
        assertThat(recorder.writableCalls()).isEqualTo(1);
        assertThat(transport.isWritable()).isTrue();
    }

    @Test
    void gathersNoMoreThanTheHighWaterMark() {
        int bytes = 0;
        while (transport.isWritable()) {
            transport.write(data(new byte[1_000]));
            bytes += 1_008;
        }

        assertThat(bytes).isBetween(NettyLoops.HIGH_WATER_BYTES, NettyLoops.HIGH_WATER_BYTES + 1_008);
    }

    // ---- receiving ----

    @Test
    void aMessageMayHoldManyFramesAndAFrameManyFragments() {
        byte[] frames = frames(new Frame.Ping(1, false), new Frame.Data(1, Payload.of(text("hello")), 0));

        receive(RawFrames.masked()
                .fragment(2, Arrays.copyOf(frames, 3))
                .fragment(0, Arrays.copyOfRange(frames, 3, 26))
                .frame(0, Arrays.copyOfRange(frames, 26, frames.length)));

        assertThat(recorder.frames())
                .containsExactly(new Frame.Ping(1, false), new Frame.Data(1, Payload.of(text("hello")), 0));
        assertThat(recorder.reads()).isEqualTo(1);
    }

    @Test
    void aMessageThatEndsWithinAFrameIsABreach() {
        byte[] frame = frames(new Frame.Ping(1, false));

        receive(RawFrames.masked().frame(2, Arrays.copyOf(frame, 15)));

        assertThat(recorder.breaches()).singleElement().satisfies(breach -> {
            assertThat(breach.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR);
            assertThat(breach.costsTunnel()).isTrue();
        });
    }

    @Test
    void anEmptyMessageIsASignOfLifeAndNothingElse() {
        receive(RawFrames.masked().frame(2, new byte[0]));

        assertThat(recorder.reads()).isEqualTo(1);
        assertThat(recorder.frames()).isEmpty();
        assertThat(recorder.breaches()).isEmpty();
    }

    @Test
    void textIsABreach() {
        receive(RawFrames.masked().frame(1, text("{}")).frame(2, frames(new Frame.Ping(1, false))));

        assertThat(recorder.breaches()).extracting(ProtocolException::code).containsExactly(ErrorCode.PROTOCOL_ERROR);
        assertThat(recorder.frames()).isEmpty();
    }

    @Test
    void aFrameOverTheLimitIsABreach() {
        accept();
        transport.start(recorder, 1_024);
        channel.runPendingTasks();

        receive(RawFrames.masked().frame(2, frames(new Frame.Data(1, Payload.of(new byte[1_025]), 0))));

        assertThat(recorder.breaches()).extracting(ProtocolException::code).containsExactly(ErrorCode.FRAME_TOO_LARGE);
    }

    @Test
    void aBreachOfAStreamCostsOnlyTheStream() {
        byte[] window = frames(new Frame.Window(3, 1));
        window[window.length - 1] = 0;

        receive(RawFrames.masked().frame(2, window).frame(2, frames(new Frame.Ping(1, false))));

        assertThat(recorder.breaches()).singleElement().satisfies(breach -> {
            assertThat(breach.costsTunnel()).isFalse();
            assertThat(breach.streamId()).isEqualTo(3);
        });
        assertThat(recorder.frames()).containsExactly(new Frame.Ping(1, false));
    }

    @Test
    void onlyOneBreachIsTold() {
        receive(RawFrames.masked().frame(2, new byte[] {0x0a, 0, 0, 0, 0, 0, 0, 0}));
        receive(RawFrames.masked()
                .frame(2, new byte[] {0x0a, 0, 0, 0, 0, 0, 0, 0})
                .frame(1, text("x")));

        assertThat(recorder.breaches()).hasSize(1);
    }

    @Test
    void whatAListenerThrowsEndsTheTransport() {
        accept();
        recorder.onFrame(frame -> {
            throw new IllegalStateException("a fault of ours");
        });
        transport.start(recorder, MAX_FRAME_BYTES);
        channel.runPendingTasks();

        receive(RawFrames.masked().frame(2, frames(new Frame.Ping(1, false), new Frame.Ping(2, false))));

        assertThat(recorder.cause()).hasMessage("a fault of ours");
        assertThat(recorder.frames()).hasSize(1);
    }

    // ---- pings ----

    @Test
    void aPingIsAnsweredWithItsData() {
        receive(RawFrames.masked().frame(9, text("are you there")));

        assertThat(sent()).containsExactly(new Sent(10, text("are you there")));
    }

    @Test
    void ofManyPingsInOneReadTheLastIsAnswered() {
        receive(RawFrames.masked().frame(9, text("1")).frame(9, text("2")).frame(9, text("3")));

        assertThat(sent()).containsExactly(new Sent(10, text("3")));
    }

    @Test
    void pingsAreNotAnsweredWhileThePeerReadsNothing() {
        channel.unsafe().outboundBuffer().setUserDefinedWritability(1, false);
        for (int i = 0; i < 100; i++) {
            receive(RawFrames.masked().frame(9, text("ping " + i)));
        }
        assertThat(sent()).isEmpty();

        channel.unsafe().outboundBuffer().setUserDefinedWritability(1, true);
        channel.runPendingTasks();
        assertThat(sent()).containsExactly(new Sent(10, text("ping 99")));
    }

    @ParameterizedTest
    @CsvSource({"9, x", "10, ''", "2, ''"})
    void tooManyFramesForNothingAreABreach(int opcode, String payload) {
        for (int i = 0; i < 1_000; i++) {
            receive(RawFrames.masked().frame(opcode, text(payload)));
        }
        assertThat(recorder.breaches()).isEmpty();
        channel.advanceTimeBy(1, TimeUnit.SECONDS);
        for (int i = 0; i < 33; i++) {
            receive(RawFrames.masked().frame(opcode, text(payload)));
        }
        assertThat(recorder.breaches()).isEmpty();

        receive(RawFrames.masked().frame(opcode, text(payload)));
        assertThat(recorder.breaches()).extracting(ProtocolException::code).containsExactly(ErrorCode.CALM_DOWN);
        channel.releaseOutbound();
    }
}
