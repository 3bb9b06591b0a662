package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * One round: connections of its own, for some time, all on the calling thread with one selector, but for paced pings, which have a thread of their own. What
 * happens in the first tenth is not counted: connections are new then, windows small, and buffers empty. Belongs to one thread.
 *
 * <p>Round trips of connections that each send when they have had their answer are taken from sending to the answer's last byte: nothing was due
 * while an answer was missing, so that nothing is left out. For what is sent by the clock, see {@link PacedPings}.
 */
final class LoadRound {
    static final Duration DEADLINE = Duration.ofSeconds(10);
    private static final long LONGEST_NANOS = DEADLINE.toNanos() * 2;
    private static final int SIGNIFICANT_DIGITS = 3;
    private static final long WARM_UP_MESSAGES = 20_000;
    private static final long WARM_UP_BYTES = 256 * 1024 * 1024;
    private static final long WARM_UP_ROUNDS = 5;
    private static final int BULKY_WARM_UP_ROUNDS = 3;
    private static final int ROUNDS_ON_END = 60;

    private final Scenario scenario;
    private final Target target;
    private final Duration round;
    private final Random random;
    private final Histogram roundTrips = newHistogram();
    private final List<LoadConnection> conversations = new ArrayList<>();
    private final List<BulkConnection> bulk = new ArrayList<>();
    private boolean counting;
    private boolean sending = true;
    private int underWay;
    private boolean progress;
    private long answers;

    private LoadRound(Scenario scenario, Target target, Duration round, Random random) {
        this.scenario = scenario;
        this.target = target;
        this.round = round;
        this.random = random;
    }

    static Histogram newHistogram() {
        return new Histogram(LONGEST_NANOS, SIGNIFICANT_DIGITS);
    }

    /**
     * Runs a round, or of {@link Scenario.Kind#FULL} sixty without a break.
     *
     * @throws IOException if the target refuses, gives back other bytes, closes, or is silent for 10 seconds
     */
    static List<Round> run(Scenario scenario, Target target, Duration round, Random random) throws IOException {
        return new LoadRound(scenario, target, round, random).run(0);
    }

    /**
     * Runs a round that is not to be reported, until JIT compilers have had enough to go by, also where other processes leave little time
     * for it: for 20,000 messages or 256 MiB, unless that takes five times as long as a round; what is bulky for three times as long.
     *
     * @throws IOException as {@link #run}
     */
    static void warmUp(Scenario scenario, Target target, Duration round, Random random) throws IOException {
        long least = scenario.bytes() == 0 ? 0 : Math.min(WARM_UP_MESSAGES, WARM_UP_BYTES / scenario.bytes());
        Duration time = scenario.kind().isBulk() ? round.multipliedBy(BULKY_WARM_UP_ROUNDS) : round;
        new LoadRound(scenario, target, time, random).run(least);
    }

    private List<Round> run(long leastAnswers) throws IOException {
        try (Selector selector = Selector.open()) {
            return switch (scenario.kind()) {
                case PING, WEBSOCKET, HTTP -> List.of(converse(selector, leastAnswers));
                case DOWN -> List.of(carry(selector, BulkConnection.Way.DOWN, false));
                case UP -> List.of(carry(selector, BulkConnection.Way.UP, false));
                case ECHO -> List.of(carry(selector, BulkConnection.Way.ECHO, false));
                case FULL -> carryOn(selector);
                case BESIDE -> List.of(carry(selector, BulkConnection.Way.DOWN, true));
                case PACED -> List.of(pace());
            };
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            conversations.forEach(LoadConnection::abandon);
            bulk.forEach(BulkConnection::abandon);
        }
    }

