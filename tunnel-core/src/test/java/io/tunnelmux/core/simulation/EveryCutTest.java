package io.tunnelmux.core.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.BytePipe;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** One short conversation, broken off behind each of its bytes: with word of it, and in silence. */
class EveryCutTest {

    private static final IOException CUT = new IOException("cut");
    private static final long MILLI = 1_000_000;
    private static final Settings SETTINGS = Settings.builder()
            .maxFrameBytes(1_024)
            .keepaliveMillis(1_000)
            .keepaliveTimeoutMillis(2_000)
            .build();
    private static final StreamPlan.Consumer TAKES = new StreamPlan.Consumer(1, 0, 0, false);

    private static final List<StreamPlan.Step[]> ANSWERS = List.of(
            steps(new StreamPlan.Send(30, false), new StreamPlan.Write(100, true)),
            steps(new StreamPlan.AwaitEnd(), new StreamPlan.Send(5, true)),
            steps(new StreamPlan.Write(20, false), new StreamPlan.Close()),
            steps(new StreamPlan.Write(25, false), new StreamPlan.End()),
            steps(new StreamPlan.AwaitEnd(), new StreamPlan.End()),
            steps(new StreamPlan.AwaitEnd(), new StreamPlan.Write(60, false), new StreamPlan.End()));

    @Test
    void leavesNothingBehindWhereverTheLineBreaks() {
        breakEverywhere((pipe, bytes) -> pipe.whenArrivedAtRight(bytes, () -> pipe.lose(CUT, 0, 0)), true);
        breakEverywhere((pipe, bytes) -> pipe.whenArrivedAtLeft(bytes, () -> pipe.lose(CUT, 0, 0)), false);
    }

    @Test
    void leavesNothingBehindWhereverTheLineFallsSilent() {
        breakEverywhere((pipe, bytes) -> pipe.whenArrivedAtRight(bytes, () -> pipe.lose(CUT, -1, -1)), true);
        breakEverywhere((pipe, bytes) -> pipe.whenArrivedAtLeft(bytes, () -> pipe.lose(CUT, -1, -1)), false);
    }

    private static void breakEverywhere(BiConsumer<BytePipe, Long> breaking, boolean atRight) {
        AtomicReference<BytePipe> whole = new AtomicReference<>();
        new Simulation(1, false, scenario(), whole::set).run();
        long bytes = atRight ? whole.get().arrivedAtRight() : whole.get().arrivedAtLeft();
        assertThat(bytes).isBetween(500L, 5_000L);
        for (long i = 0; i <= bytes; i++) {
            long at = i;
            try {
                new Simulation(i, false, scenario(), pipe -> breaking.accept(pipe, at)).run();
            } catch (AssertionError e) {
                throw new AssertionError(
                        "broken off behind byte " + i + (atRight ? " of the agent" : " of the gateway"), e);
            }
        }
    }

    private static Scenario scenario() {
        List<Scenario.Opening> openings = new ArrayList<>();
        openings.add(opening(0, false, true));
        openings.add(opening(1, false, false, new StreamPlan.Write(150, false), new StreamPlan.Write(10, true)));
        openings.add(opening(
                2, true, false, new StreamPlan.Send(20, false), new StreamPlan.Write(30, false), new StreamPlan.End()));
        openings.add(opening(3, false, false, new StreamPlan.Write(40, false), new StreamPlan.Close()));
        openings.add(opening(4, true, false, new StreamPlan.Write(40, false), new StreamPlan.Cancel()));
        openings.add(opening(5, false, false, new StreamPlan.Pause(3 * MILLI), new StreamPlan.Send(10, true)));
        List<Scenario.TunnelMessage> messages = List.of(new Scenario.TunnelMessage(true, 2 * MILLI, 10, false));
        List<Scenario.Ping> pings = List.of(new Scenario.Ping(false, 3 * MILLI, true));
        Limits limits = Limits.fixed(SETTINGS);
        return new Scenario(
                SETTINGS,
                SETTINGS,
                MessageFormat.CBOR,
                openings,
                messages,
                pings,
                List.of(),
                10 * MILLI,
                limits,
                limits);
    }

    private static StreamPlan.Step[] steps(StreamPlan.Step... steps) {
        return steps;
    }

    private static Scenario.Opening opening(int number, boolean byAgent, boolean isEnd, StreamPlan.Step... steps) {
        return new Scenario.Opening(
                "stream-" + number, byAgent, number * MILLI, 10, isEnd, plan(steps), plan(ANSWERS.get(number)));
    }

    private static StreamPlan plan(StreamPlan.Step... steps) {
        return new StreamPlan(List.of(steps), true, false, TAKES, 0, 0, false);
    }
}
