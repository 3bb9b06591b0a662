package io.tunnelmux.benchmarks.relay;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** On what it was measured. Stateless; any thread. */
final class Machine {
    private static final Pattern MODEL = Pattern.compile("(?m)^model name\\s*: (.*)$");
    private static final Pattern MEMORY = Pattern.compile("(?m)^MemTotal:\\s+([0-9]+) kB");
    private static final long KIB = 1024;

    private Machine() {}

    /** Writes it into results. */
    static void describe(ObjectNode node, Path root) throws IOException {
        node.put("java", System.getProperty("java.vm.name") + ' ' + Runtime.version());
        node.put("os", System.getProperty("os.name") + ' ' + System.getProperty("os.version"));
        node.put("architecture", System.getProperty("os.arch"));
        node.put("processors", Affinity.PROCESSORS);
        node.put("processor", first(MODEL, Path.of("/proc/cpuinfo")));
        node.put("memoryBytes", KIB * Long.parseLong(first(MEMORY, Path.of("/proc/meminfo"))));
        node.put("commit", commit(root));
    }

    private static String first(Pattern pattern, Path file) throws IOException {
        Matcher matcher = pattern.matcher(Files.readString(file));
        return matcher.find() ? matcher.group(1) : "0";
    }

    /** {@code unknown} where there is no git or no repository. */
    private static String commit(Path root) {
        try {
            Process git = new ProcessBuilder(
                            "git", "-C", root.toString(), "describe", "--always", "--dirty", "--abbrev=10")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
            return git.waitFor() == 0 ? said : "unknown";
        } catch (IOException e) {
            return "unknown";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "unknown";
        }
    }
}
