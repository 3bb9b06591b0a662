package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.RecordingTunnelHandler;
import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.core.testing.TunnelPair;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Threads that wait on streams, over two loops with a thread each. */
class BlockingStreamTest {

    private static final Message.Application OPENING = new Message.Application("copy", null);
    private static final Message RESPONSE = new Message.ProxyResponse("r1", 200, Headers.EMPTY);
    private static final Duration SHORT = Duration.ofMillis(30);
    private static final long PATIENCE_SECONDS = 20;
    private static final int BULK_BYTES = 64 * 1024 * 1024;

    private final CountingLoop gatewayLoop = new CountingLoop("gateway");
    private final ThreadLoop agentLoop = new ThreadLoop("agent");
    private final BlockingQueue<BlockingStream> accepted = new LinkedBlockingQueue<>();
    private final List<BlockingStream> made = new ArrayList<>();
    private RecordingTunnelHandler.Acceptance acceptance = (stream, request, isEnd) -> {
        BlockingStream blocking = BlockingStream.accept(stream, request, isEnd);
        accepted.add(blocking);
        return blocking;
    };
    private final TunnelPair pair = TunnelPair.open(
            new TunnelPair.End(gatewayLoop, TunnelConfig.DEFAULTS, new RecordingTunnelHandler()),
            new TunnelPair.End(
                    agentLoop,
                    TunnelConfig.DEFAULTS,
                    new RecordingTunnelHandler((stream, request, isEnd) -> acceptance.accept(stream, request, isEnd))));

    @AfterEach
    void end() throws InterruptedException {
        made.forEach(BlockingStream::close);
        pair.gateway().close(ErrorCode.NO_ERROR, "");
        gatewayLoop.loop.close();
        agentLoop.close();
    }

    /** How a test gets a thread. */
    private record Kind(String name, boolean isVirtual) {

        Thread start(Runnable task) {
            Thread thread = isVirtual ? virtual(task) : new Thread(task);
            thread.start();
            return thread;
        }