    private Round converse(Selector selector, long leastAnswers) throws IOException {
        for (int i = 0; i < scenario.connections(); i++) {
            conversations.add(open(selector));
        }
        for (LoadConnection conversation : conversations) {
            conversation.send();
            underWay++;
        }
        turn(selector, round.toNanos() / 10);
        counting = true;
        RelayMeter meter = RelayMeter.start(target);
        long began = System.nanoTime();
        turn(selector, round.toNanos());
        while (answers < leastAnswers && System.nanoTime() - began < WARM_UP_ROUNDS * round.toNanos()) {
            turn(selector, 0);
        }
        RelayMeter.Reading reading = meter.read();
        counting = false;
        sending = false;
        while (underWay > 0) {
            turn(selector, 0);
        }
        for (LoadConnection conversation : conversations) {
            conversation.close(DEADLINE);
        }
        return Round.ofTrips(roundTrips, reading);
    }

    private LoadConnection open(Selector selector) throws IOException {
        String name = target.name();
        return switch (scenario.kind()) {
            case WEBSOCKET ->
                WebSocketClient.open(name, require(target.http()), scenario.bytes(), DEADLINE, selector, random);
            case HTTP -> StreamClient.http(name, require(target.http()), scenario.bytes(), DEADLINE, selector);
            default -> StreamClient.echo(name, require(target.stream()), scenario.bytes(), DEADLINE, selector, random);
        };
    }

    private Round carry(Selector selector, BulkConnection.Way way, boolean withPings) throws IOException {
        openBulk(selector, way);
        turn(selector, round.toNanos() / 5);
        if (!withPings) {
            return carryOnce(selector);
        }
        try (PacedPings pings = PacedPings.start(target.name(), require(target.stream()), scenario.bytes(), random)) {
            RelayMeter meter = RelayMeter.start(target);
            Round carried = carryOnce(selector);
            return pings.finish(meter.read()).with(carried);
        }
    }

    private List<Round> carryOn(Selector selector) throws IOException {
        openBulk(selector, BulkConnection.Way.ECHO);
        turn(selector, round.toNanos());
        List<Round> rounds = new ArrayList<>();
        for (int i = 0; i < ROUNDS_ON_END; i++) {
            rounds.add(carryOnce(selector));
        }
        return rounds;
    }

    private void openBulk(Selector selector, BulkConnection.Way way) throws IOException {
        InetSocketAddress address = require(target.stream());
        ByteBuffer scratch = BulkConnection.newScratch();
        for (int i = 0; i < scenario.connections(); i++) {
            bulk.add(BulkConnection.open(target.name(), address, way, DEADLINE, selector, scratch));
        }
    }

    private Round carryOnce(Selector selector) throws IOException {
        long before = bulkBytes();
        RelayMeter meter = RelayMeter.start(target);
        turn(selector, round.toNanos());
        return Round.ofBytes(bulkBytes() - before, meter.read());
    }

    private Round pace() throws IOException {
        try (PacedPings pings = PacedPings.start(target.name(), require(target.stream()), scenario.bytes(), random)) {
            RelayMeter meter = RelayMeter.start(target);
            pings.await(round);
            return pings.finish(meter.read());
        }
    }

    private long bulkBytes() {
        return bulk.stream().mapToLong(BulkConnection::bytes).sum();
    }

    private static InetSocketAddress require(@Nullable InetSocketAddress address) {
        return Objects.requireNonNull(address, "a target is asked for what it does not carry");
    }

    /** Serves the selector for {@code nanos}, at least once. */
    private void turn(Selector selector, long nanos) throws IOException {
        long end = System.nanoTime() + nanos;
        do {
            progress = false;
            selector.select(this::onReady, DEADLINE.toMillis());
            if (!progress) {
                throw new IOException(target.name() + " gave no sign of life for " + DEADLINE);
            }
        } while (System.nanoTime() < end);
    }

    private void onReady(SelectionKey key) {
        progress = true;
        try {
            if (key.attachment() instanceof BulkConnection connection) {
                connection.onReady();
            } else {
                onConversation((LoadConnection) key.attachment());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }

    private void onConversation(LoadConnection conversation) throws IOException {
        long nanos = conversation.onReady();
        if (nanos < 0) {
            return;
        }
        answers++;
        if (counting) {
            roundTrips.recordValue(Math.min(nanos, LONGEST_NANOS));
        }
        if (sending) {
            conversation.send();
        } else {
            underWay--;
        }
    }
}
