package io.tunnelmux.benchmarks.relay;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process of this benchmark: told what to do by lines, and answering by lines. Its complaints go to where this one's go. */
final class ChildProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter orders;

    private ChildProcess(Process process) {
        this.process = process;
        answers = process.inputReader(StandardCharsets.UTF_8);
        orders = process.outputWriter(StandardCharsets.UTF_8);
    }

    /**
     * Runs a main class of this benchmark's own class path in a JVM like this one.
     *
     * @param cpu the processor it keeps to, or {@code none}
     */
    static ChildProcess start(Class<?> main, String cpu, List<String> args) throws IOException {
        List<String> command = new ArrayList<>();
        if (!cpu.equals("none")) {
            command.addAll(List.of("taskset", "-c", cpu));
        }
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx256m", "-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(args);
        return start(command);
    }

    static ChildProcess start(List<String> command) throws IOException {
        return new ChildProcess(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    long pid() {
        return process.pid();
    }

    /** Waits for the next line. */
    String nextLine() throws IOException {
        String line = answers.readLine();
        if (line == null) {
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
