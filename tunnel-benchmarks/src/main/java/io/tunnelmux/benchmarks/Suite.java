package io.tunnelmux.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * All JMH benchmarks, with garbage told beside time. Prints what JMH prints and writes its JSON. Exit code 1 and JMH's words if a benchmark fails, 2 and one line for a
 * wrong argument.
 */
public final class Suite {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/run-jmh [quick|full] [--json FILE]
            All JMH benchmarks: time and garbage of codecs, core, and relay over sockets.
              full      as the benchmarks say themselves, about 13 minutes; unless told otherwise
              quick     fewer sizes and short iterations, under 3 minutes: does everything run, and about as fast as it should?
              --json FILE   where JMH's JSON goes; else tunnel-benchmarks/target/jmh-quick.json or jmh-full.json""";

    private static final Path MODULE = Path.of("tunnel-benchmarks");
    private static final int QUICK_WARM_UPS = 2;
    private static final int QUICK_ITERATIONS = 3;
    private static final TimeValue QUICK_TIME = TimeValue.milliseconds(300);

    private enum Mode {
        QUICK,
        FULL
    }

    private Suite() {}

    public static void main(String[] args) {
        System.exit(run(List.of(args)));
    }

    private static int run(List<String> args) {
        if (args.contains("--help")) {
            System.out.println(USAGE);
            return 0;
        }
        Mode mode = Mode.FULL;
        Path json = null;
        for (int i = 0; i < args.size(); i++) {
            String arg = args.get(i);
            if (arg.equals("quick") && i == 0) {
                mode = Mode.QUICK;
            } else if (arg.equals("--json") && i + 1 < args.size()) {
                i++;
                json = Path.of(args.get(i));
            } else if (!arg.equals("full") || i > 0) {
                System.err.println(
                        "run-jmh: wrong argument, or one without its value: " + arg + " (--help lists them)");
                return 2;
            }
        }
        try {
            run(mode, json == null ? defaultJson(mode) : json);
            return 0;
        } catch (IOException | RunnerException e) {
            System.err.println("run-jmh: " + e.getMessage());
            return 1;
        }
    }

    private static void run(Mode mode, Path json) throws IOException, RunnerException {
        Path directory = json.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("io\\.tunnelmux\\.benchmarks\\..*")
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .resultFormat(ResultFormatType.JSON)
                .result(json.toString());
        if (mode == Mode.QUICK) {
            options.forks(1)
                    .warmupIterations(QUICK_WARM_UPS)
                    .warmupTime(QUICK_TIME)
                    .measurementIterations(QUICK_ITERATIONS)
                    .measurementTime(QUICK_TIME)
                    .param("size", "64", "16384")
                    .param("read", "0", "1460")
                    .param("streams", "1", "4096");
        }
        new Runner(options.build()).run();
        System.out.println("\nwritten to " + json);
    }

    /** Beside the jar, if this is run from the project's root; else where it is run. */
    private static Path defaultJson(Mode mode) {
        String name = mode == Mode.QUICK ? "jmh-quick.json" : "jmh-full.json";
        return Files.isDirectory(MODULE) ? MODULE.resolve("target").resolve(name) : Path.of(name);
    }
}
