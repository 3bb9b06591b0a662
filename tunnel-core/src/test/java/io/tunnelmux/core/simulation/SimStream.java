package io.tunnelmux.core.simulation;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One side of one stream: an application that follows its {@link StreamPlan}, and a judge of what it is told. */
final class SimStream implements StreamHandler {

    private static final int HIGH_WATER_BYTES = 128 * 1024;
    private static final int LOW_WATER_BYTES = 64 * 1024;
    /** Beside its text, what a message may have on the wire and count in a queue. */
    private static final int MESSAGE_OVERHEAD_BYTES = 256;

    private static final String MESSAGE_TYPE = "simulated";

    private final Simulation simulation;
    private final World world;
    private final SimPeer side;
    private final String name;
    private final StreamPlan plan;
    private final World.@Nullable Loop acting;
    private final Content sent;
    private final Content expected;
    private final Deque<Payload> held = new ArrayDeque<>();
    private @Nullable TunnelStream stream;
    private @Nullable SimStream other;
    private @Nullable WireModel wire;

    private int nextStep;
    private boolean isWaitingForWritable;
    private boolean isWaitingForEnd;
    private boolean isWaiting;
    private boolean isEndedHere;
    private boolean isClosedHere;
    private boolean isCancelledHere;
    private boolean hasThrown;
    private boolean wasTooLong;
    private int largestWrite;
    private long writtenBytes;
    private int sentMessages;
    /** What each message may count, in the order in which they were sent. */
    private final List<Integer> messageBytes = new ArrayList<>();

    private int calls;
    private long receivedBytes;
    private long consumedBytes;
    private int receivedMessages;
    private boolean isEndReceived;
    private int batchedBytes;
    private boolean isSilent;
    private @Nullable Outcome outcome;

    /** @param name the opener's name, which both sides of a stream have in common */
    SimStream(Simulation simulation, SimPeer side, String name, StreamPlan plan) {
        this.simulation = simulation;
        this.side = side;
        this.name = name;
        this.plan = plan;
        world = simulation.world();
        acting = plan.isOffLoop() ? null : side.loop();
        sent = new Content(name + " from " + side);
        expected = new Content(name + " from " + side.otherSide());
        isSilent = plan.consumer().silentNanos() > 0;
    }

    /** Begins to follow the plan. */
    void begin(TunnelStream newStream, WireModel newWire, boolean isEndSent, boolean isEndThere) {
        stream = newStream;
        wire = newWire;
        isEndedHere = isEndSent;
        isEndReceived = isEndThere;
        if (plan.abortsAfterNanos() > 0) {
            world.after(plan.abortsAfterNanos(), acting, this::abort);
        }
        if (plan.isStuck()) {
            simulation.onStuck();
        }
        if (isSilent) {
            world.after(plan.consumer().silentNanos(), acting, this::wakeConsumer);
        }
        if (world.random.nextInt(4) > 0 || plan.isOffLoop()) {
            world.after(0, acting, this::act);
        } else {
            act();
        }
    }

    void joins(SimStream opener) {
        other = opener;
        opener.other = this;
    }

    boolean isEnded() {
        return outcome != null;
    }

    private TunnelStream stream() {
        if (stream == null) {
            throw new AssertionError(this + " has no stream yet");
        }
        return stream;
    }

    private WireModel.Half half() {
        if (wire == null) {
            throw new AssertionError(this + " has no wire yet");
        }
        return wire.half(stream().id());
    }

    // What the application does.

    private boolean isDone() {
        return outcome != null || isClosedHere || isCancelledHere;
    }

    private void act() {
        while (!isDone() && !isWaiting && nextStep < plan.steps().size()) {
            StreamPlan.Step step = plan.steps().get(nextStep);
            if (!mayStep(step)) {
                return;
            }
            nextStep++;
            follow(step);
        }
    }

    private boolean mayStep(StreamPlan.Step step) {
        if (step instanceof StreamPlan.AwaitEnd) {
            isWaitingForEnd = !isEndReceived;
            return isEndReceived;
        }
        boolean isWrite = step instanceof StreamPlan.Write;
        isWaitingForWritable = isWrite && plan.isPolite() && !stream().isWritable();
        return !isWaitingForWritable;
    }

