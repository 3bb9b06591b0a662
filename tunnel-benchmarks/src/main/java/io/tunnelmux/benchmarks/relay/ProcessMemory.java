package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What other processes hold in memory. Stateless; any thread. */
final class ProcessMemory {
    private static final String JCMD =
            Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    private static final Pattern TOTAL = Pattern.compile("(?m)^Total +[0-9]+ +([0-9]+)");
    private static final Pattern RESIDENT = Pattern.compile("(?m)^VmRSS:\\s+([0-9]+) kB");
    private static final long KIB = 1024;

    private ProcessMemory() {}

    /** Bytes of all objects that JVMs can still reach, each after a full collection; {@code jcmd} of this JDK counts them. */
    static long liveHeapBytes(List<Long> jvms) throws IOException {
        long bytes = 0;
        for (long jvm : jvms) {
            bytes += number(TOTAL, run(JCMD, Long.toString(jvm), "GC.class_histogram"));
        }
        return bytes;
    }

    /** Bytes of main memory that processes have, as Linux counts them. */
    static long residentBytes(List<Long> processes) throws IOException {
        long bytes = 0;
        for (long process : processes) {
            bytes += KIB * number(RESIDENT, Files.readString(Path.of("/proc/" + process + "/status")));
        }
        return bytes;
    }

    static long number(Pattern pattern, String text) throws IOException {
        Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new IOException(
                    "no " + pattern + " in: " + text.lines().findFirst().orElse(""));
        }
        return Long.parseLong(matcher.group(1));
    }

    private static String run(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
}
