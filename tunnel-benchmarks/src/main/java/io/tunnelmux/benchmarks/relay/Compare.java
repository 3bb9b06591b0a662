package io.tunnelmux.benchmarks.relay;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What it costs to go through gateway and agent, beside other ways, all in turns. Prints a table and writes all rounds as JSON. Exit code 1 if something fails, 2 for a
 * wrong option.
 */
public final class Compare {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/compare [OPTION]...
            Round trips and bulk straight, through two HAProxys, through gateway and agent in several ways, and through relays made of other
            libraries, in turns; what counts are the ratios. Round trips are measured with all processes on one processor, bulk on all of them.
              --targets LIST         of %s
                                     (default: all; before and ws-other-java only with their options)
              --scenarios LIST       of %s (default: all),
                                     or single ones: %s
              --rounds N             of each target and scenario              (default: 9)
              --millis MS            length of a round                        (default: 1000)
                                     half of it where all share one processor
              --warm-up N            unmeasured passes over all               (default: 2)
              --before DIR           another checkout, built; or this one, without --java-args
              --other-java DIR       another JDK
              --java-args ARGS       for gateways and agents
              --json FILE            results (default: tunnel-benchmarks/target/compare.json)
              --hold S               afterwards, keep everything running so long and print process ids: for a profiler
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: the benchmarks are not built.""";

    private static final List<String> GROUPS =
            Scenario.all().stream().map(Scenario::group).distinct().toList();
    private static final List<String> KEYS =
            Scenario.all().stream().map(Scenario::key).toList();

    private final Path root;
    private final Path log;
    private final List<String> names;
    private final List<Scenario> scenarios;
    private final int rounds;
    private final Duration round;
    private final int warmUps;
    private final String before;
    private final String otherJava;
    private final String javaArgs;
    private final Path json;
    private final int holdSeconds;

    private Compare(Path root, Options options) {
        this.root = root;
        log = options.log();
        names = options.some("--targets", Relays.names());
        List<String> chosen = options.some(
                "--scenarios", Stream.concat(GROUPS.stream(), KEYS.stream()).toList());
        scenarios = Scenario.all().stream()
                .filter(scenario -> chosen.contains(scenario.group()) || chosen.contains(scenario.key()))
                .toList();
        rounds = options.number("--rounds", 9, 1, 1_000);
        round = Duration.ofMillis(options.number("--millis", 1_000, 20, 600_000));
        warmUps = options.number("--warm-up", 2, 0, 100);
        before = options.text("--before", "");
        otherJava = options.text("--other-java", "");
        javaArgs = options.text("--java-args", "");
        json = Path.of(options.text(
                "--json", root.resolve("tunnel-benchmarks/target/compare.json").toString()));
        holdSeconds = options.number("--hold", 0, 0, 86_400);
        requireSense();
    }

    private void requireSense() {
        boolean isChosen = names.size() < Relays.names().size();
        if (isChosen && names.contains("before") && before.isEmpty()) {
            throw new IllegalArgumentException("the target before needs --before DIR");
        }
        if (isChosen && names.contains("ws-other-java") && otherJava.isEmpty()) {
            throw new IllegalArgumentException("the target ws-other-java needs --other-java DIR");
        }
        if (!before.isEmpty() && !Files.isDirectory(Path.of(before))) {
            throw new IllegalArgumentException("--before: there is no directory " + before);
        }
        if (!otherJava.isEmpty() && !Files.isExecutable(Path.of(otherJava, "bin", "java"))) {
            throw new IllegalArgumentException("--other-java: there is no " + Path.of(otherJava, "bin", "java"));
        }
        if (Files.isDirectory(json)) {
            throw new IllegalArgumentException("--json names a file, and " + json + " is a directory");
        }
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        List<String> all = Arrays.asList(args);
        System.exit(exitCodeOf(Path.of(all.get(0)), all.subList(1, all.size())));
    }

    static int exitCodeOf(Path root, List<String> args) {
        String usage =
                USAGE.formatted(String.join(",", Relays.names()), String.join(",", GROUPS), String.join(",", KEYS));
        return Options.run("compare", usage, args, options -> new Compare(root, options)::run);
    }

    private void run() throws IOException, InterruptedException {
        requireWritable();
        try (Relays relays = new Relays(
                root,
                log,
                before.isEmpty() ? null : Path.of(before),
                otherJava.isEmpty() ? null : Path.of(otherJava),
                javaArgs)) {
            List<Target> targets = new ArrayList<>();
            for (String name : names) {
                Target target = relays.start(name);
                if (target != null) {
                    targets.add(target);
                }
            }
            List<Long> processes =
                    new ArrayList<>(List.of(ProcessHandle.current().pid(), relays.server()));
            targets.forEach(target -> processes.addAll(target.relays()));
            List<Scenario> carried = scenarios.stream()
                    .filter(scenario -> targets.stream().anyMatch(target -> target.carries(scenario)))
                    .toList();
            if (carried.isEmpty()) {
                throw new IOException("none of these targets takes part in any of these scenarios");
            }
            Comparison comparison = Comparison.run(carried, targets, processes, warmUps, rounds, round, new Random());
            comparison.rounds().forEach(Compare::print);
            writeJson(comparison, targets);
            if (holdSeconds > 0) {
                targets.forEach(target -> System.out.println(target.name() + " " + target.relays()));
                Thread.sleep(Duration.ofSeconds(holdSeconds).toMillis());
            }
        }
    }

    /** Before anything is measured, and not when all is. */
    private void requireWritable() throws IOException {
        Path directory = json.toAbsolutePath().getParent();
        try {
            Files.createDirectories(directory);
            Files.delete(Files.createTempFile(directory, "compare", ""));
        } catch (IOException e) {
            throw new IOException("--json: cannot write in " + directory + ": " + e, e);
        }
    }

    /** A line for each target: medians of the figures, and in brackets medians of their ratios to the first target that has relays. */
    private static void print(Scenario scenario, Map<String, List<Round>> targets) {
        System.out.println(scenario.group() + " " + scenario.key());
        String base = targets.keySet().stream()
                .filter(name -> !name.equals("direct"))
                .findFirst()
                .orElse("direct");
        targets.forEach((name, rounds) -> {
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "  %-14s", name));
            for (Figure figure : Figure.values()) {
                double median = Comparison.median(rounds, figure);
                if (Double.isFinite(median)) {
                    double ratio = Comparison.medianRatio(rounds, targets.getOrDefault(base, List.of()), figure);
                    line.append(String.format(Locale.ROOT, "  %s %.4g", figure.label(), median));
                    if (Double.isFinite(ratio)) {
                        line.append(String.format(Locale.ROOT, " (%.2f)", ratio));
                    }
                }
            }
            System.out.println(line);
        });
    }

    private void writeJson(Comparison comparison, List<Target> targets) throws IOException {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode results = mapper.createObjectNode();
        results.put("at", Instant.now().toString());
        Machine.describe(results, root);
        if (!otherJava.isEmpty()) {
            results.put("otherJava", Files.readString(Path.of(otherJava, "release")));
        }
        results.put("rounds", rounds);
        results.put("roundMillis", round.toMillis());
        ObjectNode resident = results.putObject("residentBytes");
        for (Target target : targets) {
            resident.put(target.name(), ProcessMemory.residentBytes(target.relays()));
        }
        ArrayNode list = results.putArray("scenarios");
        comparison.rounds().forEach((scenario, ofTargets) -> {
            ObjectNode node = list.addObject();
            node.put("key", scenario.key());
            node.put("group", scenario.group());
            ObjectNode targetNodes = node.putObject("targets");
            ofTargets.forEach((name, ofTarget) -> {
                ArrayNode roundNodes = targetNodes.putArray(name);
                for (Round one : ofTarget) {
                    ObjectNode figures = roundNodes.addObject();
                    one.figures().forEach((figure, value) -> figures.put(figure.key(), value));
                }
            });
        });
        mapper.writeValue(json.toFile(), results);
        System.out.println("all rounds: " + json);
    }
}