    private void follow(StreamPlan.Step step) {
        if (step instanceof StreamPlan.Write write && !isEndedHere) {
            write(write.bytes(), write.isLast());
        } else if (step instanceof StreamPlan.Send send && !isEndedHere) {
            send(send.bytes(), send.isLast());
        } else if (step instanceof StreamPlan.Pause pause) {
            isWaiting = true;
            world.after(pause.nanos(), acting, () -> {
                isWaiting = false;
                act();
            });
        } else if (step instanceof StreamPlan.End) {
            isEndedHere = true;
            stream().end();
        } else if (step instanceof StreamPlan.Close) {
            close();
        } else if (step instanceof StreamPlan.Cancel) {
            cancel();
        } else if (step instanceof StreamPlan.Prioritise prioritise) {
            stream().priority(prioritise.priority());
        }
    }

    private void write(int bytes, boolean isLast) {
        Payload payload = sent.payload(simulation.tracker(), writtenBytes, bytes);
        writtenBytes += bytes;
        largestWrite = Math.max(largestWrite, bytes);
        isEndedHere = isLast;
        if (isLast) {
            stream().writeLast(payload);
        } else {
            stream().write(payload);
        }
    }

    private void send(int bytes, boolean isLast) {
        Message message = new Message.Application(
                MESSAGE_TYPE,
                Integer.toString(sentMessages),
                Long.toString(writtenBytes),
                null,
                "x".repeat(bytes),
                null);
        wasTooLong |= bytes > simulation.peerSettings(side).maxMessageBytes();
        sentMessages++;
        messageBytes.add(bytes + MESSAGE_OVERHEAD_BYTES);
        isEndedHere = isLast;
        stream().send(message, isLast);
    }

    private void close() {
        if (stream().id() == 0) {
            // What comes from here on counts as taken; for that it needs its number, which it gets on the loop.
            world.after(0, acting, this::closeIfAlive);
            return;
        }
        isClosedHere = true;
        half().isDropping = true;
        stream().close(ErrorCode.UPSTREAM_RESET, "close by " + side);
    }

    private void closeIfAlive() {
        if (!isDone()) {
            close();
        }
    }

    private void cancel() {
        isCancelledHere = true;
        stream().cancel(ErrorCode.CANCELLED, "cancel by " + side);
    }

    private void abort() {
        if (!isDone()) {
            trace("aborts");
            if (plan.abortsByClose() && !plan.consumer().isDeaf()) {
                close();
            } else {
                cancel();
            }
        }
    }

    private void wakeConsumer() {
        isSilent = false;
        consumeBatch();
    }

    private void consumeBatch() {
        int bytes = batchedBytes;
        if (bytes == 0 || isSilent || plan.consumer().isDeaf()) {
            return;
        }
        batchedBytes = 0;
        long delayNanos = plan.consumer().delayNanos();
        if (delayNanos == 0 && !plan.isOffLoop()) {
            consume(bytes);
        } else {
            world.after(delayNanos == 0 ? 0 : world.random.nextLong(delayNanos), acting, () -> consume(bytes));
        }
    }

    private void consume(int bytes) {
        consumedBytes += bytes;
        half().consumedBytes += bytes;
        for (long released = 0; released < bytes && !held.isEmpty(); ) {
            released += held.peekFirst().length();
            held.removeFirst().release();
        }
        stream().consumed(bytes);
    }

