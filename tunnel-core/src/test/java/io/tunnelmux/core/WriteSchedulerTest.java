package io.tunnelmux.core;

import static io.tunnelmux.core.Rig.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Whose turn it is: shares, turns, what overtakes what. */
class WriteSchedulerTest {

    private static final int QUANTUM_BYTES = WriteScheduler.QUANTUM_BYTES;

    private final GatedTransport gate = GatedTransport.withEndlessCredit();

    // Shares.

    @Test
    void prioritiesShareTheTunnelSixteenToFourToOneByBytes() {
        Map<Integer, Priority> priorities = new HashMap<>();
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            for (Priority priority : Priority.values()) {
                streams.add(gate.opens(priority));
                priorities.put(streams.get(streams.size() - 1).id(), priority);
            }
        }
        gate.saturates(streams.toArray(TunnelStream[]::new));

        Map<Priority, Long> bytes = new HashMap<>();
        dataOf(gate.takes(21 * 20))
                .forEach(data -> bytes.merge(
                        priorities.get(data.streamId()), (long) data.payload().length(), Long::sum));

        // 20 rounds; a round more or less is what a share borrows from the next.
        assertThat(bytes.get(Priority.BULK)).isBetween(19L * QUANTUM_BYTES, 21L * QUANTUM_BYTES);
        assertThat(bytes.get(Priority.NORMAL)).isBetween(19L * 4 * QUANTUM_BYTES, 21L * 4 * QUANTUM_BYTES);
        assertThat(bytes.get(Priority.INTERACTIVE)).isBetween(19L * 16 * QUANTUM_BYTES, 21L * 16 * QUANTUM_BYTES);
    }

    @Test
    void smallFramesGetTheirPrioritysShareAndNoMore() {
        TunnelStream large = gate.opens(Priority.BULK);
        TunnelStream small = gate.opens(Priority.NORMAL);
        gate.saturates(large);
        for (int i = 0; i < 4_000; i++) {
            small.write(bytes(1_025));
        }
        gate.takes(100);

        List<Frame.Data> sent = dataOf(gate.takes(2_000));

        // A frame counts 32 bytes beside its payload, which is all that a stream of small ones is behind.
        double ratio = (double) bytesOf(sent, small) / bytesOf(sent, large);
        assertThat(ratio).isBetween(3.5, 4.5);
    }

    @Test
    void whatNobodyMoreUrgentUsesIsForTheOthers() {
        TunnelStream bulk = gate.opens(Priority.BULK);
        gate.saturates(bulk);

        assertThat(dataOf(gate.takes(20))).hasSize(20).allMatch(data -> data.streamId() == bulk.id());
    }

    @Test
    void streamsOfOnePriorityTakeTurns() {
        TunnelStream[] streams = new TunnelStream[10];
        Arrays.setAll(streams, i -> gate.opens(Priority.NORMAL));
        gate.saturates(streams);

        List<Frame.Data> sent = dataOf(gate.takes(100));

        for (TunnelStream stream : streams) {
            assertThat(bytesOf(sent, stream)).isEqualTo(10L * QUANTUM_BYTES);
        }
    }

    @Test
    void aFloodOfOpensLeavesOthersTheirShareAndIsLeftItsOwn() {
        TunnelStream urgent = gate.opens(Priority.INTERACTIVE);
        TunnelStream bulk = gate.opens(Priority.BULK);
        gate.saturates(urgent, bulk);
        for (int i = 0; i < 10_000; i++) {
            gate.tunnel().open(Rig.request("r1", "/" + "x".repeat(1_000)), false, new RecordingHandler());
        }

        List<Frame> sent = gate.takes(400);

        long openBytes = sent.stream()
                .filter(Frame.Open.class::isInstance)
                .mapToLong(frame -> ((Frame.Open) frame).payload().length())
                .sum();
        assertThat(sent.get(0)).isInstanceOf(Frame.Open.class);
        assertThat((double) bytesOf(dataOf(sent), urgent) / openBytes).isBetween(3.0, 5.0);
        assertThat(bytesOf(dataOf(sent), bulk)).isPositive();
    }

    @Test
    void aFloodOfMessagesOnTheTunnelLeavesOthersTheirShareAndIsLeftItsOwn() {
        TunnelStream urgent = gate.opens(Priority.INTERACTIVE);
        gate.saturates(urgent);
        for (int i = 0; i < 50; i++) {
            gate.tunnel().send(new Message.Application("x", null, null, null, "x".repeat(200_000), null));
        }
        gate.tunnel().open(Rig.request(), false, new RecordingHandler());

        List<Frame> sent = gate.takes(101);

        assertThat(sent.get(0)).isInstanceOf(Frame.Message.class);
        assertThat(sent.subList(0, 8)).anyMatch(Frame.Open.class::isInstance);
        assertThat(bytesOf(dataOf(sent), urgent)).isBetween(76L * QUANTUM_BYTES, 84L * QUANTUM_BYTES);
    }

    // Streams that send little.

    @Test
    void aStreamThatHasSentLittleGoesBeforeDownloads() {
        TunnelStream fresh = gate.opens(Priority.NORMAL);
        TunnelStream[] downloads = new TunnelStream[64];
        Arrays.setAll(downloads, i -> gate.opens(Priority.NORMAL));
        gate.saturates(downloads);
        gate.takes(100);

        fresh.write(bytes(5_000));

        assertThat(gate.takes(1)).containsExactly(Rig.data(fresh.id(), 5_000));
    }

    @Test
    void aDownloadDoesSoOnlyWithItsFirst32Kib() {
        TunnelStream old = gate.opens(Priority.NORMAL);
        TunnelStream download = gate.opens(Priority.NORMAL);
        gate.saturates(old);
        for (int i = 0; i < 10; i++) {
            download.write(bytes(64 * 1024));
        }

        List<Frame.Data> sent = dataOf(gate.takes(20));

        int first = 0;
        while (sent.get(first).streamId() == download.id()) {
            first++;
        }
        assertThat(first * QUANTUM_BYTES).isBetween(StreamQueue.SPARSE_BYTES, 64 * 1024);
        assertThat(bytesOf(sent.subList(first, 20), old)).isBetween(8L * QUANTUM_BYTES, 10L * QUANTUM_BYTES);
    }

    @Test
    void anEchoOfSmallMessagesStaysAheadHoweverLongItGoesOn() {
        TunnelStream download = gate.opens(Priority.NORMAL);
        TunnelStream echo = gate.opens(Priority.NORMAL);
        gate.saturates(download);

        for (int i = 0; i < 20_000; i++) {
            gate.loop.advance(Duration.ofNanos(40_000));
            echo.write(bytes(64));
            List<Frame> sent = gate.takes(2);
            assertThat(sent.get(0)).as("message %d", i).isEqualTo(Rig.data(echo.id(), 64));
            download.write(bytes(((Frame.Data) sent.get(1)).payload().length()));
        }
    }

    @Test
    void aDownloadThatRestsHasSentLittleAgain() {
        TunnelStream other = gate.opens(Priority.NORMAL);
        TunnelStream rested = gate.opens(Priority.NORMAL);
        rested.write(bytes(2 * StreamQueue.SPARSE_BYTES));
        gate.saturates(other);

        gate.loop.advance(Duration.ofMillis(1));
        rested.write(bytes(10));
        assertThat(dataOf(gate.takes(1)))
                .extracting(Frame.Data::streamId)
                .containsExactly(other.id(), rested.id(), other.id(), other.id(), other.id());
        gate.takes(4);

        gate.loop.advance(Duration.ofMillis(34));
        rested.write(bytes(10));
        assertThat(gate.takes(1).get(0)).isEqualTo(Rig.data(rested.id(), 10));
    }

    @Test
    void waitingIsNoRest() {
        TunnelStream first = gate.opens(Priority.NORMAL);
        TunnelStream second = gate.opens(Priority.NORMAL);
        gate.saturates(first, second);
        gate.takes(4);

        gate.loop.advance(Duration.ofSeconds(1));
        first.write(bytes(10));
        List<Frame.Data> sent = dataOf(gate.takes(20));

        assertThat(bytesOf(sent, first)).isEqualTo(bytesOf(sent, second));
    }

    @Test
    void aPriorityCountsAtOnceForWhatWaits() {
        TunnelStream bulk = gate.opens(Priority.BULK);
        TunnelStream normal = gate.opens(Priority.NORMAL);
        gate.saturates(bulk, normal);
        gate.takes(5);

        bulk.priority(Priority.INTERACTIVE);
        assertThat(bytesOf(dataOf(gate.takes(20)), bulk)).isBetween(15L * QUANTUM_BYTES, 17L * QUANTUM_BYTES);
        bulk.priority(Priority.BULK);
        normal.priority(Priority.INTERACTIVE);
        assertThat(bytesOf(dataOf(gate.takes(17)), normal)).isBetween(15L * QUANTUM_BYTES, 17L * QUANTUM_BYTES);
    }

    // Length of frames.

    @Test
    void framesAreShortWhereTheTransportTakesLittle() {
        GatedTransport slow = withLongFrames();
        TunnelStream stream = slow.opens(Priority.NORMAL);
        slow.saturates(stream);

        slow.loop.advance(Duration.ofSeconds(1));
        for (int i = 0; i < 20; i++) {
            assertThat(lengthsOf(slow.takes(1))).containsExactly(QUANTUM_BYTES);
            slow.loop.advance(Duration.ofMillis(2));
        }
    }

    @Test
    void framesAreAsLongAsWhatWentOutInAMillisecond() {
        GatedTransport line = withLongFrames();
        TunnelStream stream = line.opens(Priority.NORMAL);
        line.saturates(stream);
        line.loop.advance(Duration.ofSeconds(1));

        assertThat(lengthsOf(line.takes(2))).containsExactly(QUANTUM_BYTES, QUANTUM_BYTES);
        line.loop.advance(Duration.ofMillis(1));
        assertThat(lengthsOf(line.takes(3))).containsOnly(2 * QUANTUM_BYTES);
        line.loop.advance(Duration.ofMillis(1));
        assertThat(lengthsOf(line.takes(3))).containsOnly(Settings.HIGHEST_MAX_FRAME_BYTES);
        line.loop.advance(Duration.ofSeconds(1));
        assertThat(lengthsOf(line.takes(1))).containsExactly(QUANTUM_BYTES);
    }

    @Test
    void framesAreNeverLongerThanThePeerTakes() {
        TunnelStream stream = gate.opens(Priority.NORMAL);
        gate.saturates(stream);
        gate.takes(100);
        gate.loop.advance(Duration.ofMillis(1));

        assertThat(lengthsOf(gate.takes(2))).containsOnly(Settings.DEFAULT_MAX_FRAME_BYTES);
    }

    @Test
    void whoeverIsAsUrgentOrLessDoesNotMakeFramesShort() {
        GatedTransport fast = withLongFrames();
        TunnelStream first = fast.opens(Priority.NORMAL);
        TunnelStream second = fast.opens(Priority.NORMAL);
        TunnelStream bulk = fast.opens(Priority.BULK);
        fast.saturates(first, second, bulk);
        fast.takes(100);
        fast.loop.advance(Duration.ofMillis(1));

        assertThat(lengthsOf(fast.takes(20))).containsOnly(Settings.HIGHEST_MAX_FRAME_BYTES);
    }

    @Test
    void framesAreShortWhileSomethingUrgentWaits() {
        GatedTransport fast = withLongFrames();
        TunnelStream download = fast.opens(Priority.NORMAL);
        TunnelStream urgent = fast.opens(Priority.INTERACTIVE);
        fast.saturates(download);
        fast.takes(10);
        fast.loop.advance(Duration.ofMillis(1));

        urgent.write(bytes(40_000));

        assertThat(lengthsOf(fast.takes(4)))
                .containsExactly(
                        QUANTUM_BYTES,
                        QUANTUM_BYTES,
                        40_000 - 2 * QUANTUM_BYTES,
                        Settings.HIGHEST_MAX_FRAME_BYTES,
                        Settings.HIGHEST_MAX_FRAME_BYTES,
                        Settings.HIGHEST_MAX_FRAME_BYTES);
    }

    @Test
    void whatGoesOutInAMillisecondGoesTogetherThoughTheTransportHasEnough() {
        GatedTransport line = withLongFrames();
        TunnelStream stream = line.opens(Priority.NORMAL);
        line.saturates(stream);
        line.loop.advance(Duration.ofSeconds(1));
        assertThat(line.takes(2)).as("on a line that is slow so far").hasSize(2);

        line.loop.advance(Duration.ofMillis(1));
        assertThat(lengthsOf(line.takes(1))).containsExactly(2 * QUANTUM_BYTES);
        line.takes(10);
        line.loop.advance(Duration.ofMillis(1));
        assertThat(lengthsOf(line.takes(1)))
                .as("at most 192 KiB, and what is over of a frame")
                .containsExactly(
                        Settings.HIGHEST_MAX_FRAME_BYTES,
                        Settings.HIGHEST_MAX_FRAME_BYTES,
                        Settings.HIGHEST_MAX_FRAME_BYTES);
        assertThat(line.takes(0)).as("when it takes nothing at all").isEmpty();
    }

    @Test
    void whateverGoesTogetherCountsForThat() {
        GatedTransport line = withLongFrames();
        TunnelStream stream = line.opens(Priority.NORMAL);
        line.saturates(stream);
        line.takes(20);
        line.loop.advance(Duration.ofMillis(1));
        line.takes(1);

        for (int i = 0; i < 20; i++) {
            line.tunnel().send(new Message.Application("x", null, null, null, "x".repeat(200_000), null));
        }

        int wireBytes = line.takes(1).stream()
                .mapToInt(frame -> frame instanceof Frame.Message message
                        ? message.payload().length()
                        : 0)
                .sum();
        assertThat(wireBytes).isBetween(1, 192 * 1024 + Settings.HIGHEST_MAX_FRAME_BYTES);
    }

    private static GatedTransport withLongFrames() {
        return new GatedTransport(Settings.builder()
                .maxStreams(100)
                .maxFrameBytes(Settings.HIGHEST_MAX_FRAME_BYTES)
                .streamWindowBytes(GatedTransport.ENDLESS)
                .tunnelWindowBytes(GatedTransport.ENDLESS)
                .build());
    }

    private static List<Integer> lengthsOf(List<Frame> frames) {
        return dataOf(frames).stream().map(data -> data.payload().length()).toList();
    }

    // Control.

    @Test
    void aPingIsAnsweredBeforeAllElseUnderFullLoad() {
        TunnelStream[] streams = new TunnelStream[64];
        Arrays.setAll(streams, i -> gate.opens(Priority.INTERACTIVE));
        gate.saturates(streams);
        gate.takes(500);
        for (int i = 0; i < 100; i++) {
            gate.tunnel().open(Rig.request(), false, new RecordingHandler());
        }

        gate.listener().onPing(new Frame.Ping(7, false));

        assertThat(gate.takes(2).get(0)).isEqualTo(new Frame.Ping(7, true));
    }

    @Test
    void aCancelOvertakesAndDropsWhatItsStreamHasQueued() {
        TunnelStream other = gate.opens(Priority.INTERACTIVE);
        TunnelStream cancelled = gate.opens(Priority.NORMAL);
        gate.saturates(other, cancelled);

        cancelled.cancel(ErrorCode.CANCELLED, "gone");
        List<Frame> sent = gate.takes(200);

        assertThat(sent.get(0)).isEqualTo(new Frame.Cancel(cancelled.id(), ErrorCode.CANCELLED.value(), "gone"));
        assertThat(sent.subList(1, sent.size()))
                .hasSizeGreaterThan(100)
                .allMatch(frame -> frame.streamId() == other.id());
    }

    @Test
    void aStreamThatHasEndedIsOwedNoCredit() {
        TunnelStream cancelled = gate.opens(Priority.NORMAL);
        TunnelStream ended = gate.opens(Priority.NORMAL);
        TunnelStream open = gate.opens(Priority.NORMAL);
        gate.shuts();
        for (TunnelStream stream : List.of(cancelled, ended, open)) {
            gate.listener().onData(Rig.data(stream.id(), 32_768));
            gate.listener().onData(Rig.data(stream.id(), 32_768));
        }

        cancelled.cancel(ErrorCode.CANCELLED, "");
        gate.listener().onData(Rig.lastData(ended.id(), 0));

        assertThat(gate.takes(10))
                .filteredOn(frame -> frame.streamId() != 0)
                .map(Frame::streamId)
                .containsExactly(cancelled.id(), open.id());
    }

    @Test
    void creditDueIsGrantedToThoseLeftWhoeverEndsMeanwhile() {
        SplittableRandom random = new SplittableRandom(1);
        gate.shuts();
        List<Integer> left = new ArrayList<>();
        for (int i = 0; i < 600; i++) {
            int id = 2 * i + 1;
            gate.listener().onOpen(new Frame.Open(id, gate.tunnel().encode(Rig.request()), 0));
            gate.listener().onData(Rig.data(id, 32_768));
            gate.listener().onData(Rig.data(id, 32_768));
            left.add(id);
            if (random.nextInt(3) > 0) {
                int gone = left.remove(random.nextInt(left.size()));
                gate.listener().onCancel(new Frame.Cancel(gone, 0, ""));
            }
        }

        assertThat(gate.takes(1_000).stream()
                        .filter(frame -> frame.streamId() != 0)
                        .map(Frame::streamId))
                .containsExactlyElementsOf(left);
    }

    @Test
    void reasonsThatWaitHoldNoMoreThan64Kib() {
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < 900; i++) {
            streams.add(gate.opens(Priority.NORMAL));
        }
        gate.shuts();

        streams.forEach(stream -> stream.cancel(ErrorCode.CANCELLED, "x".repeat(1_000)));
        List<Frame.Cancel> sent =
                gate.takes(1_000).stream().map(Frame.Cancel.class::cast).toList();

        assertThat(sent).hasSize(900);
        assertThat(sent.stream().mapToInt(cancel -> cancel.reason().length()).sum())
                .isEqualTo(65_000);
        assertThat(gate.ended()).isNull();
    }

    // Credit of the tunnel.

    @Test
    void creditOfTheTunnelThatComesInCrumbsIsSharedByTurns() {
        GatedTransport narrow = new GatedTransport(Settings.builder()
                .tunnelWindowBytes(Settings.LOWEST_TUNNEL_WINDOW_BYTES)
                .streamWindowBytes(GatedTransport.ENDLESS)
                .build());
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            TunnelStream stream = narrow.opens(Priority.BULK);
            stream.write(bytes(1_000_000));
            streams.add(stream);
        }
        List<Frame.Data> sent = new ArrayList<>(dataOf(narrow.takes(1_000)));

        while (sent.size() < 1_000) {
            narrow.listener().onWindow(new Frame.Window(0, 5_000));
            sent.addAll(dataOf(narrow.takes(1_000)));
        }

        long share = sent.stream().mapToLong(data -> data.payload().length()).sum() / 20;
        for (TunnelStream stream : streams) {
            assertThat(bytesOf(sent, stream)).isBetween(share - 2 * QUANTUM_BYTES, share + 2 * QUANTUM_BYTES);
        }
    }

    @Test
    void whatNeedsNoCreditWaitsForNone() {
        GatedTransport narrow = new GatedTransport(Settings.builder()
                .tunnelWindowBytes(Settings.LOWEST_TUNNEL_WINDOW_BYTES)
                .streamWindowBytes(GatedTransport.ENDLESS)
                .build());
        TunnelStream blocked = narrow.opens(Priority.INTERACTIVE);
        TunnelStream ending = narrow.opens(Priority.BULK);
        blocked.write(bytes(100_000));
        ending.write(bytes(3_000));
        ending.send(new Message.ProxyResponse("r1", 200, Headers.EMPTY), true);
        narrow.takes(100);

        narrow.listener().onWindow(new Frame.Window(0, 3_000));
        narrow.takes(100);
        blocked.cancel(ErrorCode.CANCELLED, "");
        narrow.listener().onWindow(new Frame.Window(0, 3_000));

        assertThat(narrow.takes(100))
                .filteredOn(Frame.Message.class::isInstance)
                .hasSize(1);
    }

    // Order.

    @Test
    void framesOfAStreamKeepTheirOrderWhateverHappensToItsPriority() {
        SplittableRandom random = new SplittableRandom(20_261_122);
        List<TunnelStream> streams = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            streams.add(gate.opens(Priority.NORMAL));
        }
        Map<Integer, Integer> writtenBytes = new HashMap<>();
        Map<Integer, Integer> sentBytes = new HashMap<>();
        gate.shuts();
        for (int step = 0; step < 5_000; step++) {
            TunnelStream stream = streams.get(random.nextInt(streams.size()));
            switch (random.nextInt(4)) {
                case 0 -> stream.priority(Priority.values()[random.nextInt(3)]);
                case 1 -> gate.loop.advance(Duration.ofNanos(random.nextInt(5_000_000)));
                case 2 -> {
                    int words = 1 + random.nextInt(10_000);
                    ByteBuffer buffer = ByteBuffer.allocate(words * Integer.BYTES);
                    int bytes = buffer.capacity();
                    int first = (writtenBytes.merge(stream.id(), bytes, Integer::sum) - bytes) / Integer.BYTES;
                    for (int word = first; word < first + words; word++) {
                        buffer.putInt(word);
                    }
                    stream.write(Payload.of(buffer.array()));
                }
                default -> requireInOrder(gate.takes(random.nextInt(4)), sentBytes);
            }
        }
        requireInOrder(gate.takes(100_000), sentBytes);
        assertThat(sentBytes).isEqualTo(writtenBytes);
    }

    /** Payloads are numbers that go up by one; where a frame ends within one, the next begins with the rest. */
    private static void requireInOrder(List<Frame> frames, Map<Integer, Integer> sentBytes) {
        for (Frame.Data data : dataOf(frames)) {
            byte[] actual = data.payload().toByteArray();
            byte[] expected = new byte[actual.length];
            int first = sentBytes.merge(data.streamId(), actual.length, Integer::sum) - actual.length;
            for (int i = 0; i < expected.length; i++) {
                int at = first + i;
                expected[i] = (byte) (at / Integer.BYTES >>> 8 * (Integer.BYTES - 1 - at % Integer.BYTES));
            }
            assertThat(actual).isEqualTo(expected);
        }
    }

    private static List<Frame.Data> dataOf(List<Frame> frames) {
        return frames.stream()
                .filter(Frame.Data.class::isInstance)
                .map(Frame.Data.class::cast)
                .toList();
    }

    private static long bytesOf(List<Frame.Data> frames, TunnelStream stream) {
        return frames.stream()
                .filter(data -> data.streamId() == stream.id())
                .mapToLong(data -> data.payload().length())
                .sum();
    }
}
