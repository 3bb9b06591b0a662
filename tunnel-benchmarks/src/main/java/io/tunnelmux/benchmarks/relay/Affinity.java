package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Which processors processes may use: {@code taskset} of util-linux. Stateless; any thread. */
final class Affinity {
    /** How many there are; asked before this process is pinned to one, as it then sees no other. */
    static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    private Affinity() {}

    /**
     * Lets all threads of processes run on one processor, or on all that there are.
     *
     * @throws IOException if that cannot be
     */
    static void pin(List<Long> processes, boolean toOne) throws IOException {
        int last = toOne ? 0 : PROCESSORS - 1;
        for (long process : processes) {
            run(List.of("taskset", "--all-tasks", "--cpu-list", "--pid", "0-" + last, Long.toString(process)));
        }
    }

    private static void run(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(String.join(" ", command) + ": " + said.trim());
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