        /** By reflection, because the JDK that compiles this does not know them. */
        private static Thread virtual(Runnable task) {
            try {
                Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
                return (Thread) Class.forName("java.lang.Thread$Builder")
                        .getMethod("unstarted", Runnable.class)
                        .invoke(builder, task);
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
            }
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** Virtual threads are final since 21. */
    static Stream<Kind> kinds() {
        Kind plain = new Kind("plain thread", false);
        return Runtime.version().feature() < 21 ? Stream.of(plain) : Stream.of(plain, new Kind("virtual thread", true));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void bytesArriveAsTheyWereWrittenBothWaysAtOnce(Kind kind) throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();

        List<CompletableFuture<?>> all = List.of(
                runs(kind, () -> writes(here, 1)), runs(kind, () -> writes(there, 2)),
                runs(kind, () -> reads(here, 2)), runs(kind, () -> reads(there, 1)));

        for (CompletableFuture<?> each : all) {
            each.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        assertThat(ended(here).isClean()).isTrue();
        assertThat(ended(there).isClean()).isTrue();
    }

    @Test
    void messagesBehindBytesThatCannotGoWaitInABoundedQueue() throws Exception {
        acceptance = (stream, request, isEnd) -> new RecordingHandler().stopsConsuming();
        BlockingStream here = opens().writeTimeout(SHORT);
        here.output().write(new byte[Settings.DEFAULTS.streamWindowBytes() + 1]);
        Message message = new Message.Application("note", "x".repeat(1_000));

        assertThatExceptionOfType(SocketTimeoutException.class).isThrownBy(() -> {
            for (int i = 0; i < 1_000; i++) {
                here.send(message, false);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void manyThreadsWaitAtOnce(Kind kind) throws Exception {
        int count = 500;
        acceptance = (stream, request, isEnd) -> {
            BlockingStream blocking = BlockingStream.accept(stream, request, isEnd);
            kind.start(() -> echo(blocking));
            return blocking;
        };
        List<CompletableFuture<?>> all = new ArrayList<>();
        List<BlockingStream> streams = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            BlockingStream stream = opens();
            streams.add(stream);
            all.add(runs(
                    kind,
                    () -> assertThat(stream.input().readAllBytes())
                            .containsOnly(7)
                            .hasSize(3_000)));
        }
        for (BlockingStream stream : streams) {
            stream.output().write(repeated(7, 3_000));
            stream.output().close();
        }

        for (CompletableFuture<?> each : all) {
            each.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
    }

    @Test
    void manySingleBytesAreFewTasksForTheLoop() throws Exception {
        CompletableFuture<Void> gate = new CompletableFuture<>();
        BlockingStream here = opens();
        BlockingStream there = takes();
        CompletableFuture<Void> isHeld = new CompletableFuture<>();
        gatewayLoop.execute(() -> {
            isHeld.complete(null);
            gate.join();
        });
        isHeld.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        int before = gatewayLoop.tasks.get();

        for (int i = 0; i < 10_000; i++) {
            here.output().write(i);
        }

        assertThat(gatewayLoop.tasks.get() - before).isLessThan(10);
        gate.complete(null);
        for (int i = 0; i < 10_000; i++) {
            assertThat(there.input().read()).isEqualTo(i & 0xff);
        }
    }

    @Test
    void aWriterWaitsForAReaderThatStopsAndGoesOnWithIt() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        int most = 2 * BlockingOutput.HIGH_WATER_BYTES
                + ByteLane.MAX_SEGMENT_BYTES
                + pair.agent().settings().streamWindowBytes();
        CompletableFuture<?> writing = runs(plain(), () -> here.output().write(new byte[4 * most]));

        awaits(() -> there.input().available() == pair.agent().settings().streamWindowBytes());
        assertThat(writing).isNotDone();
        assertThat(there.input().readNBytes(4 * most)).hasSize(4 * most);
        writing.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void aReadThatTimesOutLosesNothing() throws Exception {
        BlockingStream here = opens().readTimeout(SHORT);
        BlockingStream there = takes();

        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(SocketTimeoutException.class)
                    .isThrownBy(() -> here.input().read());
            assertThatExceptionOfType(SocketTimeoutException.class).isThrownBy(here::receive);
        }
        there.output().write(repeated(3, 100));
        there.send(RESPONSE, true);

        here.readTimeout(Duration.ZERO);
        assertThat(here.input().readAllBytes()).containsOnly(3).hasSize(100);
        assertThat(here.receive()).isEqualTo(RESPONSE);
        assertThat(here.receive()).isNull();
    }

    @Test
    void aWriteThatTimesOutSaysHowFarItGotAndTheReaderLearnsOfIt() throws Exception {
        BlockingStream here = opens().writeTimeout(SHORT);
        BlockingStream there = takes();
        int window = pair.agent().settings().streamWindowBytes();

        assertThatExceptionOfType(SocketTimeoutException.class)
                .isThrownBy(() -> here.output().write(new byte[10 * window]))
                .satisfies(e -> assertThat(e.bytesTransferred).isBetween(window, 10 * window - 1));

        assertThat(ended(there).is(ErrorCode.TIMEOUT)).isTrue();
        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> there.input().readAllBytes())
                .satisfies(e -> assertThat(e.outcome().is(ErrorCode.TIMEOUT)).isTrue());
        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> here.output().write(1));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void anInterruptedReadKeepsTheFlagAndTheStream(Kind kind) throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        CompletableFuture<Boolean> flag = new CompletableFuture<>();
        Thread reading = kind.start(() -> {
            try {
                here.input().read();
            } catch (InterruptedIOException e) {
                flag.complete(Thread.currentThread().isInterrupted());
            } catch (IOException e) {
                flag.completeExceptionally(e);
            }
        });

        awaitsParked(reading);
        reading.interrupt();

        assertThat(flag.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        there.output().write(9);
        assertThat(here.input().read()).isEqualTo(9);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void anInterruptedWriteCancelsTheStream(Kind kind) throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        CompletableFuture<Integer> written = new CompletableFuture<>();
        Thread writing = kind.start(() -> {
            try {
                here.output().write(new byte[BULK_BYTES]);
            } catch (InterruptedIOException e) {
                written.complete(Thread.currentThread().isInterrupted() ? e.bytesTransferred : -1);
            } catch (IOException e) {
                written.completeExceptionally(e);
            }
        });

        awaits(() -> there.input().available() == pair.agent().settings().streamWindowBytes());
        awaitsParked(writing);
        writing.interrupt();

        assertThat(written.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .isBetween(pair.agent().settings().streamWindowBytes(), BULK_BYTES - 1);
        assertThat(ended(there).is(ErrorCode.CANCELLED)).isTrue();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void interruptionClosesTheChannel(Kind kind) throws Exception {
        for (int round = 0; round < 100; round++) {
            interruptionClosesAChannel(kind);
        }
    }

    private void interruptionClosesAChannel(Kind kind) throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        CompletableFuture<Boolean> flag = new CompletableFuture<>();
        Thread reading = kind.start(() -> {
            try {
                here.channel().read(ByteBuffer.allocate(10));
            } catch (ClosedByInterruptException e) {
                flag.complete(Thread.currentThread().isInterrupted());
            } catch (IOException e) {
                flag.completeExceptionally(e);
            }
        });

        awaitsParked(reading);
        reading.interrupt();

        assertThat(flag.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(here.channel().isOpen()).isFalse();
        assertThatExceptionOfType(ClosedChannelException.class)
                .isThrownBy(() -> here.channel().read(ByteBuffer.allocate(10)));
        assertThat(there.input().read()).isEqualTo(-1);
    }

    @Test
    void aThreadThatIsInterruptedAlreadyFindsTheChannelClosed() throws Exception {
        BlockingStream here = opens();
        takes();

        Thread.currentThread().interrupt();
        assertThatExceptionOfType(ClosedByInterruptException.class)
                .isThrownBy(() -> here.channel().write(ByteBuffer.allocate(10)));

        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void closingTheChannelElsewhereEndsARead() throws Exception {
        BlockingStream here = opens();
        takes();
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        Thread reading = plain().start(() -> {
            try {
                here.channel().read(ByteBuffer.allocateDirect(10));
            } catch (IOException e) {
                failure.complete(e);
            }
        });

        awaitsParked(reading);
        here.close();

        assertThat(failure.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isInstanceOf(AsynchronousCloseException.class);
    }

    @Test
    void channelsCarryBuffersOfAllKinds() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        ByteBuffer direct = ByteBuffer.allocateDirect(40_000);
        for (int i = 0; i < direct.capacity(); i++) {
            direct.put(i, (byte) (i % 251));
        }

        assertThat(here.channel().write(direct)).isEqualTo(40_000);
        assertThat(here.channel()
                        .write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}, 1, 2).slice()))
                .isEqualTo(2);
        here.output().close();

        ByteBuffer came = ByteBuffer.allocate(50_000).position(5).slice();
        while (there.channel().read(came) >= 0) {
            assertThat(came.hasRemaining()).isTrue();
        }
        came.flip();
        assertThat(came.remaining()).isEqualTo(40_002);
        for (int i = 0; i < 40_000; i++) {
            assertThat(came.get()).isEqualTo((byte) (i % 251));
        }
        assertThat(came.get()).isEqualTo((byte) 2);
        assertThat(came.get()).isEqualTo((byte) 3);
        assertThat(there.channel().read(ByteBuffer.allocateDirect(1))).isEqualTo(-1);
        assertThatThrownBy(() -> there.channel().read(ByteBuffer.allocate(1).asReadOnlyBuffer()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void oneHalfEndsWithoutTheOther() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();

        here.output().write(1);
        here.output().close();
        here.output().close();
        assertThat(there.input().readAllBytes()).containsExactly(1);
        assertThatThrownBy(() -> here.output().write(2)).isInstanceOf(IOException.class);
        there.output().write(new byte[200_000]);
        there.output().close();

        assertThat(here.input().readAllBytes()).hasSize(200_000);
        assertThat(ended(here).isClean()).isTrue();
        assertThat(ended(there).isClean()).isTrue();
    }

    @Test
    void whatComesOnAClosedInputIsDroppedAndCredited() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        there.output().write(new byte[100_000]);
        awaits(() -> here.input().available() == 100_000);

        here.input().close();
        there.output().write(new byte[3_000_000]);
        there.send(RESPONSE, true);

        assertThat(here.input().available()).isZero();
        assertThatThrownBy(() -> here.input().read()).isInstanceOf(IOException.class);
        assertThat(here.receive()).isEqualTo(RESPONSE);
    }

    @Test
    void closingSendsWhatWasWrittenAndWantsNothingMore() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();

        here.output().write(new byte[60_000]);
        here.close();
        here.close();

        assertThat(there.input().readAllBytes()).hasSize(60_000);
        assertThat(ended(there).isClean()).isTrue();
        assertThat(ended(here)).isEqualTo(Outcome.local(ErrorCode.NO_ERROR, ""));
        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> there.output().write(1));
        assertThatThrownBy(here::receive).isInstanceOf(IOException.class);
    }

    @Test
    void closingWhileAnotherThreadWritesDoesNotLookLikeTheWhole() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        CompletableFuture<?> writing = runs(plain(), () -> here.output().write(new byte[BULK_BYTES]));
        awaits(() -> there.input().available() == pair.agent().settings().streamWindowBytes());

        here.close();

        assertThat(writing).failsWithin(Duration.ofSeconds(PATIENCE_SECONDS));
        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> there.input().readAllBytes())
                .satisfies(e -> assertThat(e.outcome().is(ErrorCode.CANCELLED)).isTrue());
    }

    @Test
    void anEndThatIsNoneComesBehindTheBytesBeforeIt() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        there.output().write(repeated(5, 1_000));
        awaits(() -> here.input().available() == 1_000);

        there.cancel(ErrorCode.UPSTREAM_RESET, "gone");

        assertThat(here.input().readNBytes(1_000)).containsOnly(5);
        for (int i = 0; i < 2; i++) {
            assertThatExceptionOfType(StreamException.class)
                    .isThrownBy(() -> here.input().read())
                    .satisfies(e -> assertThat(e.outcome()).isEqualTo(here.outcome()));
        }
        assertThatExceptionOfType(StreamException.class).isThrownBy(here::receive);
        assertThat(ended(here).is(ErrorCode.UPSTREAM_RESET)).isTrue();
    }