    // What the application is told.

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        requireAlive(from);
        int length = data.payload().length();
        byte[] bytes = simulation.scratch();
        data.payload().copyTo(0, bytes, 0, length);
        require(expected.matches(bytes, length, receivedBytes), () -> "wrong bytes behind " + receivedBytes);
        receivedBytes += length;
        if (length == 0) {
            data.payload().release();
        } else {
            held.add(data.payload());
            batchedBytes += length;
        }
        long unconsumed = receivedBytes - consumedBytes;
        require(
                isClosedHere || unconsumed <= side.limits().maxStreamWindowBytes(),
                () -> "is made to hold " + unconsumed + " bytes");
        if (data.isEnd()) {
            onEnd();
        }
        if (batchedBytes >= plan.consumer().batchBytes() || data.isEnd()) {
            consumeBatch();
        }
        throwIfPlanned();
    }

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        requireAlive(from);
        if (!(message instanceof Message.Application application)) {
            throw new AssertionError(this + " got " + message);
        }
        require(
                Integer.toString(receivedMessages).equals(application.id()),
                () -> "message out of order: " + application.id());
        require(
                Long.toString(receivedBytes).equals(application.requestId()),
                () -> "message behind " + receivedBytes + " bytes, sent behind " + application.requestId());
        receivedMessages++;
        if (isEnd) {
            onEnd();
        }
        throwIfPlanned();
    }

    private void onEnd() {
        require(!isEndReceived, "END twice");
        isEndReceived = true;
        SimStream sender = other;
        require(sender != null && sender.isEndedHere, "END that nobody said");
        requireWhole(sender);
        if (isWaitingForEnd) {
            isWaitingForEnd = false;
            goOn();
        }
    }

    /** Acts from within a callback, or soon after. */
    private void goOn() {
        if (plan.isOffLoop() || world.random.nextBoolean()) {
            world.after(0, acting, this::act);
        } else {
            act();
        }
    }

    private void requireWhole(SimStream sender) {
        require(
                receivedBytes == sender.writtenBytes && receivedMessages == sender.sentMessages,
                () -> "got " + receivedBytes + " bytes and " + receivedMessages + " messages of " + sender.writtenBytes
                        + " and " + sender.sentMessages);
    }

    private void throwIfPlanned() {
        calls++;
        if (calls == plan.throwsAtCall()) {
            hasThrown = true;
            throw new IllegalStateException("on purpose");
        }
    }

    @Override
    public void onWritable(TunnelStream from) {
        requireAlive(from);
        require(from.isWritable(), "is told to be writable and is not");
        if (isWaitingForWritable) {
            isWaitingForWritable = false;
            goOn();
        }
        throwIfPlanned();
    }

    @Override
    public void onClosed(TunnelStream from, Outcome newOutcome) {
        trace(newOutcome.toString());
        require(outcome == null, () -> "ends twice: " + outcome + ", then " + newOutcome);
        outcome = newOutcome;
        held.forEach(Payload::release);
        held.clear();
        simulation.onStreamEnded();
        judge(newOutcome);
        if (plan.throwsAtCall() == StreamPlan.AT_THE_END) {
            throw new IllegalStateException("on purpose");
        }
    }

    private void judge(Outcome end) {
        SimStream there = other;
        ErrorCode code = ErrorCode.of(end.code());
        if (!end.isLocal() && code != ErrorCode.TRANSPORT_LOST && code != ErrorCode.NO_ERROR && there != null) {
            requireSaid(end, there);
        }
        if (end.isRetryable()) {
            require(there == null || there.stream == null, "was touched and is called retryable: " + end);
        }
        if (code == ErrorCode.TRANSPORT_LOST) {
            boolean isDrained = end.isLocal() && end.reason().endsWith(": drained");
            require(side.mayLoseTunnel() && !isDrained, "loses a transport that stands: " + end);
        } else if (end.isLocal()) {
            judgeLocal(end, code);
        } else if (isClean(end)) {
            require(isEndReceived && isEndedHere, "ends clean and is not whole");
        } else if (end.reason().startsWith("close by")) {
            require(there != null && there.isClosedHere, "is closed by nobody: " + end);
            if (there != null && !isClosedHere) {
                requireWhole(there);
                require(isEndReceived == there.isEndedHere, "END is lost before a CLOSE");
            }
        } else if (end.reason().startsWith("cancel by")) {
            require(there != null && there.isCancelledHere, "is cancelled by nobody: " + end);
        } else if (code == ErrorCode.REFUSED) {
            require(end.isRetryable(), "refused, and not retryable: " + end);
        } else if (code == ErrorCode.OVERLOADED) {
            require(isShed(end, side.otherSide()), () -> "was not in the way: " + end);
        } else {
            require(code == ErrorCode.INTERNAL_ERROR || code == ErrorCode.FRAME_TOO_LARGE, "ends with " + end);
            require(
                    code == ErrorCode.FRAME_TOO_LARGE
                            ? there != null && there.wasTooLong
                            : there == null || there.hasThrown,
                    "ends for no reason: " + end);
        }
    }

    /** What has failed on one side is not for the other's eyes, only that it has. */
    private static boolean isReasonOf(Outcome said, String heard) {
        return said.is(ErrorCode.INTERNAL_ERROR)
                ? said.reason().startsWith(heard)
                : said.reason().equals(heard);
    }

    /** What ended this side is what the other side has ended with, and itself wanted. */
    private void requireSaid(Outcome end, SimStream there) {
        Outcome said = there.outcome;
        require(
                said != null && said.isLocal() && said.code() == end.code() && isReasonOf(said, end.reason()),
                () -> "ends with " + end + ", and the other side with " + said);
    }

    private void judgeLocal(Outcome end, @Nullable ErrorCode code) {
        boolean isOwnWish = isClosedHere && end.reason().equals("close by " + side)
                || isCancelledHere && end.reason().equals("cancel by " + side);
        boolean isFailure =
                code == ErrorCode.INTERNAL_ERROR && hasThrown || code == ErrorCode.FRAME_TOO_LARGE && wasTooLong;
        boolean isRefusal = code == ErrorCode.REFUSED && end.isRetryable() && receivedBytes == 0;
        boolean isShed = code == ErrorCode.OVERLOADED && isShed(end, side);
        require(isOwnWish || isFailure || isRefusal || isShed, "ends itself: " + end);
    }

    private static boolean isShed(Outcome end, SimPeer by) {
        return end.reason().startsWith("memory is short") && by.limits().isMemoryShort();
    }

    /** What this stream, if it is on that wire, is made to hold at a time when its loop has nothing more to do. */
    long heldBytes(WireModel on) {
        if (outcome != null || stream == null || stream.id() == 0 || wire != on) {
            return 0;
        }
        return receivedBytes - consumedBytes + writtenBytes - half().sentBytes;
    }

    /** Judges a side whose loop has nothing more to do, and whose transport would take more. */
    void checkIdle(WireModel on) {
        if (outcome != null || stream == null || stream.id() == 0 || wire != on) {
            return;
        }
        WireModel.Half half = half();
        long waiting = writtenBytes - half.sentBytes;
        boolean isBlocked = waiting > 0 && (half.creditBytes == 0 || on.tunnelCreditBytes() == 0);
        require(half.isOpened, "has not sent its OPEN");
        require(
                waiting == 0 || isBlocked,
                () -> "holds back " + waiting + " bytes, credit " + half.creditBytes + " and "
                        + on.tunnelCreditBytes());
        require(waiting > 0 || !isEndedHere || half.isEndSent, "holds back its END");
        require(waiting > 0 || sentMessages == half.sentMessages, "holds back a message");
        require(waiting > 0 || !isClosedHere, "holds back its CLOSE");
        require(!isCancelledHere, "is cancelled and has not ended");
        long waitingWithMessages = waiting
                + messageBytes.subList(half.sentMessages, sentMessages).stream()
                        .mapToLong(Integer::longValue)
                        .sum();
        require(
                !isWaitingForWritable || isClosedHere || waitingWithMessages > LOW_WATER_BYTES,
                "is writable and was not told so");
        boolean isBounded = plan.isPolite() && !plan.isOffLoop();
        require(!isBounded || waiting < HIGH_WATER_BYTES + largestWrite, () -> "has queued " + waiting + " bytes");
    }

    /** What is left of it when all is over. */
    void checkOver() {
        require(outcome != null, "has never ended");
        SimStream there = other;
        if (there != null && there.outcome != null && isClean(outcome)) {
            Outcome end = there.outcome;
            require(
                    isClean(end) || end.isLocal() || end.is(ErrorCode.TRANSPORT_LOST),
                    () -> "ends clean, and the other side is told " + end);
        }
    }

    private static boolean isClean(Outcome end) {
        return !end.isLocal() && end.is(ErrorCode.NO_ERROR) && end.reason().isEmpty();
    }

    private void requireAlive(TunnelStream from) {
        require(from == stream || stream == null, "is told of another stream");
        require(outcome == null, "is told of something after its end");
        require(side.loop().inLoop(), "is called outside of its loop");
    }

    private void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(this + " " + what);
        }
    }

    /** Says what is wrong only where something is: most of the time went into sentences that nobody read. */
    private void require(boolean holds, Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(this + " " + what.get());
        }
    }

    private void trace(String what) {
        if (world.isTracing()) {
            world.trace(this + " " + what);
        }
    }

    @Override
    public String toString() {
        return name + " at " + side + (stream == null ? "" : " (stream " + stream.id() + ")");
    }
}
