package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
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
              --delay MS               each way, between agent and gateway       (default: 50)
              --rounds N               of every target, in turns                 (default: 3)
              --seconds S              for which a download is measured          (default: 10)
              --warm-up S              for which it runs before that             (default: 5)
              --fixed-window SIZE      of streams that do not grow               (default: 256KiB)
              --java-args ARGS         for gateway and agent                     (default: none)
              --gateway-args ARGS      for the gateway of target tunnel          (default: none)""";

    private static final String RELAY = "io.tunnelmux.core.testing.DelayRelay";

    private final Path root;
    private final List<ChildProcess> children = new ArrayList<>();
    private int delayMillis = 50;
    private int rounds = 3;
    private int seconds = 10;
    private int warmUpSeconds = 5;
    private String fixedWindow = "256KiB";
    private String javaArgs = "";
    private String gatewayArgs = "";

    private Delay(Path root, List<String> args) {
        this.root = root;
        for (int i = 0; i < args.size(); i += 2) {
            String value = RelayBench.value(args, i);
            switch (args.get(i)) {
                case "--delay" -> delayMillis = Integer.parseInt(value);
                case "--rounds" -> rounds = Integer.parseInt(value);
                case "--seconds" -> seconds = Integer.parseInt(value);
                case "--warm-up" -> warmUpSeconds = Integer.parseInt(value);
                case "--fixed-window" -> fixedWindow = value;
                case "--java-args" -> javaArgs = value;
                case "--gateway-args" -> gatewayArgs = value;
                default -> throw new IllegalArgumentException("no option " + args.get(i) + "\n" + USAGE);
            }
        }
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        int exitCode = 0;
        List<String> options = Arrays.asList(args).subList(1, args.length);
        try {
            if (options.contains("--help")) {
                System.out.println(USAGE);
            } else {
                Delay delay = new Delay(Path.of(args[0]), options);
                try {
                    delay.run();
                } finally {
                    delay.children.forEach(ChildProcess::close);
                }
            }
        } catch (IllegalArgumentException e) {
            System.err.println("compare-delay: " + e.getMessage());
            exitCode = 2;
        } catch (IOException | UncheckedIOException e) {
            System.err.println("compare-delay: " + e.getMessage());
            exitCode = 1;
        } catch (InterruptedException e) {
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private void run() throws IOException, InterruptedException {
        String upstream = "127.0.0.1:"
                + child(ChildProcess.start(BulkServer.class, "none", List.of())).readyLine();
        Programs programs = new Programs(root, javaArgs);
        Map<String, String> targets = new LinkedHashMap<>();
        targets.put("plain TCP", relayTo(upstream));
        targets.put("tunnel", startTunnel(programs, upstream, gatewayArgs));
        targets.put(
                "tunnel, " + fixedWindow,
                startTunnel(
                        programs, upstream, "--stream-window " + fixedWindow + " --max-stream-window " + fixedWindow));
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
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
        List<String> args =
                List.of("-Xmx64m", "-cp", testJar().toString(), RELAY, "--to", address, "--delay", delayMillis + "ms");
        return child(ChildProcess.startJava(args)).readyValue("listen");
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
        child(programs.startAgent(relayTo(gateway.readyValue("tunnel")), upstream));
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
