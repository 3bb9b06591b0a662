package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The objects that a JVM can still reach after a full collection, by class. Immutable; any thread. */
final class HeapHistogram {
    private static final String JCMD =
            Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    private static final Pattern LINE = Pattern.compile("(?m)^ *[0-9]+: +([0-9]+) +([0-9]+) +(\\S+)");

    /** How many there are of a class, and the bytes that they take without what they refer to. */
    private record Objects(long count, long bytes) {
        private static final Objects NONE = new Objects(0, 0);

        private Objects minus(Objects other) {
            return new Objects(count - other.count, bytes - other.bytes);
        }
    }

    private final Map<String, Objects> classes;

    private HeapHistogram(Map<String, Objects> classes) {
        this.classes = classes;
    }

    /** Collects all garbage in there first. */
    static HeapHistogram of(long jvm) throws IOException {
        String text = ask(jvm, "GC.class_histogram");
        Map<String, Objects> classes = new HashMap<>();
        Matcher line = LINE.matcher(text);
        while (line.find()) {
            // Hidden classes of one name come one by one.
            classes.merge(
                    line.group(3),
                    new Objects(Long.parseLong(line.group(1)), Long.parseLong(line.group(2))),
                    (one, other) -> new Objects(one.count + other.count, one.bytes + other.bytes));
        }
        if (classes.isEmpty()) {
            throw new IOException(
                    "no histogram of " + jvm + ": " + text.lines().findFirst().orElse(""));
        }
        return new HeapHistogram(classes);
    }

    /** Has a JVM give back to the system what its native code has freed, as far as it can. */
    static void trimNative(long jvm) throws IOException {
        ask(jvm, "System.trim_native_heap");
    }

    private static String ask(long jvm, String command) throws IOException {
        Process process = new ProcessBuilder(JCMD, Long.toString(jvm), command)
                .redirectErrorStream(true)
                .start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /** What has come since {@code before}. */
    HeapHistogram since(HeapHistogram before) {
        Map<String, Objects> grown = new HashMap<>();
        classes.forEach(
                (name, objects) -> grown.put(name, objects.minus(before.classes.getOrDefault(name, Objects.NONE))));
        before.classes.forEach((name, objects) -> grown.putIfAbsent(name, Objects.NONE.minus(objects)));
        return new HeapHistogram(grown);
    }

    long bytes() {
        return classes.values().stream().mapToLong(Objects::bytes).sum();
    }

    /**
     * Those classes that take most, a line each: bytes, objects, class.
     *
     * @param parts what is told is the share of one of so many
     */
    List<String> largest(int limit, int parts) {
        return classes.entrySet().stream()
                .sorted((one, other) -> Long.compare(other.getValue().bytes, one.getValue().bytes))
                .limit(limit)
                .map(entry -> String.format(
                        Locale.ROOT,
                        "%8.1f B %6.2f  %s",
                        entry.getValue().bytes / (double) parts,
                        entry.getValue().count / (double) parts,
                        entry.getKey()))
                .toList();
    }
}
