package io.tunnelmux.benchmarks.relay;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A process of a benchmark. Its first line says that it is ready; after that it is told what to do by lines, and answers by lines. What it logs
 * goes to a file.
 */
final class ChildProcess implements AutoCloseable {
    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter orders;
    private final String readyLine;

    private ChildProcess(Path log, List<String> command) throws IOException {
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        answers = process.inputReader(StandardCharsets.UTF_8);
        orders = process.outputWriter(StandardCharsets.UTF_8);
        readyLine = nextLine();
    }

    /**
     * Runs a main class of this benchmark's own class path in a JVM like this one. Waits until it is ready, as all do that start a process.
     *
     * @param log what it writes to standard error goes to its end
     * @param cpu the processor it keeps to, or {@code none}
     */
    static ChildProcess start(Path log, Class<?> main, String cpu, List<String> args) throws IOException {
        List<String> command = new ArrayList<>();
        if (!cpu.equals("none")) {
            command.addAll(List.of("taskset", "-c", cpu));
        }
        command.addAll(List.of(JAVA, "-Xmx256m", "-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(args);
        return new ChildProcess(log, command);
    }

    /** Runs a JVM like this one. */
    static ChildProcess startJava(Path log, List<String> args) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(JAVA);
        command.addAll(args);
        return new ChildProcess(log, command);
    }

    /** What it said when it was ready. */
    String readyLine() {
        return readyLine;
    }

    /** What the ready line says of {@code key}. */
    String readyValue(String key) throws IOException {
        for (String word : readyLine.split(" ")) {
            if (word.startsWith(key + '=')) {
                return word.substring(key.length() + 1);
            }
        }
        throw new IOException("not a ready line: " + readyLine);
    }

    long pid() {
        return process.pid();
    }

    private String nextLine() throws IOException {
        String line = answers.readLine();
        if (line == null) {
            close();
            throw new IOException("process " + pid() + " has ended");
        }
        return line;
    }

    /** Gives an order, and waits for the line that answers it. */
    String ask(String order) throws IOException {
        orders.write(order);
        orders.newLine();
        orders.flush();
        return nextLine();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
