package io.tunnelmux.core.simulation;

import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** What happens in one simulation, drawn by lot. */
record Scenario(
        Settings agentSettings,
        Settings gatewaySettings,
        MessageFormat messageFormat,
        List<Opening> openings,
        List<TunnelMessage> tunnelMessages,
        List<Ping> pings,
        List<Fault> faults,
        long mostStallNanos,
        Limits agentLimits,
        Limits gatewayLimits) {

    /**
     * A stream is opened.
     *
     * @param answer what the other side does with it; null leaves that, and whether it takes it at all, to chance
     */
    record Opening(
            String name,
            boolean byAgent,
            long atNanos,
            int pathLength,
            boolean isEnd,
            StreamPlan plan,
            @Nullable StreamPlan answer) {}

    /** A message is sent on the tunnel itself. */
    record TunnelMessage(boolean byAgent, long atNanos, int bytes, boolean isOffLoop) {}

    /**
     * A side is asked for a sign of life.
     *
     * @param isOwn whether it asks the other side itself; if not, it is asked by a ping that nobody has sent
     */
    record Ping(boolean ofAgent, long atNanos, boolean isOwn) {}

    /** Something goes wrong, or is made to end. */
    record Fault(FaultKind kind, boolean byAgent, long atNanos, int bytes, long firstNanos, long secondNanos) {}

    enum FaultKind {
        /** The line is lost, and both sides are told after a while. */
        CUT,
        /** The same, just behind a certain byte, and at once. */
        CUT_AT_BYTE,
        /** The line is lost, and one side at least has to find out by itself. */
        CUT_IN_SILENCE,
        /** One side drains the tunnel. */
        DRAIN,
        /** One side ends the tunnel. */
        CLOSE,
        /** The agent stops for good. */
        STOP
    }

    private static final int[] MAX_FRAME = {1_024, 4_096, 16_384, 32_768, 65_535};
    private static final int[] STREAM_WINDOW = {16_384, 16_385, 20_000, 65_536, 131_072};
    private static final int[] TUNNEL_WINDOW = {65_536, 65_537, 100_000, 1_048_576};
    /** So seldom, one in so many, credit is as large as it can be: that must not overflow, and holds up nobody. */
    private static final int UNLIMITED_ONE_IN = 16;

    private static final int[] MAX_STREAMS = {1, 2, 5, 1_024, 1_024, 1_024};
    private static final int[] MAX_MESSAGE = {4_096, 20_000, 262_144};
    private static final int MOST_STREAMS = 30;
    private static final int MOST_PINGS = 8;
    private static final int MUCH_BYTES = 1_200_000;
    private static final long MILLI = 1_000_000;
    private static final long SPAN_NANOS = 120 * MILLI;

    static Scenario random(SplittableRandom random) {
        boolean canBeSilent = random.nextInt(4) == 0;
        Settings agent = settings(random, canBeSilent);
        Settings gateway = settings(random, canBeSilent);
        List<Opening> openings = openings(random, agent, gateway);
        List<TunnelMessage> messages = new ArrayList<>();
        for (int i = random.nextInt(4) == 0 ? random.nextInt(10) : 0; i > 0; i--) {
            boolean byAgent = random.nextBoolean();
            // Long texts grow a little when they are written.
            int most = (byAgent ? gateway : agent).maxMessageBytes();
            int room = most - most / 100 - 200;
            int bytes = random.nextBoolean() ? 10 : random.nextInt(room);
            messages.add(new TunnelMessage(byAgent, random.nextLong(SPAN_NANOS), bytes, random.nextBoolean()));
        }
        List<Fault> faults = new ArrayList<>();
        for (int i = random.nextInt(5) > 1 ? 0 : 1 + random.nextInt(2); i > 0; i--) {
            faults.add(fault(random, canBeSilent));
        }
        return new Scenario(
                agent,
                gateway,
                random.nextBoolean() ? MessageFormat.CBOR : MessageFormat.JSON,
                openings,
                messages,
                pings(random),
                faults,
                canBeSilent ? 300 * MILLI : 2_000 * MILLI,
                Limits.random(random, agent),
                Limits.random(random, gateway));
    }

    private static List<Ping> pings(SplittableRandom random) {
        List<Ping> pings = new ArrayList<>();
        for (int i = random.nextInt(MOST_PINGS); i > 0; i--) {
            pings.add(new Ping(random.nextBoolean(), random.nextLong(SPAN_NANOS), random.nextInt(4) == 0));
        }
        return pings;
    }

    private static Settings settings(SplittableRandom random, boolean canBeSilent) {
        return Settings.builder()
                .maxFrameBytes(MAX_FRAME[random.nextInt(MAX_FRAME.length)])
                .streamWindowBytes(window(random, STREAM_WINDOW))
                .tunnelWindowBytes(window(random, TUNNEL_WINDOW))
                .maxStreams(MAX_STREAMS[random.nextInt(MAX_STREAMS.length)])
                .maxMessageBytes(MAX_MESSAGE[random.nextInt(MAX_MESSAGE.length)])
                // Where nobody can fall silent, nothing may be helped along by a ping.
                .keepaliveMillis(canBeSilent ? 1_000 : 600_000)
                .keepaliveTimeoutMillis(canBeSilent ? 3_000 : 600_000)
                .build();
    }

    private static int window(SplittableRandom random, int[] sizes) {
        return random.nextInt(UNLIMITED_ONE_IN) == 0 ? Integer.MAX_VALUE : sizes[random.nextInt(sizes.length)];
    }

    private static List<Opening> openings(SplittableRandom random, Settings agent, Settings gateway) {
        int count = 1 + random.nextInt(1 + random.nextInt(MOST_STREAMS));
        List<Opening> openings = new ArrayList<>();
        int plannedBytes = 0;
        for (int i = 0; i < count && plannedBytes < MUCH_BYTES; i++) {
            boolean byAgent = random.nextInt(4) == 0;
            Settings own = byAgent ? agent : gateway;
            Settings peer = byAgent ? gateway : agent;
            StreamPlan plan = StreamPlan.random(random, own, peer, false);
            plannedBytes += plan.plannedBytes();
            int longest = Math.min(peer.maxMessageBytes() - 300, 7_000);
            openings.add(new Opening(
                    "stream-" + i,
                    byAgent,
                    random.nextInt(3) == 0 ? 0 : random.nextLong(SPAN_NANOS),
                    random.nextInt(8) == 0 ? random.nextInt(longest) : random.nextInt(20),
                    random.nextInt(8) == 0,
                    plan,
                    null));
        }
        return openings;
    }

    private static Fault fault(SplittableRandom random, boolean canBeSilent) {
        FaultKind[] kinds = FaultKind.values();
        FaultKind kind = kinds[random.nextInt(kinds.length)];
        return new Fault(
                kind == FaultKind.CUT_IN_SILENCE && !canBeSilent ? FaultKind.CUT : kind,
                random.nextBoolean(),
                random.nextLong(SPAN_NANOS),
                random.nextInt(1 + random.nextInt(40_000)),
                random.nextLong(1 + random.nextLong(1_000 * MILLI)),
                random.nextLong(1 + random.nextLong(100 * MILLI)));
    }

    /** What the other side does with this stream, or null if that is left to chance. */
    @Nullable
    StreamPlan answerTo(String name) {
        for (Opening opening : openings) {
            if (opening.name().equals(name)) {
                return opening.answer();
            }
        }
        throw new AssertionError("a stream that nobody opens: " + name);
    }

    /** About how many bytes the openers are going to write. */
    int plannedBytes() {
        return openings.stream()
                .mapToInt(opening -> opening.plan().plannedBytes())
                .sum();
    }
}
