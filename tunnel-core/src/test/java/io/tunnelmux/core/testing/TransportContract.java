package io.tunnelmux.core.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/**
 * What every transport must do. A test of a transport extends this and makes connected pairs; the ends may live on one loop or on two, on
 * threads or in virtual time. It may add tests of its own, with {@link #dialler()}, {@link #atAcceptor()} and so on. After each test both ends are closed,
 * and no payload may be left.
 *
 * <p>Run by JUnit on one thread; what it does to a transport it does on its loop.
 */
public abstract class TransportContract {

    /** Only failures wait as long. */
    protected static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final int MAX_FRAME_BYTES = SampleFrames.LONGEST_BYTES;
    private static final int BULK_BYTES = 8 * 1024 * 1024;
    /** More than any socket takes from a writer whose peer reads nothing. */
    private static final int ENDLESS_BYTES = 256 * 1024 * 1024;

    private final PayloadTracker tracker = new PayloadTracker();
    private Transport dialler;
    private Transport acceptor;
    private TransportRecorder atDialler;
    private TransportRecorder atAcceptor;

    /** Two ends of one connection, neither of them started. */
    public record Ends(Transport dialler, Transport acceptor) {}

    /** Makes a new connection. What it holds is freed by closing both ends, or after the test. */
    protected abstract Ends connect() throws Exception;

    /** Frees what {@link #connect} made; comes last in each test, after both ends were closed. */
    protected void disconnect() throws Exception {}

    /** Called again and again while a test waits for something; does what virtual time needs to go on. */
    protected void turn() {}

    /** How many bytes of bulk are worth their time here. */
    protected int bulkBytes() {
        return BULK_BYTES;
    }

    @BeforeEach
    void connectBoth() throws Exception {
        Ends ends = connect();
        dialler = ends.dialler();
        acceptor = ends.acceptor();
        atDialler = new TransportRecorder(dialler);
        atAcceptor = new TransportRecorder(acceptor);
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        on(dialler, () -> dialler.close(ErrorCode.NO_ERROR, ""));
        on(acceptor, () -> acceptor.close(ErrorCode.NO_ERROR, ""));
        await("all payloads released", () -> tracker.alive() == 0);
        disconnect();
        assertThat(atDialler.faults()).isEmpty();
        assertThat(atAcceptor.faults()).isEmpty();
    }

    @Test
    void everyKindOfFrameArrivesAsItWasWritten() throws Exception {
        startBoth();
        List<Frame> forth = SampleFrames.everyKind(1);
        List<Frame> back = SampleFrames.everyKind(2);

        send(dialler, SampleFrames.everyKind(1));
        send(acceptor, SampleFrames.everyKind(2));

        await("all frames", () -> atAcceptor.frames().size() >= forth.size());
        await("all frames", () -> atDialler.frames().size() >= back.size());
        assertThat(atAcceptor.frames()).isEqualTo(forth);
        assertThat(atDialler.frames()).isEqualTo(back);
        assertThat(atAcceptor.breaches()).isEmpty();
    }

    @Test
    void emptyAndLongestFramesArrive() throws Exception {
        startBoth();
        List<Frame> frames = new ArrayList<>();
        for (int length : new int[] {0, MAX_FRAME_BYTES, 0, 1, 125, 126, 127, 65_527, 65_528, 513, 512, 0}) {
            frames.add(new Frame.Data(1, Payload.of(SampleFrames.bytes(length)), length == 0 ? Frame.FLAG_END : 0));
        }

        send(dialler, frames);

        await("all frames", () -> atAcceptor.frames().size() >= frames.size());
        assertThat(atAcceptor.frames()).isEqualTo(frames);
    }

    @RepeatedTest(3)
    void anyMixtureArrivesInOrderBothWaysAtOnce() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        startBoth();
        List<Frame> forth = SampleFrames.mixture(random, bulkBytes() / 4);
        List<Frame> back = SampleFrames.mixture(random, bulkBytes() / 4);

