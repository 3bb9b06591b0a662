package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The options of a benchmark, {@code --NAME VALUE}, each of which is read once; and how one is run. What is wrong is told with the option's name. */
final class Options {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})(|KiB|MiB)");

    private final Map<String, String> values = new LinkedHashMap<>();
    private final Path log;

    /** What is run once all options are read. */
    interface Benchmark {
        void run() throws IOException, InterruptedException;
    }

    private Options(List<String> args, Path log) {
        this.log = log;
        for (int i = 0; i < args.size(); i += 2) {
            String name = args.get(i);
            if (!name.startsWith("--")) {
                throw new IllegalArgumentException("no option " + name + " (--help lists them)");
            }
            if (values.putIfAbsent(name, i + 1 < args.size() ? args.get(i + 1) : "") != null) {
                throw new IllegalArgumentException(name + " is given twice");
            }
        }
    }

    /**
     * Runs a benchmark. What its processes log goes to a file, which is kept and named if it fails.
     *
     * @param script begins each complaint
     * @param usage for {@code --help}
     * @param reader makes the benchmark of its options
     * @return 0 if it was measured, 1 if something failed, 2 for a wrong option
     */
    static int run(String script, String usage, List<String> args, Function<Options, Benchmark> reader) {
        if (args.contains("--help")) {
            System.out.println(usage);
            return 0;
        }
        try {
            Path log = Files.createTempFile(script + "-", ".log");
            int exitCode = run(script, args, reader, log);
            if (exitCode == 1) {
                System.err.println(script + ": what its processes logged is in " + log);
            } else {
                Files.delete(log);
            }
            return exitCode;
        } catch (IOException e) {
            System.err.println(script + ": " + e.getMessage());
            return 1;
        }
    }

    private static int run(String script, List<String> args, Function<Options, Benchmark> reader, Path log) {
        Benchmark benchmark;
        try {
            Options options = new Options(args, log);
            benchmark = reader.apply(options);
            options.requireAllRead();
        } catch (IllegalArgumentException e) {
            System.err.println(script + ": " + e.getMessage());
            return 2;
        }
        try {
            benchmark.run();
            return 0;
        } catch (IOException | UncheckedIOException e) {
            System.err.println(script + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return 1;
    }

    /** Where the processes log. */
    Path log() {
        return log;
    }

    /** A whole number within bounds. */
    int number(String name, int fallback, int lowest, int highest) {
        String text = text(name, Integer.toString(fallback));
        int value = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
        if (value < lowest || value > highest) {
            throw new IllegalArgumentException(
                    name + " is a whole number from " + lowest + " to " + highest + ", not '" + text + "'");
        }
        return value;
    }

    /** A size as the programs read it, from 16 KiB to 1 GiB, as it was written. */
    String window(String name, String fallback) {
        String text = text(name, fallback);
        Matcher matcher = SIZE.matcher(text);
        long bytes = 0;
        if (matcher.matches()) {
            int shift = matcher.group(2).equals("MiB") ? 20 : matcher.group(2).equals("KiB") ? 10 : 0;
            bytes = Long.parseLong(matcher.group(1)) << shift;
        }
        if (bytes < 16 << 10 || bytes > 1 << 30) {
            throw new IllegalArgumentException(name + " is a size from 16KiB to 1024MiB, not '" + text + "'");
        }
        return text;
    }

    /** Some of {@code all}, separated by commas, in the order of {@code all}; all of them by default. */
    List<String> some(String name, List<String> all) {
        List<String> chosen = List.of(text(name, String.join(",", all)).split(","));
        for (String one : chosen) {
            if (!all.contains(one)) {
                throw new IllegalArgumentException(name + " is of " + String.join(",", all) + ", not '" + one + "'");
            }
        }
        return all.stream().filter(chosen::contains).toList();
    }

    /** Words for another program, which may begin with a dash. */
    String text(String name, String fallback) {
        if (!values.containsKey(name)) {
            return fallback;
        }
        String value = Objects.requireNonNull(values.remove(name));
        if (value.isEmpty()) {
            throw new IllegalArgumentException(name + " needs a value");
        }
        return value;
    }

    private void requireAllRead() {
        if (!values.isEmpty()) {
            throw new IllegalArgumentException(
                    "no option " + values.keySet().iterator().next() + " (--help lists them)");
        }
    }
}
