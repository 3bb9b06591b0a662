package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * What is urgent beside what is bulky, in one tunnel between a gateway and an agent that are processes of their own: the tunnel's pings and 64-byte WebSocket
 * echoes, on the idle tunnel and beside saturating downloads, in turns. Exit code 1 if something fails, 2 for a wrong option.
 */
public final class Contention {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/measure-contention [OPTION]...
            Round trips of pings and small echoes through a tunnel, idle and beside saturating downloads. About 3 minutes.
              --downloads N          at once                                  (default: 64)
              --rounds N             each idle, then loaded                   (default: 5)
              --pings N              in each half of a round                  (default: 400)
              --ping-interval MS     from one ping to the next                (default: 20)
              --warm-up S            of downloads, before                     (default: 10)
              --echo-seconds S       of echoes in each half of a round        (default: 5)
              --upstream-cpu N | none, --relay-cpu N | none
                                     what runs where: upstreams and clients, gateway and agent (default: none)
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: not built (./mvnw -DskipTests package).""";

    private static final int ECHO_BYTES = 64;
    private static final long MOST_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final double NANOS_PER_MICRO = TimeUnit.MICROSECONDS.toNanos(1);

    private final Path log;
    private final int downloadCount;
    private final int rounds;
    private final int pings;
    private final int pingIntervalMillis;
    private final int warmUpSeconds;
    private final int echoSeconds;
    private final String relayCpu;
    private final String upstreamCpu;
    private final Half idle = new Half();
    private final Half loaded = new Half();
    private final List<Double> loadedBytesPerSecond = new ArrayList<>();

    /** What was measured of the idle tunnel, or of the loaded one. */
    private static final class Half {
        private final Histogram pings = new Histogram(MOST_NANOS, 3);
        private final List<RoundResult> echoes = new ArrayList<>();

        private double echoP50() {
            return median(echoes.stream().map(RoundResult::p50Micros).toList());
        }

        private double echoP99() {
            return median(echoes.stream().map(RoundResult::p99Micros).toList());
        }

        private double ping(double percentile) {
            return pings.getValueAtPercentile(percentile) / NANOS_PER_MICRO;
        }
    }

    private Contention(Options options) {
        log = options.log();
        downloadCount = options.number("--downloads", 64, 1, 1_000);
        rounds = options.number("--rounds", 5, 1, 1_000);
        pings = options.number("--pings", 400, 1, 1_000_000);
        pingIntervalMillis = options.number("--ping-interval", 20, 1, 10_000);
        warmUpSeconds = options.number("--warm-up", 10, 0, 3_600);
        echoSeconds = options.number("--echo-seconds", 5, 1, 3_600);
        relayCpu = options.processor("--relay-cpu");
        upstreamCpu = options.processor("--upstream-cpu");
    }

    public static void main(String[] args) {
        System.exit(exitCodeOf(Arrays.asList(args)));
    }

    static int exitCodeOf(List<String> args) {
        return Options.run("measure-contention", USAGE, args, options -> new Contention(options)::run);
    }

    private void run() throws IOException {
        String token = Programs.newToken();
        try (ChildProcess bulk = ChildProcess.start(log, BulkServer.class, upstreamCpu, List.of());
                ChildProcess echo = ChildProcess.start(log, RelayBench.class, upstreamCpu, List.of("echo"));
                ChildProcess gateway = ChildProcess.start(log, PingingGateway.class, relayCpu, List.of(token))) {
            String bulkPort = bulk.readyLine();
            String echoAddress = echo.readyLine().replace("echo ready ", "");
            String[] ports = gateway.readyLine().split(" ");
            List<String> agentArgs = List.of(
                    "ws://127.0.0.1:" + ports[1] + "/tunnel",
                    token,
                    "http://127.0.0.1:" + bulkPort,
                    "http://" + echoAddress);
            try (ChildProcess agent = ChildProcess.start(log, BenchAgent.class, relayCpu, agentArgs)) {
                InetSocketAddress front =
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(ports[0]));
                measure(gateway, new Target("tunnel", front, List.of(gateway.pid(), agent.pid())));
            }
        }
        report();
    }

    private void measure(ChildProcess gateway, Target target) throws IOException {
        Load load = new Load(List.of(ECHO_BYTES), 1, 0, 1, Duration.ofSeconds(echoSeconds), BenchAgent.ECHO_PATH);
        Random random = new Random();
        if (warmUpSeconds > 0) {
            System.err.println("warm-up");
            warmUp(load, target, random);
        }
        for (int round = 0; round < rounds; round++) {
            System.err.println("round " + (round + 1) + " of " + rounds);
            measure(idle, gateway, target, load, random);
            List<Download> downloads = startDownloads(target);
            await(Duration.ofSeconds(1));
            long began = System.nanoTime();
            long before = bytesOf(downloads);
            measure(loaded, gateway, target, load, random);
            loadedBytesPerSecond.add((bytesOf(downloads) - before) * 1e9 / (System.nanoTime() - began));
            stop(downloads);
        }
    }

    private void warmUp(Load load, Target target, Random random) throws IOException {
        LoadRound.warmUp(load, target, ECHO_BYTES, random);
        List<Download> downloads = startDownloads(target);
        await(Duration.ofSeconds(warmUpSeconds));
        stop(downloads);
        LoadRound.warmUp(load, target, ECHO_BYTES, random);
    }

    private void measure(Half half, ChildProcess gateway, Target target, Load load, Random random) throws IOException {
        String answer = gateway.ask("ping " + pings + ' ' + pingIntervalMillis * 1000L);
        Arrays.stream(answer.split(" ")).mapToLong(Long::parseLong).forEach(half.pings::recordValue);
        half.echoes.add(LoadRound.run(load, target, ECHO_BYTES, random));
    }

    private List<Download> startDownloads(Target target) throws IOException {
        List<Download> downloads = new ArrayList<>();
        for (int i = 0; i < downloadCount; i++) {
            downloads.add(Download.start(target.address()));
        }
        return downloads;
    }

    private static void stop(List<Download> downloads) throws IOException {
        downloads.forEach(Download::close);
        // What is still on its way to those who have left is no part of what comes next.
        await(Duration.ofSeconds(1));
    }

    private static long bytesOf(List<Download> downloads) throws IOException {
        long bytes = 0;
        for (Download download : downloads) {
            bytes += download.bytes();
        }
        return bytes;
    }

    private static void await(Duration time) throws IOException {
        try {
            TimeUnit.NANOSECONDS.sleep(time.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void report() {
        System.out.printf(
                Locale.ROOT, "%d downloads, %.0f MB/s in all%n%n", downloadCount, median(loadedBytesPerSecond) / 1e6);
        System.out.println("µs                    idle p50  idle p99   loaded p50  loaded p99   p50 ratio  p99 ratio");
        row("ping", idle.ping(50), idle.ping(99), loaded.ping(50), loaded.ping(99));
        row("echo of 64 B", idle.echoP50(), idle.echoP99(), loaded.echoP50(), loaded.echoP99());
        System.out.printf(
                Locale.ROOT,
                "%nslowest ping: idle %.0f, loaded %.0f; pings: %d and %d%n",
                idle.ping(100),
                loaded.ping(100),
                idle.pings.getTotalCount(),
                loaded.pings.getTotalCount());
    }

    private static void row(String name, double idle50, double idle99, double loaded50, double loaded99) {
        System.out.printf(
                Locale.ROOT,
                "%-20s %9.0f %9.0f    %9.0f   %9.0f   %9.1f  %9.1f%n",
                name,
                idle50,
                idle99,
                loaded50,
                loaded99,
                loaded50 / idle50,
                loaded99 / idle99);
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().skip(values.size() / 2).findFirst().orElse(Double.NaN);
    }
}
