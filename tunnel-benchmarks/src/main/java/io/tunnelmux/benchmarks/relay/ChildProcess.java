package io.tunnelmux.benchmarks.relay;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A process of a benchmark. Its first line says that it is ready; after that it may be told what to do by lines, which it answers by lines. What it logs goes to a
 * file.
 */
final class ChildProcess implements AutoCloseable {
    static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();

    private static final int LISTENING_SECONDS = 10;

    private final Process process;
    private final BufferedReader answers;
    private final BufferedWriter orders;
    private final String readyLine;

    private ChildProcess(Path log, List<String> command, boolean saysReady) throws IOException {
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        answers = process.inputReader(StandardCharsets.UTF_8);
        orders = process.outputWriter(StandardCharsets.UTF_8);
        // Whoever ends this program with a signal has ended all that it started.
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        readyLine = saysReady ? nextLine() : "";
    }

    /**
     * Runs a main class of this benchmark's own class path in a JVM like this one. Waits until it is ready, as all do that start a process.
     *
     * @param log what it writes to standard error goes to its end
     */
    static ChildProcess start(Path log, Class<?> main, List<String> args) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(JAVA, "-Xmx256m", "-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(args);
        return new ChildProcess(log, command, true);
    }

    /** Runs a program. */
    static ChildProcess startProgram(Path log, List<String> command) throws IOException {
        return new ChildProcess(log, command, true);
    }

    /** Runs a program that says nothing when it is ready; waits until it listens. */
    static ChildProcess startListening(Path log, List<String> command, InetSocketAddress address) throws IOException {
        ChildProcess child = new ChildProcess(log, command, false);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LISTENING_SECONDS);
        while (!listens(address)) {
            if (!child.process.isAlive() || System.nanoTime() > end) {
                child.close();
                throw new IOException(command.get(0) + " does not listen on " + address);
            }
            LockSupport.parkNanos(child, TimeUnit.MILLISECONDS.toNanos(20));
        }
        return child;
    }

    private static boolean listens(InetSocketAddress address) {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            return socket.isConnected();
        } catch (IOException e) {
            // Not yet.
            return false;
        }
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
