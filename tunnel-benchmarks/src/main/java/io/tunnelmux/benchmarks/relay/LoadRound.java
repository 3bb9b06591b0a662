package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.HdrHistogram.Histogram;

/**
 * One round: connections of its own, each with one message under way, for some time. All on the calling thread, with one
 * selector. What happens in the first tenth is not counted: connections are new then. Belongs to one thread.
 */
final class LoadRound {
    private static final Duration DEADLINE = Duration.ofSeconds(10);
    private static final long LONGEST_NANOS = DEADLINE.toNanos() * 2;
    private static final int SIGNIFICANT_DIGITS = 3;
    private static final long WARM_UP_MESSAGES = 20_000;
    private static final long WARM_UP_BYTES = 256 * 1024 * 1024;
    private static final long WARM_UP_ROUNDS = 10;

    private final Target target;
    private final int messageBytes;
    private final Histogram roundTrips = new Histogram(LONGEST_NANOS, SIGNIFICANT_DIGITS);
    private boolean counting;
    private boolean sending = true;
    private int underWay;
    private boolean progress;
    private long answers;

    private LoadRound(Target target, int messageBytes) {
        this.target = target;
        this.messageBytes = messageBytes;
    }

    /**
     * Runs a round.
     *
     * @throws IOException if the target refuses, gives back other bytes, closes, or is silent for 10 seconds
     */
    static RoundResult run(Load load, Target target, int messageBytes, Random random) throws IOException {
        return new LoadRound(target, messageBytes).run(load, 0, random);
    }

    /**
     * Runs a round that is not to be reported, until JIT compilers have had enough to go by, also where other processes leave little time
     * for it: for 20,000 messages or 256 MiB, unless that takes ten times as long as a round.
     *
     * @throws IOException as {@link #run}
     */
    static void warmUp(Load load, Target target, int messageBytes, Random random) throws IOException {
        new LoadRound(target, messageBytes).run(load, Math.min(WARM_UP_MESSAGES, WARM_UP_BYTES / messageBytes), random);
    }

    private RoundResult run(Load load, long leastAnswers, Random random) throws IOException {
        List<EchoClient> clients = new ArrayList<>();
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < load.connections(); i++) {
                clients.add(EchoClient.open(target, load.path(), messageBytes, DEADLINE, selector, random));
            }
            for (EchoClient client : clients) {
                client.send();
                underWay++;
            }
            turn(selector, load.round().toNanos() / 10);
            counting = true;
            double processorSeconds = ProcessorTime.seconds(target.relays());
            long began = System.nanoTime();
            turn(selector, load.round().toNanos());
            while (answers < leastAnswers
                    && System.nanoTime() - began < WARM_UP_ROUNDS * load.round().toNanos()) {
                turn(selector, 0);
            }
            long nanos = System.nanoTime() - began;
            processorSeconds = ProcessorTime.seconds(target.relays()) - processorSeconds;
            counting = false;
            sending = false;
            while (underWay > 0) {
                turn(selector, 0);
            }
            for (EchoClient client : clients) {
                client.close(DEADLINE);
            }
            return RoundResult.of(roundTrips, nanos, processorSeconds);
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            clients.forEach(EchoClient::abandon);
        }
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
        EchoClient client = (EchoClient) key.attachment();
        try {
            long nanos = client.onReady();
            if (nanos < 0) {
                return;
            }
            answers++;
            if (counting) {
                roundTrips.recordValue(Math.min(nanos, LONGEST_NANOS));
            }
            if (sending) {
                client.send();
            } else {
                underWay--;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}