    @Test
    void aCloseCutsTheBodyOfAPlainRequestShort() throws Exception {
        acceptance = (stream, request, isEnd) -> {
            stream.write(Payload.of(new byte[10]));
            stream.close(ErrorCode.NO_ERROR, "");
            return new RecordingHandler();
        };

        BlockingStream raw = opens();
        BlockingStream body = BlockingStream.open(pair.gateway(), Rig.request(), true);

        assertThat(raw.input().readAllBytes()).hasSize(10);
        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> body.input().readAllBytes());
        body.close();
    }

    @Test
    void theEndOfTheTunnelIsTheEndOfAllWaits() throws Exception {
        BlockingStream here = opens();
        takes();
        CompletableFuture<?> reading = runs(plain(), () -> here.input().read());
        CompletableFuture<?> receiving = runs(plain(), here::receive);
        CompletableFuture<?> writing = runs(plain(), () -> here.output().write(new byte[BULK_BYTES]));

        pair.lose();

        for (CompletableFuture<?> each : List.of(reading, receiving, writing)) {
            assertThat(each)
                    .failsWithin(Duration.ofSeconds(PATIENCE_SECONDS))
                    .withThrowableThat()
                    .withCauseInstanceOf(StreamException.class);
        }
        assertThat(ended(here).is(ErrorCode.TRANSPORT_LOST)).isTrue();
    }

