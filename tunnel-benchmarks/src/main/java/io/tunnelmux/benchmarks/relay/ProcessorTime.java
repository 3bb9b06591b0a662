package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Processor time of other processes, as Linux counts it. Stateless; any thread. */
final class ProcessorTime {
    /** {@code USER_HZ}: the unit of {@code /proc/PID/stat} on every Linux that the JDK runs on. */
    private static final double TICKS_PER_SECOND = 100;

    private ProcessorTime() {}

    /** User and system time of all threads of {@code processes} since they began, to 10 ms each. */
    static double seconds(List<Long> processes) throws IOException {
        long ticks = 0;
        for (long process : processes) {
            ticks += ticks(Files.readString(Path.of("/proc/" + process + "/stat")));
        }
        return ticks / TICKS_PER_SECOND;
    }

    /** The fields are counted from behind the name, which may hold spaces and parentheses. */
    static long ticks(String stat) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    }
}
