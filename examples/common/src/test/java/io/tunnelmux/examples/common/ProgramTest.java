package io.tunnelmux.examples.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** How a program ends, seen from outside: each is a process. */
class ProgramTest {

    private static final int PATIENCE_SECONDS = 60;

    @TempDir
    private Path directory;

    @Test
    void ofManyThreadsWithoutMemoryOneSpeaks() throws Exception {
        Process program = start("no-memory");

        assertThat(exitCodeOf(program)).isEqualTo(3);
        assertThat(errors()).containsExactly("sample: out of memory, ends at once");
    }

    @Test
    void aThreadThatEndsOtherwiseEndsNothingElse() throws Exception {
        Process program = start("thread-fails");
        List<String> log = program.inputReader(StandardCharsets.UTF_8).lines().toList();

        assertThat(exitCodeOf(program)).isZero();
        assertThat(log).anySatisfy(line -> assertThat(line).contains("thread ended thread=unlucky"));
    }

    @Test
    void aSignalIsObeyedInAnOrderlyWay() throws Exception {
        assertThat(exitCodeAfterSignal("closes")).isZero();
        assertThat(errors()).noneSatisfy(line -> assertThat(line).startsWith("sample: "));
    }

    @ParameterizedTest
    @CsvSource({"cannot-close, cannot", "never-closes, Timeout"})
    void whatDoesNotCloseSaysSo(String how, String why) throws Exception {
        assertThat(exitCodeAfterSignal(how)).isEqualTo(1);
        assertThat(errors())
                .filteredOn(line -> line.startsWith("sample: did not close: "))
                .singleElement()
                .asString()
                .contains(why);
    }

    @ParameterizedTest
    @CsvSource({
        "fails, 1, 'sample: java.io.IOException: two lines'",
        "--time=soon, 2, --time",
        "--no-such-option, 2, --no-such"
    })
    void aFailureIsOneLine(String how, int exitCode, String why) throws Exception {
        assertThat(exitCodeOf(start(how))).isEqualTo(exitCode);
        assertThat(errors()).singleElement().asString().startsWith("sample: ").contains(why);
    }

    private Process start(String how) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx32m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Sample.class.getName(),
                        how)
                .redirectError(directory.resolve("errors").toFile())
                .start();
    }

    private int exitCodeAfterSignal(String how) throws Exception {
        Process program = start(how);
        BufferedReader out = program.inputReader(StandardCharsets.UTF_8);
        assertThat(out.readLine()).isEqualTo("ready");
        program.destroy();
        return exitCodeOf(program);
    }

    private static int exitCodeOf(Process program) throws InterruptedException {
        try {
            assertThat(program.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            return program.exitValue();
        } finally {
            program.destroyForcibly();
        }
    }

    private List<String> errors() throws IOException {
        return Files.readAllLines(directory.resolve("errors"));
    }

    /** A program that ends as it is told. */
    @Command(name = "sample")
    static final class Sample implements Callable<Integer> {
        private static final Program PROGRAM = new Program("sample");
        private static final int THREADS = 16;

        @Parameters(arity = "0..1")
        private String how = "";

        @Option(names = "--time")
        private Duration time = Duration.ZERO;

        public static void main(String[] args) {
            PROGRAM.run(PROGRAM.commandLine(new Sample()), args);
        }

        @Override
        public Integer call() throws Exception {
            switch (how) {
                case "no-memory" -> {
                    CyclicBarrier barrier = new CyclicBarrier(THREADS);
                    for (int i = 0; i < THREADS; i++) {
                        new Thread(() -> runOutOfMemory(barrier)).start();
                    }
                }
                case "thread-fails" -> {
                    Thread thread = new Thread(() -> System.getProperty(""), "unlucky");
                    thread.start();
                    thread.join();
                    return Program.OK;
                }
                case "fails" -> throw new IOException("two\n  lines");
                case "closes" -> endOnSignal(() -> {});
                case "cannot-close" ->
                    endOnSignal(() -> {
                        throw new IllegalStateException("cannot");
                    });
                default -> endOnSignal(new CountDownLatch(1)::await);
            }
            new CountDownLatch(1).await();
            return Program.OK;
        }

        private static void runOutOfMemory(CyclicBarrier barrier) {
            try {
                barrier.await();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            throw new OutOfMemoryError("all at once");
        }

        private static void endOnSignal(Closing closing) {
            PROGRAM.endOnSignal(
                    patience -> {
                        try {
                            closing.close();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    },
                    Duration.ofMillis(100),
                    Duration.ofMillis(200));
            System.out.println("ready");
            System.out.flush();
        }

        private interface Closing {
            void close() throws InterruptedException;
        }
    }
}
