package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/**
 * Messages there and back by the clock, on a connection and a thread of their own, one every 10 ms. Where an answer takes longer than that, those that should have gone
 * meanwhile are counted too, each as late as it would have been: else a stall of 100 ms would be one slow ping instead of ten (Gil Tene's <i>coordinated omission</i>;
 * {@link Histogram#recordValueWithExpectedInterval}). What this thread wakes late is no part of a round trip. Begun by one thread, which also ends it.
 */
final class PacedPings implements AutoCloseable {
    private static final long INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final String target;
    private final SocketChannel channel;
    private final ByteBuffer message;
    private final ByteBuffer answer;
    private final Histogram roundTrips = LoadRound.newHistogram();
    private final Thread thread = new Thread(this::run, "pings");
    private volatile boolean isStopped;
    private volatile @Nullable IOException failure;

    private PacedPings(String target, SocketChannel channel, int bytes, Random random) {
        this.target = target;
        this.channel = channel;
        byte[] payload = new byte[bytes];
        random.nextBytes(payload);
        message = ByteBuffer.allocateDirect(bytes).put(0, payload);
        answer = ByteBuffer.allocateDirect(bytes);
    }

    /** @param bytes of a message, at least 8 */
    static PacedPings start(String target, InetSocketAddress address, int bytes, Random random) throws IOException {
        SocketChannel channel = StreamClient.connect(target, address, LoadRound.DEADLINE);
        channel.write(ByteBuffer.wrap(new byte[] {ServedConnection.WANTS_ECHO}));
        PacedPings pings = new PacedPings(target, channel, bytes, random);
        pings.thread.start();
        return pings;
    }

    /** Lets them go on for so long. */
    void await(Duration time) throws IOException {
        try {
            thread.join(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Ends them. {@return what they took} */
    Round finish(RelayMeter.Reading relays) throws IOException {
        isStopped = true;
        await(LoadRound.DEADLINE);
        IOException why = failure;
        if (why != null) {
            throw new IOException("pings through " + target + ": " + why.getMessage(), why);
        }
        if (thread.isAlive()) {
            throw new IOException("a ping through " + target + " had no answer for " + LoadRound.DEADLINE);
        }
        return Round.ofTrips(roundTrips, relays);
    }

    private void run() {
        long due = System.nanoTime();
        try {
            while (!isStopped) {
                for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                    LockSupport.parkNanos(this, left);
                }
                long sent = System.nanoTime();
                roundTrip();
                long nanos = System.nanoTime() - sent;
                roundTrips.recordValueWithExpectedInterval(
                        Math.min(nanos, roundTrips.getHighestTrackableValue()), INTERVAL_NANOS);
                due = Math.max(due, sent + nanos - INTERVAL_NANOS) + INTERVAL_NANOS;
            }
        } catch (IOException e) {
            if (!isStopped) {
                failure = e;
            }
        }
    }

    private void roundTrip() throws IOException {
        message.clear().putLong(0, message.getLong(0) + 1);
        while (message.hasRemaining()) {
            channel.write(message);
        }
        answer.clear();
        while (answer.hasRemaining()) {
            if (channel.read(answer) < 0) {
                throw new IOException("closed");
            }
        }
        if (!answer.flip().equals(message.flip())) {
            throw new IOException("other bytes came back");
        }
    }

    @Override
    public void close() throws IOException {
        isStopped = true;
        channel.close();
    }
}
