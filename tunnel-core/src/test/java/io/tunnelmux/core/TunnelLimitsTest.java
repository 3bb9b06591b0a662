package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How long messages may be, how much of them may wait, and how many control frames. */
class TunnelLimitsTest {

    private static final int SMALL_MESSAGE_BYTES = 4_096;
    private static final Settings SMALL_MESSAGES =
            Settings.builder().maxMessageBytes(SMALL_MESSAGE_BYTES).build();
    private static final Settings HUGE_MESSAGES = Settings.builder()
            .maxMessageBytes(Settings.HIGHEST_MAX_MESSAGE_BYTES)
            .maxFrameBytes(Settings.HIGHEST_MAX_FRAME_BYTES)
            .build();
    private static final Frame FILLER = new Frame.Ping(-1, true);
    private static final MessageCodec CODEC = MessageCodec.of(MessageFormat.CBOR);

    // What this side sends.

    @Test
    void aRequestLongerThanThePeerTakesIsRefusedHere() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL_MESSAGES);
        RecordingHandler handler = new RecordingHandler();

        TunnelStream stream = rig.tunnel().open(Rig.request("r1", "/" + "x".repeat(5_000)), true, handler);
        stream.write(Rig.bytes(10));
        rig.loop.runUntilIdle();

        assertThat(handler.outcome().is(ErrorCode.REFUSED)).isTrue();
        assertThat(rig.peer.takeReceived()).isEmpty();
        assertThat(rig.tunnel().openStreams()).isZero();
    }

    @Test
    void aMessageLongerThanThePeerTakesCostsItsStream() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL_MESSAGES);
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();

        stream.send(application(SMALL_MESSAGE_BYTES + 1), false);
        rig.loop.runUntilIdle();

        assertThat(rig.handler(stream).outcome().is(ErrorCode.FRAME_TOO_LARGE)).isTrue();
        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).hasSize(1);
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void aMessageOnTheTunnelLongerThanThePeerTakesIsTheCallersMistake() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL_MESSAGES);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> rig.tunnel().send(application(SMALL_MESSAGE_BYTES + 1)))
                .withMessageContaining("4096");
        rig.tunnel().send(application(100));
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived(Frame.Message.class)).hasSize(1);
    }

    @Test
    void aMessageAsLongAsThePeerTakesArrivesOnStreamAndTunnel() {
        Rig rig = Rig.open(Settings.DEFAULTS, SMALL_MESSAGES);
        TunnelStream stream = rig.opens();
        rig.peer.takeReceived();
        Message longest = application(SMALL_MESSAGE_BYTES);

        rig.tunnel().send(longest);
        stream.send(longest, true);
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived(Frame.Message.class))
                .allSatisfy(frame -> assertThat(rig.peer.message(frame)).isEqualTo(longest))
                .hasSize(2);
    }

    @Test
    void aMessageOnTheTunnelInManyPiecesIsNoReasonToGiveUp() {
        Rig rig = Rig.open(
                Settings.DEFAULTS,
                HUGE_MESSAGES.toBuilder().maxFrameBytes(1_024).build());
        int bytes = 3 * 1024 * 1024;

        rig.tunnel().send(application(bytes));
        rig.tunnel().send(application(100));
        rig.loop.runUntilIdle();

        List<Frame.Message> pieces = rig.peer.takeReceived(Frame.Message.class);
        assertThat(pieces).hasSize(bytes / 1_024 + 1);
        assertThat(pieces)
                .allSatisfy(piece -> assertThat(piece.payload().length()).isLessThanOrEqualTo(1_024));
        assertThat(pieces.stream().filter(piece -> !piece.hasMore())).hasSize(2);
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void messagesOnTheTunnelMayHold16MibWhileTheyWait() {
        Rig rig = Rig.open(Settings.DEFAULTS, HUGE_MESSAGES);
        Message half = application(8 * 1024 * 1024);
        rig.tunnel().send(half);
        rig.tunnel().send(half);
        assertThat(rig.ended).isEmpty();

        rig.tunnel().send(application(100));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(
                        outcome -> assertThat(outcome.is(ErrorCode.OVERLOADED)).isTrue());
    }

    @Test
    void aMessageThatCannotBeWrittenIsTheCallersMistakeAndCostsNothing() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();
        Message chunk = new Message.ProxyStreamClose("r1", 0, "");

        assertThatIllegalArgumentException().isThrownBy(() -> stream.send(chunk, false));
        assertThatIllegalArgumentException().isThrownBy(() -> rig.tunnel().send(chunk));
        assertThatIllegalArgumentException().isThrownBy(() -> rig.tunnel().open(chunk, false, new RecordingHandler()));

        assertThat(rig.handler(stream).outcome()).isNull();
        assertThat(rig.opens().id()).isEqualTo(stream.id() + 2);
    }

    // What the peer sends.

    @Test
    void whatPiecesHeldIsFreeAgainWhateverBecameOfThem() {
        Rig rig = Rig.open(HUGE_MESSAGES, Settings.DEFAULTS);
        Payload piece = Rig.bytes(60_000);
        int pieces = FrameReceiver.MAX_ASSEMBLED_BYTES / 60_000;

        // Ways for an assembly to come to its end without a message; each leaves room for the next.
        for (int way = 0; way < 6; way++) {
            int id = 10 * way + 1;
            rig.peer.opens(id, Rig.request(), 0);
            for (int i = 0; i < pieces; i++) {
                rig.peer.sends(new Frame.Message(id, piece, Frame.FLAG_MORE));
            }
            switch (way) {
                case 0 -> rig.peer.sends(new Frame.Cancel(id, 0, ""));
                case 1 -> rig.peer.sends(new Frame.Close(id, 0, ""));
                case 2 -> rig.accepted.get(id).cancel(ErrorCode.CANCELLED, "");
                case 3 -> rig.accepted.get(id).close(ErrorCode.NO_ERROR, "");
                case 4 -> rig.peer.sends(Rig.lastData(id, 0), new Frame.Message(id, piece, 0));
                default -> rig.peer.sends(new Frame.Message(id, Rig.bytes(1), 0));
            }
            rig.loop.runUntilIdle();
            assertThat(rig.handlers.get(id).outcome()).as("way %d", way).isNotNull();
            assertThat(rig.ended).as("way %d", way).isEmpty();
        }
    }

    @Test
    void piecesOfAnOpenCountAndAreFreeAgainWhenItIsCancelled() {
        Rig rig = Rig.open(HUGE_MESSAGES, Settings.DEFAULTS);
        int pieces = FrameReceiver.MAX_ASSEMBLED_BYTES / 60_000;

        for (int id = 1; id < 6; id += 2) {
            for (int i = 0; i < pieces; i++) {
                rig.peer.sends(new Frame.Open(id, Rig.bytes(60_000), Frame.FLAG_MORE));
            }
            rig.peer.sends(new Frame.Cancel(id, 0, ""));
        }
        assertThat(rig.ended).isEmpty();
        assertThat(rig.peer.takeReceived()).isEmpty();

        for (int i = 0; i <= pieces; i++) {
            rig.peer.sends(new Frame.Open(7, Rig.bytes(60_000), Frame.FLAG_MORE));
        }
        rig.peer.sends(new Frame.Open(7, Rig.bytes(60_000), 0)).opens(9, Rig.request(), 0);

        assertThat(rig.peer.takeReceived(Frame.Cancel.class))
                .singleElement()
                .satisfies(cancel -> assertThat(cancel).isEqualTo(new Frame.Cancel(7, 12, cancel.reason())));
        assertThat(rig.accepted).containsOnlyKeys(9);
    }

    @Test
    void piecesOnTheTunnelItselfCostTheTunnel() {
        Rig rig = Rig.open(HUGE_MESSAGES, Settings.DEFAULTS);
        rig.peer.opens(1, Rig.request(), 0);
        int pieces = FrameReceiver.MAX_ASSEMBLED_BYTES / 60_000;
        for (int i = 0; i < pieces; i++) {
            rig.peer.sends(new Frame.Message(1, Rig.bytes(60_000), Frame.FLAG_MORE));
        }

        rig.peer.sends(new Frame.Message(0, Rig.bytes(60_000), Frame.FLAG_MORE));

        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .extracting(Frame.GoAway::code)
                .containsExactly(ErrorCode.OVERLOADED.value());
    }

    @Test
    void aWindowThatCostsItsStreamIsABreachBetweenThePiecesOfItsOpen() {
        Rig rig = Rig.open();
        FrameReceiver receiver = new FrameReceiver(rig.tunnel());
        Payload request = CODEC.encode(Rig.request());

        receiver.onOpen(new Frame.Open(1, request.retainedSlice(0, 5), Frame.FLAG_MORE));
        receiver.onStreamBreach(ProtocolException.stream(1, ErrorCode.PROTOCOL_ERROR, "WINDOW of 0"));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(outcome ->
                        assertThat(outcome.is(ErrorCode.PROTOCOL_ERROR)).isTrue());
    }

    @Test
    void aFrameForAStreamWhoseOpenHasNotGoneOutIsABreach() {
        Rig rig = Rig.open();
        TunnelStream unsent = rig.tunnel().open(Rig.request(), false, new RecordingHandler());

        new FrameReceiver(rig.tunnel()).onWindow(new Frame.Window(unsent.id(), 1));

        assertThat(rig.ended).hasSize(1);
    }

    // Control frames.

    @Test
    void manyControlFramesInOneTurnGoOutWhileTheTransportTakesThem() {
        Settings many = Settings.builder().maxStreams(5_000).build();
        Rig rig = Rig.open(Settings.DEFAULTS, many);
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < 3_000; i++) {
            streams.add(rig.opens());
        }
        rig.peer.takeReceived();

        streams.forEach(stream -> stream.cancel(ErrorCode.CANCELLED, ""));
        rig.loop.runUntilIdle();

        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).hasSize(3_000);
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void howeverManyStreamsThisSideGivesUpTheOthersGoOn() {
        Rig rig = Rig.open();
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < Settings.DEFAULTS.maxStreams(); i++) {
            streams.add(rig.opens());
        }
        rig.peer.takeReceived();
        fill(rig);

        TunnelStream other = streams.remove(0);
        streams.forEach(stream -> stream.cancel(ErrorCode.CANCELLED, "the client went away"));
        rig.loop.runUntilIdle();
        rig.pipe.left().flush();
        rig.loop.runUntilIdle();

        assertThat(rig.ended).isEmpty();
        assertThat(rig.handler(other).outcome()).isNull();
        assertThat(rig.peer.takeReceived(Frame.Cancel.class)).hasSize(streams.size());
    }

    @Test
    void aThousandControlFramesThatNobodyReadsEndTheTunnel() {
        Rig rig = Rig.open();
        rig.acceptsStreams = false;
        fill(rig);
        FrameReceiver receiver = new FrameReceiver(rig.tunnel());
        Payload request = CODEC.encode(Rig.request());

        for (int i = 0; i < 1_000; i++) {
            receiver.onOpen(new Frame.Open(2 * i + 1, request, 0));
        }
        assertThat(rig.ended).isEmpty();
        receiver.onOpen(new Frame.Open(2_001, request, 0));

        assertThat(rig.ended)
                .singleElement()
                .satisfies(
                        outcome -> assertThat(outcome.is(ErrorCode.OVERLOADED)).isTrue());
    }

    @Test
    void answersAndGrantsThatNobodyReadsAreGathered() {
        Rig rig = Rig.open(Settings.builder().streamWindowBytes(16_384).build(), Settings.DEFAULTS);
        rig.peer.opens(1, Rig.request(), 0);
        fill(rig);
        FrameReceiver receiver = new FrameReceiver(rig.tunnel());

        for (int i = 0; i < 20; i++) {
            receiver.onPing(new Frame.Ping(i, false));
        }
        for (int i = 0; i < 5_000; i++) {
            receiver.onData(Rig.data(1, 3));
        }
        rig.pipe.left().flush();
        rig.loop.runUntilIdle();

        List<Frame> received = rig.peer.takeReceived().stream()
                .filter(frame -> !frame.equals(FILLER))
                .toList();
        assertThat(received).filteredOn(Frame.Ping.class::isInstance).containsExactly(new Frame.Ping(19, true));
        assertThat(received).filteredOn(Frame.Window.class::isInstance).containsExactly(new Frame.Window(1, 15_000));
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void moreThanTheCreditOfAWindowIsNotGathered() {
        Rig rig = Rig.open();
        TunnelStream stream = rig.opens();

        rig.peer.sends(Rig.data(stream.id(), 10));

        assertThatThrownBy(() -> stream.consumed(1)).isInstanceOf(IllegalArgumentException.class);
    }

    /** Writes until the transport takes no more, in this turn of the loop. */
    private static void fill(Rig rig) {
        while (rig.pipe.left().isWritable()) {
            rig.pipe.left().write(FILLER);
        }
    }

    /** A message of exactly so many bytes. */
    private static Message application(int bytes) {
        int overhead = CODEC.encode(application("x".repeat(bytes))).length() - bytes;
        return application("x".repeat(bytes - overhead));
    }

    private static Message application(String payload) {
        return new Message.Application("x", null, null, null, payload, null);
    }
}
