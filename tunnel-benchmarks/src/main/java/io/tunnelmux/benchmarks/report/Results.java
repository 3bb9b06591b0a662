package io.tunnelmux.benchmarks.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tunnelmux.benchmarks.relay.Figure;
import io.tunnelmux.benchmarks.relay.Round;
import io.tunnelmux.benchmarks.relay.Scenario;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** All that was measured, as it lies in files. What is missing is empty, or not a number. Never changes; any thread. */
final class Results {
    /** Another checkout: what a change did, and so no matter of a report. */
    private static final String BEFORE = "before";

    private static final int MANY_ROUNDS = 9;
    private static final double NOISE_OF_PINNED = 0.03;
    private static final double NOISE = 0.15;

    /** What one that rests takes of a program. */
    record Idle(String kind, String program, double heapBytes, double residentBytes) {}

    private final JsonNode head;
    private final List<Measured> scenarios = new ArrayList<>();
    private final List<Idle> idle = new ArrayList<>();
    private final JsonNode jmh;
    private final List<String> impossible = new ArrayList<>();

    private Results(JsonNode comparison, JsonNode idle, JsonNode jmh) {
        head = comparison;
        this.jmh = jmh;
        comparison.path("scenarios").forEach(node -> scenarios.add(scenario(node)));
        idle.forEach(row -> this.idle.add(new Idle(
                row.path("kind").asText(),
                row.path("program").asText(),
                row.path("heapBytes").asDouble(Double.NaN),
                row.path("residentBytes").asDouble(Double.NaN))));
    }

    /**
     * Reads {@code compare.json}, and what there is of the others.
     *
     * @param jmh a file that may be missing
     * @throws IOException also if there is no {@code compare.json}
     */
    static Results read(Path directory, Path jmh) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode comparison = parse(mapper, directory.resolve("compare.json"));
        return new Results(comparison, readIfThere(mapper, directory.resolve("idle.json")), readIfThere(mapper, jmh));
    }

    private static JsonNode readIfThere(ObjectMapper mapper, Path file) throws IOException {
        return Files.exists(file) ? parse(mapper, file) : mapper.createArrayNode();
    }

    private static JsonNode parse(ObjectMapper mapper, Path file) throws IOException {
        try {
            return mapper.readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is no JSON: " + e.getOriginalMessage(), e);
        }
    }

    private Measured scenario(JsonNode node) {
        Map<String, List<Round>> targets = new LinkedHashMap<>();
        node.path("targets").properties().forEach(target -> {
            List<Round> rounds = new ArrayList<>();
            String where = node.path("key").asText() + ' ' + target.getKey();
            target.getValue().forEach(round -> rounds.add(round(where, round)));
            if (!target.getKey().equals(BEFORE)) {
                targets.put(target.getKey(), rounds);
            }
        });
        return new Measured(node.path("group").asText(), node.path("key").asText(), targets);
    }

    private Round round(String where, JsonNode node) {
        Map<Figure, Double> figures = new EnumMap<>(Figure.class);
        for (Figure figure : Figure.values()) {
            double value = node.path(figure.key()).asDouble(Double.NaN);
            if (value >= 0) {
                figures.put(figure, value);
            } else if (!Double.isNaN(value)) {
                impossible.add(where + ' ' + figure.key() + ' ' + value);
            }
        }
        return new Round(figures);
    }

    /** A value of the comparison's head; a question mark if there is none. */
    String head(String name) {
        return head.path(name).asText("?");
    }

    /** Whether there are so many rounds that noise is known. */
    boolean hasManyRounds() {
        return headNumber("rounds") >= MANY_ROUNDS;
    }

    /** What ratios within a run differ by from run to run, as part of them; 0 where it is not known. */
    double noise(String group) {
        if (!hasManyRounds()) {
            return 0;
        }
        boolean isPinned = Scenario.all().stream()
                .filter(scenario -> scenario.group().equals(group))
                .allMatch(Scenario::isPinned);
        return isPinned ? NOISE_OF_PINNED : NOISE;
    }

    double headNumber(String name) {
        return head.path(name).asDouble(Double.NaN);
    }

    List<Measured> scenarios() {
        return List.copyOf(scenarios);
    }

    List<Measured> scenarios(String group) {
        return scenarios.stream().filter(one -> one.group().equals(group)).toList();
    }

    /** Without any rounds if it was not measured. */
    Measured scenario(String group, String key) {
        return scenarios(group).stream()
                .filter(one -> one.key().equals(key))
                .findFirst()
                .orElseGet(() -> new Measured(group, key, Map.of()));
    }

    /** Figures below zero, which are taken for not measured. */
    List<String> impossible() {
        return List.copyOf(impossible);
    }

    /** All that have rounds, in the order of their names. */
    Set<String> targets() {
        Set<String> measured = new LinkedHashSet<>();
        scenarios.forEach(scenario -> measured.addAll(scenario.targets().keySet()));
        Set<String> targets = new LinkedHashSet<>(Names.TARGETS.keySet());
        targets.retainAll(measured);
        targets.addAll(measured);
        return targets;
    }

    /** Resident memory of a target's programs after the whole comparison. */
    double residentBytes(String target) {
        return head.path("residentBytes").path(target).asDouble(Double.NaN);
    }

    List<Idle> idle() {
        return List.copyOf(idle);
    }

    List<Idle> idle(String kind) {
        return idle.stream().filter(row -> row.kind().equals(kind)).toList();
    }

    /** A list; empty if there was no file. */
    JsonNode jmh() {
        return jmh;
    }
}
