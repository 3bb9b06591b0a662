package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * One download over a long way: plain TCP through a relay that delays, the same through gateway and agent with that relay between the two, and that again
 * with windows that do not grow. All are processes of their own. Exit code 1 if something fails, 2 for a wrong option.
 */
public final class Delay {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/compare-delay [OPTION]...
            Bytes a second of one download over a long way: plain TCP, a tunnel, and one whose windows do not grow. About 3 minutes.
              --delay MS               each way, between agent and gateway       (default: 50)
              --rounds N               of every target, in turns                 (default: 3)
              --seconds S              for which a download is measured          (default: 10)
              --warm-up S              for which it runs before that             (default: 5)
              --fixed-window SIZE      of streams that do not grow               (default: 256KiB)
              --java-args ARGS         for gateway and agent                     (default: none)
              --gateway-args ARGS      for the gateway of target tunnel          (default: none)
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: not built (./mvnw -DskipTests package).""";

    private static final String RELAY = "io.tunnelmux.core.testing.DelayRelay";

    private final Path root;
    private final List<ChildProcess> children = new ArrayList<>();
    private final Path log;
    private final int delayMillis;
    private final int rounds;
    private final int seconds;
    private final int warmUpSeconds;
    private final String fixedWindow;
    private final String javaArgs;
    private final String gatewayArgs;

    private Delay(Path root, Options options) {
        this.root = root;
        log = options.log();
        delayMillis = options.number("--delay", 50, 0, 10_000);
        rounds = options.number("--rounds", 3, 1, 1_000);
        seconds = options.number("--seconds", 10, 1, 3_600);
        warmUpSeconds = options.number("--warm-up", 5, 0, 3_600);
        fixedWindow = options.window("--fixed-window", "256KiB");
        javaArgs = options.text("--java-args", "");
        gatewayArgs = options.text("--gateway-args", "");
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        List<String> all = Arrays.asList(args);
        System.exit(exitCodeOf(Path.of(all.get(0)), all.subList(1, all.size())));
    }

    static int exitCodeOf(Path root, List<String> args) {
        return Options.run("compare-delay", USAGE, args, options -> new Delay(root, options)::run);
    }

    private void run() throws IOException, InterruptedException {
        try {
            measure();
        } finally {
            children.forEach(ChildProcess::close);
        }
    }

    private void measure() throws IOException, InterruptedException {
        String upstream = "127.0.0.1:"
                + child(ChildProcess.start(log, BulkServer.class, List.of())).readyLine();
        Programs programs = new Programs(root, Programs.Jvm.SAME.withArgs(javaArgs), log);
        Map<String, String> targets = new LinkedHashMap<>();
        targets.put("plain TCP", relayTo(upstream));
        targets.put("tunnel", startTunnel(programs, upstream, gatewayArgs));
        targets.put(
                "tunnel, " + fixedWindow,
                startTunnel(
                        programs, upstream, "--stream-window " + fixedWindow + " --max-stream-window " + fixedWindow));
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
            System.err.println("round " + (round + 1) + " of " + rounds);
            for (Map.Entry<String, String> target : targets.entrySet()) {
                rates.computeIfAbsent(target.getKey(), name -> new ArrayList<>())
                        .add(megabytesPerSecond(target.getValue()));
            }
        }
        report(rates);
    }

    private ChildProcess child(ChildProcess started) {
        children.add(started);
        return started;
    }

    /** Starts a relay; where it listens. */
    private String relayTo(String address) throws IOException {
        List<String> args = List.of(
                ChildProcess.JAVA,
                "-Xmx64m",
                "-cp",
                testJar().toString(),
                RELAY,
                "--to",
                address,
                "--delay",
                delayMillis + "ms");
        return child(ChildProcess.startProgram(log, args)).readyValue("listen");
    }

    private Path testJar() throws IOException {
        Path target = root.resolve("tunnel-core/target");
        if (Files.isDirectory(target)) {
            try (Stream<Path> files = Files.list(target)) {
                List<Path> jars = files.filter(
                                file -> file.getFileName().toString().matches("tunnel-core-.*-tests\\.jar"))
                        .toList();
                if (!jars.isEmpty()) {
                    return jars.get(0);
                }
            }
        }
        return Programs.requireBuilt(target.resolve("tunnel-core-tests.jar"));
    }

    /** Starts a gateway, and an agent that reaches it through a relay; where the gateway's clients come in. */
    private String startTunnel(Programs programs, String upstream, String moreForGateway) throws IOException {
        ChildProcess gateway = child(programs.startGateway(moreForGateway));
        child(programs.startAgent(
                "ws://" + relayTo(gateway.readyValue("tunnel")) + "/tunnel", "--upstream http://" + upstream));
        return gateway.readyValue("http");
    }

    private double megabytesPerSecond(String address) throws IOException, InterruptedException {
        try (Download download = Download.start(Target.parseAddress(address))) {
            TimeUnit.SECONDS.sleep(warmUpSeconds);
            long began = System.nanoTime();
            long before = download.bytes();
            TimeUnit.SECONDS.sleep(seconds);
            return (download.bytes() - before) * 1e3 / (System.nanoTime() - began);
        }
    }

    private void report(Map<String, List<Double>> rates) {
        System.out.printf(
                Locale.ROOT,
                "one download, %d ms each way; %d s of it behind %d s of warm-up, %d rounds in turns%n",
                delayMillis,
                seconds,
                warmUpSeconds,
                rounds);
        List<Double> plain = rates.values().iterator().next();
        rates.forEach((name, values) -> System.out.printf(
                Locale.ROOT,
                "%-18s %7.1f MB/s  %.2f × plain TCP  (rounds:%s)%n",
                name,
                median(values),
                ratio(values, plain),
                text(values)));
    }

    private static double ratio(List<Double> values, List<Double> base) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < values.size(); i++) {
            ratios.add(values.get(i) / base.get(i));
        }
        return median(ratios);
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    private static String text(List<Double> values) {
        StringBuilder text = new StringBuilder();
        values.forEach(value -> text.append(String.format(Locale.ROOT, " %.1f", value)));
        return text.toString();
    }
}
