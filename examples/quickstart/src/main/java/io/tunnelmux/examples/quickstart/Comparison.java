package io.tunnelmux.examples.quickstart;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * The same work straight to the upstream and through the tunnel, in turns, so that whatever else the machine does troubles both alike. The
 * first rounds warm up and do not count. One thread.
 */
final class Comparison {

    private static final long MAX_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long ROUND_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int FIRST_WARM_UP_ROUNDS = 8;
    private static final int WARM_UP_ROUNDS = 5;
    private static final int ROUNDS = 7;
    private static final long FIRST_TRANSFER_BYTES = 4 << 20;
    private static final long MAX_TRANSFER_BYTES = 512 << 20;
    private static final int TRANSFER_ROUNDS = 3;

    private final Progress progress;
    private boolean isAllRight = true;

    Comparison(Progress progress) {
        this.progress = progress;
    }

    /** Round trips of one kind, in nanoseconds. */
    record RoundTrips(String what, Histogram direct, Histogram tunnel) {}

    /** Bytes in one direction, per second. */
    record Throughput(String what, double direct, double tunnel) {}

    /** Moves so many bytes and tells whether they arrived as they were. */
    @FunctionalInterface
    interface Transfer {
        boolean run(long bytes) throws IOException;
    }

    /** Whether every answer so far was right. */
    boolean isAllRight() {
        return isAllRight;
    }

    /** Lets the compiler see the whole way before anything counts. */
    void warmUp(Echo direct, Echo tunnel, int bytes) throws IOException {
        progress.begin("warming up");
        byte[] body = Pattern.bytes(bytes, bytes);
        Histogram unused = new Histogram(MAX_NANOS, 3);
        for (int round = 0; round < FIRST_WARM_UP_ROUNDS; round++) {
            progress.show("round " + (round + 1) + " of " + FIRST_WARM_UP_ROUNDS);
            echoFor(ROUND_NANOS, direct, body, unused);
            echoFor(ROUND_NANOS, tunnel, body, unused);
        }
        progress.done("done");
    }

    RoundTrips roundTrips(String what, Echo direct, Echo tunnel, int bytes) throws IOException {
        progress.begin(what);
        byte[] body = Pattern.bytes(bytes, bytes);
        Histogram directly = new Histogram(MAX_NANOS, 3);
        Histogram throughTunnel = new Histogram(MAX_NANOS, 3);
        for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
            progress.show(round < 0 ? "warming up" : "round " + (round + 1) + " of " + ROUNDS);
            if (round == 0) {
                directly.reset();
                throughTunnel.reset();
            }
            echoFor(ROUND_NANOS, direct, body, directly);
            echoFor(ROUND_NANOS, tunnel, body, throughTunnel);
        }
        progress.done(String.format(
                "p50 %s direct, %s through the tunnel", Report.micros(directly, 50), Report.micros(throughTunnel, 50)));
        return new RoundTrips(what, directly, throughTunnel);
    }

    private void echoFor(long nanos, Echo echo, byte[] body, Histogram histogram) throws IOException {
        long end = System.nanoTime() + nanos;
        for (long start = System.nanoTime(); start < end; ) {
            isAllRight &= echo.echo(body);
            long now = System.nanoTime();
            histogram.recordValue(Math.min(MAX_NANOS, now - start));
            start = now;
        }
    }

    Throughput throughput(String what, Transfer direct, Transfer tunnel) throws IOException {
        progress.begin(what);
        progress.show("warming up");
        long directBytes = bytesOfARound(direct);
        long tunnelBytes = bytesOfARound(tunnel);
        double directNanos = 0;
        double tunnelNanos = 0;
        for (int round = 0; round < TRANSFER_ROUNDS; round++) {
            progress.show("round " + (round + 1) + " of " + TRANSFER_ROUNDS);
            directNanos += timed(direct, directBytes);
            tunnelNanos += timed(tunnel, tunnelBytes);
        }
        double second = TimeUnit.SECONDS.toNanos(1) * (double) TRANSFER_ROUNDS;
        Throughput result =
                new Throughput(what, directBytes * second / directNanos, tunnelBytes * second / tunnelNanos);
        progress.done(String.format(
                "%s direct, %s through the tunnel",
                Report.megabytes(result.direct()), Report.megabytes(result.tunnel())));
        return result;
    }

    /** Warms up, and finds out how much goes in about twice a round's time. */
    private long bytesOfARound(Transfer transfer) throws IOException {
        long bytes = FIRST_TRANSFER_BYTES;
        long nanos = timed(transfer, bytes);
        while (nanos < ROUND_NANOS && bytes < MAX_TRANSFER_BYTES) {
            bytes *= 2;
            nanos = timed(transfer, bytes);
        }
        return bytes;
    }

    private long timed(Transfer transfer, long bytes) throws IOException {
        long start = System.nanoTime();
        isAllRight &= transfer.run(bytes);
        return System.nanoTime() - start;
    }
}
