package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Processor time of other processes from a moment on, as Linux's scheduler counts it for each thread, in nanoseconds ({@code /proc/PID/task/TID/schedstat}; what
 * {@code /proc/PID/stat} says comes in steps of 10 ms, which is more than a quiet relay takes in a round). The last of threads that ended meanwhile is not seen. Not thread-safe.
 */
final class ProcessorTime {
    private static final double NANOS_PER_SECOND = 1e9;

    private final List<Long> processes;
    private final Map<Path, Long> before;

    private ProcessorTime(List<Long> processes) throws IOException {
        this.processes = processes;
        before = nanosOfThreads(processes);
    }

    static ProcessorTime start(List<Long> processes) throws IOException {
        return new ProcessorTime(processes);
    }

    /** What all threads of the processes have taken since the start. */
    double seconds() throws IOException {
        long nanos = 0;
        for (Map.Entry<Path, Long> thread : nanosOfThreads(processes).entrySet()) {
            nanos += thread.getValue() - before.getOrDefault(thread.getKey(), 0L);
        }
        return nanos / NANOS_PER_SECOND;
    }

    private static Map<Path, Long> nanosOfThreads(List<Long> processes) throws IOException {
        Map<Path, Long> nanos = new HashMap<>();
        for (long process : processes) {
            try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/" + process + "/task"))) {
                for (Path thread : threads) {
                    putNanos(nanos, thread);
                }
            }
        }
        return nanos;
    }

    private static void putNanos(Map<Path, Long> nanos, Path thread) throws IOException {
        try {
            String schedstat = Files.readString(thread.resolve("schedstat"));
            nanos.put(thread, Long.parseLong(schedstat.substring(0, schedstat.indexOf(' '))));
        } catch (IOException e) {
            if (Files.exists(thread)) {
                throw e;
            }
            // It has ended since it was listed: then there is no file, or reading it fails with ESRCH.
        }
    }
}