    @Test
    void aRefusedStreamSaysSoAtTheFirstRead() throws Exception {
        acceptance = (stream, request, isEnd) -> null;
        BlockingStream here = opens();

        assertThatExceptionOfType(StreamException.class)
                .isThrownBy(() -> here.input().read())
                .satisfies(e -> assertThat(e.outcome().isRetryable()).isTrue());
    }

    @Test
    void messagesComeInOrderAndTheLastEndsTheHalf() throws Exception {
        BlockingStream here = opens();
        BlockingStream there = takes();
        for (int i = 0; i < 50; i++) {
            here.send(new Message.Application("event", i), false);
        }
        here.output().write(repeated(1, 70_000));
        here.send(new Message.Application("event", "last"), true);

        assertThat(there.input().readAllBytes()).hasSize(70_000);
        for (int i = 0; i < 50; i++) {
            assertThat(there.receive()).isEqualTo(new Message.Application("event", i));
        }
        assertThat(there.receive()).isEqualTo(new Message.Application("event", "last"));
        assertThat(there.receive()).isNull();
        assertThatThrownBy(() -> here.send(RESPONSE, false)).isInstanceOf(IOException.class);
    }

    @Test
    void messagesThatNobodyReceivesCostTheStreamAndNoMore() throws Exception {
        BlockingStream tooMany = opens();
        BlockingStream manyThere = takes();
        BlockingStream tooLong = opens();
        BlockingStream longThere = takes();
        Message.Application half = new Message.Application("event", "x".repeat(200_000));

        assertThatExceptionOfType(StreamException.class).isThrownBy(() -> {
            for (int i = 0; i <= 100_000; i++) {
                tooMany.send(RESPONSE, false);
            }
        });
        tooLong.send(half, false);
        awaits(() -> longThere.receive() != null);
        tooLong.send(half, false);
        tooLong.send(half, false);

        assertThat(ended(tooMany).is(ErrorCode.OVERLOADED)).isTrue();
        assertThat(ended(manyThere).is(ErrorCode.OVERLOADED)).isTrue();
        assertThat(ended(tooLong).is(ErrorCode.OVERLOADED)).isTrue();
        for (int i = 0; i < MessageInbox.MAX_MESSAGES; i++) {
            assertThat(manyThere.receive()).isEqualTo(RESPONSE);
        }
        assertThatExceptionOfType(StreamException.class).isThrownBy(manyThere::receive);
    }