        CompletableFuture<Void> sent = sendInBursts(dialler, copiesOf(forth), new Random(seed + 1));
        sendInBursts(acceptor, copiesOf(back), new Random(seed + 2)).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        sent.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);

        await("all frames, seed " + seed, () -> atAcceptor.frames().size() >= forth.size());
        await("all frames, seed " + seed, () -> atDialler.frames().size() >= back.size());
        assertThat(atAcceptor.frames()).as("seed %d", seed).isEqualTo(forth);
        assertThat(atDialler.frames()).as("seed %d", seed).isEqualTo(back);
    }

    @Test
    void nothingIsSentBeforeTheFlush() throws Exception {
        startBoth();
        on(dialler, () -> dialler.write(new Frame.Ping(1, false)));
        on(acceptor, () -> acceptor.write(new Frame.Ping(2, false)));
        on(acceptor, () -> acceptor.flush());

        await("the other way", () -> atDialler.frames().size() == 1);
        assertThat(atAcceptor.frames()).isEmpty();

        on(dialler, () -> dialler.flush());
        await("the frame", () -> atAcceptor.frames().size() == 1);
    }

    @Test
    void nothingIsReceivedBeforeTheStart() throws Exception {
        on(dialler, () -> dialler.start(atDialler, MAX_FRAME_BYTES));
        send(dialler, SampleFrames.everyKind(1));
        on(acceptor, () -> acceptor.write(new Frame.Ping(1, false)));
        on(acceptor, () -> acceptor.flush());
        await("the other way", () -> atDialler.frames().size() == 1);
        assertThat(atAcceptor.frames()).isEmpty();

        on(acceptor, () -> acceptor.start(atAcceptor, MAX_FRAME_BYTES));
        await(
                "what came early",
                () -> atAcceptor.frames().size() == SampleFrames.everyKind(1).size());
    }

    @Test
    void startsOnlyOnce() throws Exception {
        startBoth();

        on(
                dialler,
                () -> assertThatThrownBy(() -> dialler.start(atDialler, MAX_FRAME_BYTES))
                        .isInstanceOf(IllegalStateException.class));
    }

    @Test
    void writesAreRefusedByPressureAndWelcomeAgainWhenItIsGone() throws Exception {
        atAcceptor.countsOnly();
        Pump pump = new Pump(dialler, bulkBytes());
        atDialler.onWritable(pump::run);
        on(dialler, () -> dialler.start(atDialler, MAX_FRAME_BYTES));

        // The acceptor has not started, so nobody reads.
        Pump untilFull = new Pump(dialler, ENDLESS_BYTES);
        on(dialler, () -> {
            untilFull.run();
            assertThat(dialler.isWritable()).isFalse();
        });
        on(dialler, pump::run);
        on(acceptor, () -> acceptor.start(atAcceptor, MAX_FRAME_BYTES));

        await("all bytes", () -> atAcceptor.dataBytes() == untilFull.sentBytes + bulkBytes());
        assertThat(untilFull.sentBytes).isLessThan(ENDLESS_BYTES);
        assertThat(atDialler.writableCalls()).isPositive();
        on(dialler, () -> assertThat(dialler.isWritable()).isTrue());
    }

    @Test
    void pressureInBothDirectionsAtOnceLosesNothing() throws Exception {
        atDialler.countsOnly();
        atAcceptor.countsOnly();
        Pump forth = new Pump(dialler, bulkBytes());
        Pump back = new Pump(acceptor, bulkBytes());
        atDialler.onWritable(forth::run);
        atAcceptor.onWritable(back::run);
        startBoth();

        on(dialler, forth::run);
        on(acceptor, back::run);

        await("all bytes there", () -> atAcceptor.dataBytes() == bulkBytes());
        await("all bytes here", () -> atDialler.dataBytes() == bulkBytes());
    }

    @Test
    void whatIsWrittenAgainstThePressureIsKept() throws Exception {
        atAcceptor.countsOnly();
        startBoth();
        int count = 300;

        on(dialler, () -> {
            for (int i = 0; i < count; i++) {
                dialler.write(new Frame.Data(1, tracker.payload(SampleFrames.bytes(16_384)), 0));
            }
            assertThat(dialler.isWritable()).isFalse();
            dialler.flush();
        });

        await("all bytes", () -> atAcceptor.dataBytes() == count * 16_384L);
        await("room again", () -> atDialler.writableCalls() > 0);
        on(dialler, () -> assertThat(dialler.isWritable()).isTrue());
    }

    @Test
    void closingSendsWhatWasWrittenAndEndsBothSidesOnce() throws Exception {
        startBoth();

        on(dialler, () -> {
            SampleFrames.everyKind(1).forEach(dialler::write);
            dialler.close(ErrorCode.NO_ERROR, "done");
        });

        awaitBothClosed();
        assertThat(atAcceptor.frames()).isEqualTo(SampleFrames.everyKind(1));
        assertThat(atAcceptor.closedCalls()).isEqualTo(1);
        assertThat(atDialler.closedCalls()).isEqualTo(1);
        assertThat(atDialler.cause()).isNull();
        assertThat(atAcceptor.cause()).isNull();
    }

    @Test
    void theAcceptorMayCloseAsWell() throws Exception {
        startBoth();

        on(acceptor, () -> {
            SampleFrames.everyKind(2).forEach(acceptor::write);
            acceptor.close(ErrorCode.NO_ERROR, "done");
        });

        awaitBothClosed();
        assertThat(atDialler.frames()).isEqualTo(SampleFrames.everyKind(2));
        assertThat(atDialler.cause()).isNull();
        assertThat(atAcceptor.cause()).isNull();
    }

    @Test
    void bothMayCloseAtOnceAndOften() throws Exception {
        startBoth();

        on(dialler, () -> dialler.close(ErrorCode.NO_ERROR, ""));
        on(acceptor, () -> acceptor.close(ErrorCode.SHUTTING_DOWN, "also"));
        on(dialler, () -> dialler.close(ErrorCode.INTERNAL_ERROR, "again"));

        awaitBothClosed();
        on(acceptor, () -> acceptor.close(ErrorCode.NO_ERROR, "too late"));
        on(dialler, () -> dialler.close(ErrorCode.NO_ERROR, "too late"));
        assertThat(atDialler.closedCalls()).isEqualTo(1);
        assertThat(atAcceptor.closedCalls()).isEqualTo(1);
    }

    @Test
    void nothingButTheEndComesAfterClosing() throws Exception {
        atDialler.onFrame(frame -> dialler.close(ErrorCode.CANCELLED, "enough"));
        startBoth();

        send(acceptor, SampleFrames.mixture(new Random(1), 200_000));

        awaitBothClosed();
        assertThat(atDialler.frames()).hasSize(1);
        assertThat(atDialler.closedCalls()).isEqualTo(1);
    }

    @Test
    void theEndIsNeverToldFromWithinTheCallThatClosed() throws Exception {
        startBoth();

        on(dialler, () -> {
            dialler.close(ErrorCode.NO_ERROR, "");
            assertThat(atDialler.closedCalls()).isZero();
        });

        awaitBothClosed();
    }

    @Test
    void whatIsWrittenAfterClosingIsReleasedAndForgotten() throws Exception {
        startBoth();

        on(dialler, () -> {
            dialler.close(ErrorCode.NO_ERROR, "");
            dialler.write(new Frame.Data(1, tracker.payload(SampleFrames.bytes(100)), 0));
            dialler.write(new Frame.Message(1, tracker.payload(SampleFrames.bytes(100)), 0));
            dialler.flush();
            assertThat(dialler.isWritable()).isFalse();
            assertThat(tracker.alive()).isZero();
        });

        awaitBothClosed();
        on(dialler, () -> dialler.write(new Frame.Open(1, tracker.payload(SampleFrames.bytes(100)), 0)));
        on(acceptor, () -> acceptor.write(new Frame.Hello(tracker.payload(SampleFrames.bytes(100)), true)));
        assertThat(tracker.alive()).isZero();
        assertThat(atAcceptor.frames()).isEmpty();
    }

    @Test
    void closingFreesWhatThePeerDoesNotTake() throws Exception {
        on(dialler, () -> dialler.start(atDialler, MAX_FRAME_BYTES));
        on(dialler, () -> {
            new Pump(dialler, ENDLESS_BYTES).run();
            dialler.close(ErrorCode.NO_ERROR, "");
        });
        on(acceptor, () -> acceptor.close(ErrorCode.NO_ERROR, ""));

        await("the end", () -> atDialler.closedCalls() == 1);
    }

    @Test
    void whoStartsAfterTheEndIsToldOfIt() throws Exception {
        on(dialler, () -> dialler.start(atDialler, MAX_FRAME_BYTES));
        on(acceptor, () -> acceptor.close(ErrorCode.NO_ERROR, ""));
        await("the end", () -> atDialler.closedCalls() == 1);

        on(acceptor, () -> acceptor.start(atAcceptor, MAX_FRAME_BYTES));

        await("the end", () -> atAcceptor.closedCalls() == 1);
        assertThat(atAcceptor.frames()).isEmpty();
    }

    @Test
    void knowsThePeerAndTheLoop() {
        assertThat(dialler.peer()).isNotEmpty();
        assertThat(acceptor.peer()).isNotEmpty();
        assertThat(dialler.loop()).isSameAs(dialler.loop());
    }

    // ---- for tests that go further ----

    /** Starts both ends with a recorder each. */
    protected final void startBoth() throws Exception {
        on(dialler, () -> dialler.start(atDialler, MAX_FRAME_BYTES));
        on(acceptor, () -> acceptor.start(atAcceptor, MAX_FRAME_BYTES));
    }

    /** The end that dialled, of this test's connection. */
    protected final Transport dialler() {
        return dialler;
    }

    /** The other end. */
    protected final Transport acceptor() {
        return acceptor;
    }

    /** What the dialling end has told since its start. */
    protected final TransportRecorder atDialler() {
        return atDialler;
    }

    /** What the accepting end has told since its start. */
    protected final TransportRecorder atAcceptor() {
        return atAcceptor;
    }

    /** Runs something on the loop of a transport, and returns when it has run. */
    protected final void on(Transport transport, Runnable action) throws Exception {
        if (transport.loop().inLoop()) {
            action.run();
        } else {
            CompletableFuture.runAsync(action, transport.loop()).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
    }

    /** Waits until something is so. */
    protected final void await(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        turn();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited in vain for " + what + "; at dialler " + describe(atDialler)
                        + ", at acceptor " + describe(atAcceptor));
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
            turn();
        }
    }

    /** Waits until both ends have told that they are closed. */
    protected final void awaitBothClosed() throws InterruptedException {
        await("the end at both sides", () -> atDialler.closedCalls() > 0 && atAcceptor.closedCalls() > 0);
    }

    /** Writes frames and flushes once. */
    protected final void send(Transport transport, List<Frame> frames) throws Exception {
        on(transport, () -> {
            frames.forEach(transport::write);
            transport.flush();
        });
    }

    private CompletableFuture<Void> sendInBursts(Transport transport, List<Frame> frames, Random random) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        transport.loop().execute(() -> sendBurst(transport, frames, 0, random, done));
        turn();
        return done;
    }

    private void sendBurst(
            Transport transport, List<Frame> frames, int from, Random random, CompletableFuture<Void> done) {
        int to = Math.min(frames.size(), from + 1 + random.nextInt(20));
        frames.subList(from, to).forEach(transport::write);
        transport.flush();
        if (to < frames.size()) {
            transport.loop().execute(() -> sendBurst(transport, frames, to, random, done));
        } else {
            done.complete(null);
        }
    }

    /** The same frames with payloads of the tracker. */
    private List<Frame> copiesOf(List<Frame> frames) {
        List<Frame> copies = new ArrayList<>();
        for (Frame frame : frames) {
            if (frame instanceof Frame.Data data) {
                copies.add(new Frame.Data(
                        data.streamId(), tracker.payload(data.payload().toByteArray()), data.flags()));
            } else {
                copies.add(frame);
            }
        }
        return copies;
    }

    private static String describe(TransportRecorder recorder) {
        return recorder.frames().size() + " frames, " + recorder.dataBytes() + " bytes, closed "
                + recorder.closedCalls() + ", cause " + recorder.cause() + ", breaches " + recorder.breaches();
    }

    /** Writes DATA as long as there is room, and goes on when told that there is. */
    private final class Pump {

        private final Transport transport;
        private final int totalBytes;
        private volatile long sentBytes;

        Pump(Transport transport, int totalBytes) {
            this.transport = transport;
            this.totalBytes = totalBytes;
        }

        void run() {
            while (sentBytes < totalBytes && transport.isWritable()) {
                int length = (int) Math.min(16_384, totalBytes - sentBytes);
                transport.write(new Frame.Data(1, tracker.payload(new byte[length]), 0));
                sentBytes += length;
                if (!transport.isWritable()) {
                    transport.flush();
                }
            }
            transport.flush();
        }
    }
}
