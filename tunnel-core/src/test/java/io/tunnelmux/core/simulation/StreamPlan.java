package io.tunnelmux.core.simulation;

import io.tunnelmux.core.Priority;
import io.tunnelmux.protocol.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What the application does with its side of one stream: what it sends, piece by piece, and how it takes what comes.
 *
 * @param isPolite whether it stops writing while the stream is not writable
 * @param isOffLoop whether it calls from another thread than the loop
 * @param throwsAtCall in which of its callbacks it fails; 0 is none, {@link #AT_THE_END} the last
 * @param abortsAfterNanos when it gives the stream up, whatever else it does; 0 is never
 */
record StreamPlan(
        List<Step> steps,
        boolean isPolite,
        boolean isOffLoop,
        Consumer consumer,
        int throwsAtCall,
        long abortsAfterNanos,
        boolean abortsByClose) {

    /** Fails when it is told of the stream's end. */
    static final int AT_THE_END = -1;

    sealed interface Step {}

    record Write(int bytes, boolean isLast) implements Step {}

    record Send(int bytes, boolean isLast) implements Step {}

    record Pause(long nanos) implements Step {}

    /** Waits until the peer's half has ended. */
    record AwaitEnd() implements Step {}

    record End() implements Step {}

    record Close() implements Step {}

    record Cancel() implements Step {}

    record Prioritise(Priority priority) implements Step {}

    /**
     * How what comes is taken.
     *
     * @param batchBytes so many are gathered before they are consumed
     * @param delayNanos each batch is consumed so much later, at most
     * @param silentNanos nothing is consumed before
     * @param isDeaf nothing is consumed at all
     */
    record Consumer(int batchBytes, long delayNanos, long silentNanos, boolean isDeaf) {}

    private static final int MOST_PIECES = 24;
    private static final int SOME_BYTES = 60_000;
    private static final int MANY_BYTES = 300_000;
    private static final int MOST_BYTES = 1_000_000;
    /** Of a window without an end, what is taken for its edge. */
    private static final int MOST_WINDOW_BYTES = 131_072;

    private static final long MILLI = 1_000_000;

    /**
     * A plan by lot.
     *
     * @param peer what the other side allows, for what lies at the edges
     * @param awaits whether it may wait for the other side's end, which only one side may
     */
    static StreamPlan random(SplittableRandom random, Settings own, Settings peer, boolean awaits) {
        List<Step> steps = new ArrayList<>();
        int total = totalBytes(random, Math.min(peer.streamWindowBytes(), MOST_WINDOW_BYTES));
        int pieces = total == 0 ? 0 : 1 + random.nextInt(Math.min(random.nextInt(6) == 0 ? 1 : MOST_PIECES, total));
        int pausePercent = random.nextInt(3) > 0 ? 0 : random.nextInt(50);
        int messagePercent = random.nextInt(3) > 0 ? 0 : random.nextInt(60);
        if (awaits && random.nextInt(4) == 0) {
            steps.add(new AwaitEnd());
        }
        int rest = total;
        for (int i = 0; i < pieces; i++) {
            if (random.nextInt(100) < pausePercent) {
                steps.add(new Pause(random.nextLong(20 * MILLI)));
            }
            if (random.nextInt(100) < messagePercent) {
                steps.add(new Send(messageBytes(random, peer), false));
            }
            int bytes = i == pieces - 1 ? rest : random.nextInt(rest / (pieces - i) * 2 + 1);
            rest -= bytes;
            steps.add(new Write(bytes, false));
        }
        if (awaits && random.nextInt(3) == 0) {
            steps.add(new AwaitEnd());
        }
        addEnd(random, peer, steps);
        for (int i = random.nextInt(3) > 0 ? 0 : 1 + random.nextInt(3); i > 0; i--) {
            Priority[] priorities = Priority.values();
            steps.add(random.nextInt(steps.size()), new Prioritise(priorities[random.nextInt(priorities.length)]));
        }
        boolean isDeaf = random.nextInt(25) == 0;
        boolean isStuck = isDeaf && random.nextInt(4) == 0;
        boolean aborts = isDeaf && !isStuck || random.nextInt(12) == 0;
        return new StreamPlan(
                steps,
                random.nextInt(4) > 0,
                random.nextInt(5) == 0,
                consumer(random, own, isDeaf),
                throwsAt(random),
                aborts ? 1 + random.nextLong(60 * MILLI) : 0,
                random.nextBoolean());
    }

    private static void addEnd(SplittableRandom random, Settings peer, List<Step> steps) {
        switch (random.nextInt(10)) {
            case 0 -> steps.add(new Send(messageBytes(random, peer), true));
            case 1, 2 -> steps.add(new Write(random.nextInt(2_000), true));
            case 3 -> steps.add(new Close());
            case 4 -> {
                steps.add(new End());
                steps.add(new Close());
            }
            case 5 -> steps.add(random.nextInt(steps.size() + 1), new Cancel());
            default -> steps.add(new End());
        }
    }

    private static int throwsAt(SplittableRandom random) {
        int chance = random.nextInt(60);
        return chance < 3 ? 1 + random.nextInt(6) : chance == 3 ? AT_THE_END : 0;
    }

    private static Consumer consumer(SplittableRandom random, Settings own, boolean isDeaf) {
        int mostBatch = Math.min(own.streamWindowBytes(), MOST_WINDOW_BYTES) / 4;
        return switch (random.nextInt(25)) {
            case 0, 1, 2, 3 -> new Consumer(1, random.nextLong(20 * MILLI), 0, isDeaf);
            case 4, 5, 6, 7 -> new Consumer(1 + random.nextInt(mostBatch), 0, 0, isDeaf);
            case 8, 9, 10, 11 -> new Consumer(1, 0, random.nextLong(200 * MILLI), isDeaf);
            case 12 -> new Consumer(1, 0, random.nextLong(20_000 * MILLI), isDeaf);
            case 13, 14, 15, 16 -> new Consumer(1 + random.nextInt(mostBatch), random.nextLong(3 * MILLI), 0, isDeaf);
            default -> new Consumer(1, 0, 0, isDeaf);
        };
    }

    private static int totalBytes(SplittableRandom random, int window) {
        return switch (random.nextInt(24)) {
            case 0, 1, 2 -> 0;
            case 3, 4 -> 1;
            case 5 -> window - 1;
            case 6 -> window;
            case 7 -> window + 1;
            case 8 -> Math.min(MOST_BYTES, 2 * window + random.nextInt(3) - 1);
            case 9, 10 -> random.nextInt(MANY_BYTES);
            case 11 -> random.nextInt(40) == 0 ? MOST_BYTES : random.nextInt(SOME_BYTES);
            case 12, 13, 14, 15 -> random.nextInt(SOME_BYTES);
            default -> random.nextInt(3_000);
        };
    }

    private static int messageBytes(SplittableRandom random, Settings peer) {
        // Long texts grow a little when they are written.
        int room = peer.maxMessageBytes() - peer.maxMessageBytes() / 100 - 200;
        return switch (random.nextInt(8)) {
            case 0 -> Math.min(room, peer.maxFrameBytes() * 3);
            case 1 -> Math.min(room, peer.maxFrameBytes() - 60 + random.nextInt(120));
            case 2 -> random.nextInt(20) == 0 ? peer.maxMessageBytes() + 1 : 10;
            default -> random.nextInt(200);
        };
    }

    /** Whether it never takes what comes, and leaves it at that. */
    boolean isStuck() {
        return consumer.isDeaf() && abortsAfterNanos == 0;
    }

    /** How many bytes it is going to write. */
    int plannedBytes() {
        int sum = 0;
        for (Step step : steps) {
            if (step instanceof Write write) {
                sum += write.bytes();
            }
        }
        return sum;
    }
}