    @Test
    void theLoopItselfMustNotWait() throws Exception {
        BlockingStream here = opens();
        takes();
        CompletableFuture<Void> checked = new CompletableFuture<>();

        gatewayLoop.execute(() -> {
            assertThatIllegalStateException().isThrownBy(() -> here.input().read());
            assertThatIllegalStateException().isThrownBy(() -> here.input().read(new byte[0]));
            assertThatIllegalStateException().isThrownBy(() -> here.output().write(1));
            assertThatIllegalStateException().isThrownBy(here::receive);
            assertThatIllegalStateException().isThrownBy(() -> here.send(RESPONSE, false));
            here.close();
            checked.complete(null);
        });

        checked.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    @Test
    void aStreamWhoseHalvesEndedAtTheOpeningSaysSo() throws Exception {
        BlockingStream here = BlockingStream.open(pair.gateway(), OPENING, true);
        BlockingStream there = takes();

        assertThatThrownBy(() -> here.output().write(1)).isInstanceOf(IOException.class);
        assertThat(there.input().read()).isEqualTo(-1);
        there.output().write(8);
        there.close();

        assertThat(here.input().readAllBytes()).containsExactly(8);
        assertThat(ended(here).isClean()).isTrue();
    }

    @Test
    void payloadsAreFreedWhoeverDropsThem() throws Exception {
        for (int round = 0; round < 200; round++) {
            BlockingStream here = opens();
            BlockingStream there = takes();
            CompletableFuture<?> writing = runs(plain(), () -> there.output().write(new byte[100_000]));
            CompletableFuture<?> reading = runs(plain(), () -> here.input().readNBytes(50_000));
            if (round % 2 == 0) {
                here.close();
            } else {
                here.cancel(ErrorCode.CANCELLED, "");
            }
            writing.exceptionally(e -> null).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            reading.exceptionally(e -> null).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            there.close();
            ended(here);
            ended(there);
            assertThat(here.input().available()).isZero();
        }
    }

    @Test
    void timeoutsAreNotNegative() {
        BlockingStream here = opens();

        assertThatThrownBy(() -> here.readTimeout(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> here.writeTimeout(Duration.ofNanos(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    private BlockingStream opens() {
        BlockingStream stream = BlockingStream.open(pair.gateway(), OPENING, false);
        made.add(stream);
        return stream;
    }

    private BlockingStream takes() throws InterruptedException {
        BlockingStream stream = accepted.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        made.add(stream);
        return stream;
    }

    private static Kind plain() {
        return new Kind("plain thread", false);
    }

    @FunctionalInterface
    private interface Work {
        void run() throws Exception;
    }

    private static CompletableFuture<?> runs(Kind kind, Work work) {
        CompletableFuture<@Nullable Void> done = new CompletableFuture<>();
        kind.start(() -> {
            try {
                work.run();
                done.complete(null);
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    @FunctionalInterface
    private interface Check {
        boolean holds() throws Exception;
    }

    private static void awaits(Check check) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!check.holds()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    private static void awaitsParked(Thread thread) throws Exception {
        awaits(() -> thread.getState() == Thread.State.WAITING);
    }

    private static Outcome ended(BlockingStream stream) throws Exception {
        awaits(() -> stream.outcome() != null);
        return stream.outcome();
    }

    private static byte[] repeated(int value, int count) {
        byte[] bytes = new byte[count];
        java.util.Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private static void echo(BlockingStream stream) {
        try (stream) {
            stream.input().transferTo(stream.output());
        } catch (IOException e) {
            stream.cancel(ErrorCode.INTERNAL_ERROR, "the echo failed");
        }
    }

    private static void writes(BlockingStream stream, long seed) throws IOException {
        Random content = new Random(seed);
        Random sizes = new Random(~seed);
        byte[] chunk = new byte[200_000];
        for (int left = BULK_BYTES; left > 0; ) {
            int size = Math.min(left, 1 + sizes.nextInt(1 << sizes.nextInt(18)));
            for (int i = 0; i < size; i++) {
                chunk[i] = (byte) content.nextInt();
            }
            stream.output().write(chunk, 0, size);
            left -= size;
        }
        stream.output().close();
    }

    private static void reads(BlockingStream stream, long seed) throws IOException {
        Random content = new Random(seed);
        Random sizes = new Random(seed * 31);
        byte[] chunk = new byte[200_000];
        int total = 0;
        while (true) {
            int count = stream.input().read(chunk, 0, 1 + sizes.nextInt(1 << sizes.nextInt(18)));
            if (count < 0) {
                break;
            }
            for (int i = 0; i < count; i++) {
                if (chunk[i] != (byte) content.nextInt()) {
                    throw new AssertionError("a wrong byte at " + (total + i));
                }
            }
            total += count;
        }
        assertThat(total).isEqualTo(BULK_BYTES);
    }
}
