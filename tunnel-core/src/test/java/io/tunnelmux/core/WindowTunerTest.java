package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WindowTunerTest {

    private static final int KIB = 1024;
    private static final int FIRST_BYTES = Settings.DEFAULT_STREAM_WINDOW_BYTES;
    private static final int CHUNK_BYTES = 16 * KIB;
    private static final long MILLI = 1_000_000;
    private static final double LINE = 12_500_000;

    private final VirtualLoop loop = new VirtualLoop();
    private final List<Long> pingsNanos = new ArrayList<>();
    private final List<Flow> flows = new ArrayList<>();
    private long roundTripNanos = 100 * MILLI;
    private double lineBytesPerSecond = LINE;
    private int turn;
    private boolean isLineBusy;
    private RoundTrips roundTrips;
    private TunnelMemory memory;
    private WindowTuner tuner;

    /** A sender that always has more, a line that it shares with others, and a consumer. */
    private final class Flow {

        private final ReceiveWindow window;
        private final SendWindow credit;
        private final boolean isTunnel;
        private final double consumedPerSecond;
        private long arrivedBytes;
        private long queuedBytes;
        private boolean isConsuming;
        private boolean isStopped;
        private int mostBytes;
        private int grants;
        private int leastCreditBytes = Integer.MAX_VALUE;

        Flow(int firstBytes, boolean isTunnel, double consumedPerSecond) {
            window = new ReceiveWindow(firstBytes, isTunnel ? WindowTuner.LEAST_TUNNEL_BYTES : firstBytes);
            credit = new SendWindow(firstBytes);
            this.isTunnel = isTunnel;
            this.consumedPerSecond = consumedPerSecond;
            flows.add(this);
            fillLine();
        }

        void arrive(int bytes) {
            assertThat(window.onReceived(bytes)).isTrue();
            arrivedBytes += bytes;
            queuedBytes += bytes;
            consume();
        }

        private void consume() {
            if (isConsuming || queuedBytes == 0) {
                return;
            }
            int bytes = (int) Math.min(queuedBytes, CHUNK_BYTES);
            if (consumedPerSecond == Double.POSITIVE_INFINITY) {
                take(bytes);
            } else {
                isConsuming = true;
                loop.schedule(
                        () -> {
                            isConsuming = false;
                            take(bytes);
                            consume();
                        },
                        (long) (bytes / consumedPerSecond * 1e9));
            }
        }

        private void take(int bytes) {
            queuedBytes -= bytes;
            if (window.onTaken(bytes) != ReceiveWindow.Due.NOW) {
                return;
            }
            int grant = isTunnel ? tuner.takeTunnelGrant(window) : tuner.takeStreamGrant(window);
            mostBytes = Math.max(mostBytes, window.sizeBytes());
            assertThat(grant).isPositive();
            grants++;
            loop.schedule(
                    () -> {
                        assertThat(credit.onGranted(grant)).isTrue();
                        fillLine();
                    },
                    roundTripNanos / 2);
        }

        long rate(Duration time) {
            long before = arrivedBytes;
            loop.advance(time);
            return (arrivedBytes - before) * 1_000 / time.toMillis();
        }
    }

    private void fillLine() {
        if (isLineBusy) {
            return;
        }
        for (int i = 0; i < flows.size(); i++) {
            Flow flow = flows.get((turn + i) % flows.size());
            int bytes = Math.min(flow.credit.availableBytes(), CHUNK_BYTES);
            if (bytes > 0 && !flow.isStopped) {
                turn = (turn + i + 1) % flows.size();
                isLineBusy = true;
                flow.credit.onSent(bytes);
                flow.leastCreditBytes = Math.min(flow.leastCreditBytes, flow.credit.availableBytes());
                long nanos = (long) (bytes / lineBytesPerSecond * 1e9);
                loop.schedule(() -> flow.arrive(bytes), nanos + roundTripNanos / 2);
                loop.schedule(
                        () -> {
                            isLineBusy = false;
                            fillLine();
                        },
                        nanos);
                return;
            }
        }
    }

    private void tune(TunnelConfig.Builder config) {
        roundTrips = new RoundTrips(loop, ping -> {
            pingsNanos.add(loop.nanoTime());
            loop.schedule(() -> roundTrips.onAnswer(ping.opaque()), roundTripNanos);
        });
        memory = new TunnelMemory(loop, config.build());
        tuner = new WindowTuner(loop, roundTrips, memory, config.build());
        loop.advance(Duration.ofSeconds(5));
    }

    private Flow stream() {
        return new Flow(FIRST_BYTES, false, Double.POSITIVE_INFINITY);
    }

    private static TunnelConfig.Builder ample() {
        return TunnelConfig.builder()
                .memoryBudget(MemoryBudget.ofBytes(1L << 42))
                .maxGrowthBytes(1L << 40);
    }

    @Test
    void growsToWhatFillsTheLineWithinAFewRoundTrips() {
        tune(ample());
        Flow stream = stream();

        loop.advance(Duration.ofMillis(1_200));

        double product = LINE / 10;
        assertThat(stream.rate(Duration.ofSeconds(10))).isGreaterThan((long) (0.97 * LINE));
        assertThat((double) stream.mostBytes).isBetween(1.3 * product, 2.1 * product);
    }

    @Test
    void growsTheTunnelsWindowJustSo() {
        lineBytesPerSecond = 10 * LINE;
        tune(ample());
        Flow tunnel = new Flow(Settings.DEFAULT_TUNNEL_WINDOW_BYTES, true, Double.POSITIVE_INFINITY);

        loop.advance(Duration.ofMillis(1_200));

        assertThat(tunnel.rate(Duration.ofSeconds(5))).isGreaterThan((long) (9.7 * LINE));
        assertThat(memory.promise(1L << 40)).isEqualTo(1L << 40);
    }

    @Test
    void shrinksTheTunnelsWindowToLittleMoreThanTheLineNeeds() {
        roundTripNanos = Duration.ofMillis(2).toNanos();
        tune(ample());
        Flow tunnel = new Flow(Settings.DEFAULT_TUNNEL_WINDOW_BYTES, true, Double.POSITIVE_INFINITY);

        loop.advance(Duration.ofSeconds(5));

        assertThat(tunnel.window.sizeBytes()).isEqualTo(WindowTuner.LEAST_TUNNEL_BYTES);
        assertThat(tunnel.rate(Duration.ofSeconds(5))).isGreaterThan((long) (0.97 * LINE));

        lineBytesPerSecond = 100 * LINE;
        roundTripNanos = Duration.ofMillis(20).toNanos();
        loop.advance(Duration.ofMinutes(11));
        assertThat(tunnel.rate(Duration.ofSeconds(5))).isGreaterThan((long) (60 * LINE));
    }

    @Test
    void doesNotGrowForAConsumerThatIsSlow() {
        tune(ample());
        Flow stream = new Flow(FIRST_BYTES, false, 400_000);

        loop.advance(Duration.ofSeconds(20));

        assertThat(stream.mostBytes).isEqualTo(FIRST_BYTES);
        assertThat(stream.rate(Duration.ofSeconds(20))).isBetween(390_000L, 410_000L);
    }

    @Test
    void growsForAConsumerAsMuchAsThatTakesAndNotAsTheLineCould() {
        tune(ample());
        Flow stream = new Flow(FIRST_BYTES, false, LINE / 5);

        loop.advance(Duration.ofSeconds(3));

        assertThat(stream.rate(Duration.ofSeconds(10))).isGreaterThan((long) (0.97 * LINE / 5));
        assertThat(stream.mostBytes).isLessThan((int) (LINE / 10));
    }

    @Test
    void neverPassesTheCeiling() {
        lineBytesPerSecond = 100 * LINE;
        tune(ample().maxStreamWindowBytes(1_000_000).maxTunnelWindowBytes(3_000_000));
        Flow stream = stream();
        Flow tunnel = new Flow(Settings.DEFAULT_TUNNEL_WINDOW_BYTES, true, Double.POSITIVE_INFINITY);

        loop.advance(Duration.ofSeconds(5));

        assertThat(stream.mostBytes).isEqualTo(1_000_000);
        assertThat(tunnel.mostBytes).isEqualTo(3_000_000);
    }

    @Test
    void reachesTheLargestWindowThatThereIsAndNothingOverflows() {
        roundTripNanos = 1_000_000 * MILLI;
        lineBytesPerSecond = 1e12;
        tune(ample().maxStreamWindowBytes(Integer.MAX_VALUE)
                .settings(Settings.builder().streamWindowBytes(1 << 30).build()));
        ReceiveWindow window = new ReceiveWindow(1 << 30);

        for (int i = 0; i < 4; i++) {
            int bytes = window.availableBytes();
            window.onReceived(bytes);
            window.onTaken(bytes);
            tuner.takeStreamGrant(window);
            loop.advance(Duration.ofSeconds(1_000));
        }

        assertThat(window.sizeBytes()).isEqualTo(Integer.MAX_VALUE);
        assertThat(window.availableBytes()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void isOffWhereTheCeilingIsTheFirstWindow() {
        tune(ample().maxStreamWindowBytes(FIRST_BYTES).maxTunnelWindowBytes(Settings.DEFAULT_TUNNEL_WINDOW_BYTES));
        Flow stream = stream();
        Flow tunnel = new Flow(Settings.DEFAULT_TUNNEL_WINDOW_BYTES, true, Double.POSITIVE_INFINITY);

        loop.advance(Duration.ofSeconds(5));

        assertThat(stream.mostBytes).isEqualTo(FIRST_BYTES);
        assertThat(tunnel.mostBytes).isEqualTo(Settings.DEFAULT_TUNNEL_WINDOW_BYTES);
        assertThat(pingsNanos).isEmpty();
    }

    @Test
    void asksForTheRoundTripOnceASecondAndOnlyWhileDataFlows() {
        tune(ample());
        loop.advance(Duration.ofSeconds(30));
        assertThat(pingsNanos).isEmpty();
        Flow stream = stream();

        loop.advance(Duration.ofSeconds(10));

        assertThat(pingsNanos).hasSizeBetween(9, 10);
        for (int i = 1; i < pingsNanos.size(); i++) {
            assertThat(pingsNanos.get(i) - pingsNanos.get(i - 1)).isGreaterThanOrEqualTo(1_000 * MILLI);
        }
        stream.isStopped = true;
        loop.advance(Duration.ofSeconds(1));
        int pings = pingsNanos.size();
        loop.advance(Duration.ofSeconds(30));
        assertThat(pingsNanos).hasSize(pings);
    }

    @Test
    void doesNotTakeItsOwnQueueForALongWay() {
        tune(ample());
        Flow stream = stream();
        loop.advance(Duration.ofSeconds(3));
        int bytes = stream.window.sizeBytes();

        roundTripNanos = 400 * MILLI;
        loop.advance(Duration.ofMinutes(2));

        assertThat(stream.mostBytes).isLessThanOrEqualTo(bytes + bytes / 10);
    }

    @Test
    void noticesAfterMinutesThatTheWayHasBecomeLonger() {
        tune(ample());
        Flow stream = stream();
        loop.advance(Duration.ofSeconds(3));

        roundTripNanos = 400 * MILLI;
        loop.advance(Duration.ofMinutes(11));

        assertThat(stream.rate(Duration.ofSeconds(10))).isGreaterThan((long) (0.97 * LINE));
    }

    @Test
    void shrinksWhenManyShareTheLine() {
        tune(ample());
        Flow first = stream();
        loop.advance(Duration.ofSeconds(3));
        int aloneBytes = first.window.sizeBytes();

        for (int i = 0; i < 9; i++) {
            stream();
        }
        loop.advance(Duration.ofSeconds(20));

        assertThat(first.window.sizeBytes()).isLessThan(aloneBytes / 3);
        long allBytes =
                flows.stream().mapToLong(flow -> flow.window.sizeBytes()).sum();
        assertThat(allBytes).isLessThan(3L * aloneBytes);
        long before = flows.stream().mapToLong(flow -> flow.arrivedBytes).sum();
        loop.advance(Duration.ofSeconds(10));
        long after = flows.stream().mapToLong(flow -> flow.arrivedBytes).sum();
        assertThat(after - before).isGreaterThan((long) (9.7 * LINE));
    }

    @Test
    void shrinksToWhatItBeganWithAndNoFurther() {
        tune(ample());
        Flow stream = new Flow(FIRST_BYTES, false, Double.POSITIVE_INFINITY);
        loop.advance(Duration.ofSeconds(3));
        assertThat(stream.window.grownBytes()).isPositive();

        lineBytesPerSecond = LINE / 100;
        loop.advance(Duration.ofMinutes(3));

        assertThat(stream.window.grownBytes()).isZero();
        assertThat(memory.promise(1L << 40)).isEqualTo(1L << 40);
    }

    @Test
    void allGrowthTogetherStaysWithinTheTunnelsBudget() {
        tune(TunnelConfig.builder().memoryBudget(MemoryBudget.ofBytes(1L << 42)).maxGrowthBytes(300_000));
        for (int i = 0; i < 3; i++) {
            stream();
        }

        for (int i = 0; i < 500; i++) {
            loop.advance(Duration.ofMillis(10));
            assertThat(flows.stream().mapToInt(flow -> flow.window.grownBytes()).sum())
                    .isLessThanOrEqualTo(300_000);
        }
        assertThat(flows.stream().mapToInt(flow -> flow.mostBytes).max().orElse(0))
                .isGreaterThan(FIRST_BYTES);
    }

    @Test
    void whoCameFirstDoesNotKeepAllTheGrowth() {
        tune(TunnelConfig.builder().memoryBudget(MemoryBudget.ofBytes(1L << 42)).maxGrowthBytes(400_000));
        lineBytesPerSecond = 100 * LINE;
        Flow first = stream();
        loop.advance(Duration.ofSeconds(3));
        assertThat(first.window.grownBytes()).isGreaterThan(250_000);

        Flow second = stream();
        loop.advance(Duration.ofSeconds(3));

        assertThat(second.mostBytes).isGreaterThan(FIRST_BYTES + 50_000);
    }

    @Test
    void growsOnlyAsFarAsTheProcessMay() {
        MemoryBudget budget = MemoryBudget.ofBytes(1_000_000);
        tune(TunnelConfig.builder().memoryBudget(budget));
        budget.addHeld(300_000);
        Flow stream = stream();

        loop.advance(Duration.ofSeconds(3));

        assertThat(stream.mostBytes).isGreaterThan(FIRST_BYTES).isLessThanOrEqualTo(FIRST_BYTES + 200_000);
        budget.addHeld(800_000);
        loop.advance(Duration.ofSeconds(10));
        assertThat(stream.window.grownBytes()).isZero();
        assertThat(budget.promisedBytes()).isZero();
    }

    @Test
    void givesBackWhatAStreamHadGrownBy() {
        MemoryBudget budget = MemoryBudget.ofBytes(10_000_000);
        tune(TunnelConfig.builder().memoryBudget(budget));
        Flow stream = stream();
        loop.advance(Duration.ofSeconds(3));
        assertThat(budget.promisedBytes()).isEqualTo(stream.window.grownBytes()).isPositive();

        tuner.forget(stream.window);

        assertThat(budget.promisedBytes()).isZero();
    }

    @Test
    void whatIsQuickMayHaveAMegabyteHoweverShortTheWay() {
        roundTripNanos = 50_000;
        lineBytesPerSecond = 1e9;
        tune(ample());
        Flow quick = stream();

        loop.advance(Duration.ofMillis(50));

        assertThat(quick.mostBytes).isGreaterThan(500 * KIB).isLessThanOrEqualTo(WindowTuner.TURN_BYTES);
    }

    @Test
    void gathersGrantsUpToHalfWhereTheWindowIsMoreThanIsNeeded() {
        roundTripNanos = MILLI;
        tune(ample());
        Flow stream = stream();
        loop.advance(Duration.ofSeconds(2));
        stream.grants = 0;
        stream.leastCreditBytes = Integer.MAX_VALUE;

        long bytes = stream.rate(Duration.ofSeconds(10)) * 10;

        assertThat(stream.mostBytes).isEqualTo(FIRST_BYTES);
        assertThat((double) bytes / stream.grants).isBetween(0.45 * FIRST_BYTES, 0.55 * FIRST_BYTES);
        assertThat(bytes).isGreaterThan((long) (9.97 * LINE));
        assertThat(stream.leastCreditBytes).isGreaterThan(FIRST_BYTES / 4);
    }

    @Test
    void gathersNoMoreThanAnEighthOnALongWayWhoseWindowIsJustWhatItNeeds() {
        tune(ample().maxStreamWindowBytes(1_000_000));
        Flow stream = stream();
        loop.advance(Duration.ofSeconds(3));
        stream.grants = 0;

        long bytes = stream.rate(Duration.ofSeconds(10)) * 10;

        assertThat(stream.mostBytes).isEqualTo(1_000_000);
        assertThat((double) bytes / stream.grants).isBetween(0.125 * 1_000_000, 0.125 * 1_000_000 + CHUNK_BYTES);
    }
}
