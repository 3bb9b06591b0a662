package io.tunnelmux.examples.common;

import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.OptionSpec;

/** How a program reads its command line, says in one line on standard error what is wrong, and ends. Any thread may call it. */
public final class Program {

    /** It ended because it was told to. */
    public static final int OK = 0;
    /** It could not begin, or not end in an orderly way. */
    public static final int FAILED = 1;
    /** It was started wrongly. */
    public static final int MISUSED = 2;
    /** It ended at once because memory ran out. */
    public static final int OUT_OF_MEMORY = 3;

    private static final String LEAK_DETECTION = "io.netty.leakDetection.level";
    private static final Logger LOG = LoggerFactory.getLogger(Program.class);
    /** Together within the ten seconds that a supervisor waits. */
    private static final Duration DRAIN_PATIENCE = Duration.ofSeconds(7);

    private static final Duration LAST_PATIENCE = Duration.ofSeconds(9);

    private final String name;
    private final Map<String, ConfigSection> sections;
    /** Ready to be written: then there is no memory to make them. */
    private final byte[] lastWords;
    /** Of the run now; null if there is none. */
    private volatile @Nullable ConfigFile config;

    /** @param name begins each line that it says */
    public Program(String name) {
        this(name, Map.of());
    }

    /**
     * @param name begins each line that it says
     * @param sections keys of its configuration file that are no options
     */
    public Program(String name, Map<String, ConfigSection> sections) {
        this.name = name;
        this.sections = Map.copyOf(sections);
        lastWords = (name + ": out of memory, ends at once\n").getBytes(StandardCharsets.UTF_8);
    }

    /** Reads options of a {@code command} as {@link Values} does, and {@code --config}; what is wrong is one line, and an exit code. */
    public CommandLine commandLine(Object command) {
        CommandLine commandLine = new CommandLine(command);
        String version = command.getClass().getPackage().getImplementationVersion();
        commandLine
                .getCommandSpec()
                .version(name + ' ' + (version == null ? "(not packaged)" : version))
                .addOption(OptionSpec.builder(ConfigFile.OPTION)
                        .paramLabel("FILE")
                        .type(String.class)
                        .description("options in YAML, by their names without dashes; the command line goes before")
                        .build());
        return commandLine
                .setExpandAtFiles(false)
                .registerConverter(Duration.class, Values.converter(Values::duration))
                .registerConverter(InetSocketAddress.class, Values.converter(Values::address))
                .setParameterExceptionHandler(
                        (misuse, args) -> fail(MISUSED, misuse.getMessage() + " (--help shows the options)"))
                .setExecutionExceptionHandler((failure, line, parsed) -> fail(FAILED, failure.toString()));
    }

    /** Runs it, and ends the process with its exit code. Netty looks for leaked buffers only where a system property says so: it costs a fiftieth of the time. */
    public void run(CommandLine commandLine, String[] args) {
        if (System.getProperty(LEAK_DETECTION) == null) {
            System.setProperty(LEAK_DETECTION, "disabled");
        }
        Thread.setDefaultUncaughtExceptionHandler(this::onUncaught);
        System.exit(execute(commandLine, args));
    }

    /** Runs it with its arguments and with those of the file that {@code --config} names; the exit code. */
    public int execute(CommandLine commandLine, String... args) {
        config = null;
        ConfigFile file;
        try {
            file = ConfigFile.of(args, commandLine.getCommandSpec(), sections);
        } catch (IllegalArgumentException e) {
            return fail(MISUSED, e.getMessage());
        }
        if (file == null) {
            return commandLine.execute(args);
        }
        config = file;
        IParameterExceptionHandler handler = commandLine.getParameterExceptionHandler();
        commandLine.setParameterExceptionHandler((misuse, given) -> {
            String origin = file.originOf(misuse.getArgSpec(), misuse.getValue());
            return origin == null
                    ? handler.handleParseException(misuse, given)
                    : tell(MISUSED, origin + ": " + misuse.getMessage());
        });
        return commandLine.execute(
                Stream.concat(file.arguments().stream(), Arrays.stream(args)).toArray(String[]::new));
    }

    /**
     * Says why, in one line, and returns the exit code. Where it is misuse of an option that the configuration file has, the line begins with where that
     * stands; {@code why} names the option, and of a list also the value.
     */
    public int fail(int exitCode, @Nullable String why) {
        String message = String.valueOf(why);
        ConfigFile file = config;
        String origin = exitCode == MISUSED && file != null ? file.originIn(message) : null;
        return tell(exitCode, origin == null ? message : origin + ": " + message);
    }

    private int tell(int exitCode, String message) {
        say(message.replaceAll("\\s*\\R\\s*", " "));
        return exitCode;
    }

    /** One line on standard error. */
    public void say(String line) {
        System.err.println(name + ": " + line);
    }

    /**
     * Ends on SIGTERM and SIGINT as one who was told to, where the JVM would end with a code that reports the signal.
     *
     * @param close lets what is under way end for as long as it is told, and closes; called once, on a thread of its own, and may block
     */
    public void endOnSignal(Consumer<Duration> close) {
        endOnSignal(close, DRAIN_PATIENCE, LAST_PATIENCE);
    }

    void endOnSignal(Consumer<Duration> close, Duration drainPatience, Duration lastPatience) {
        Thread hook = new Thread(
                () -> {
                    int exitCode = close(close, drainPatience, lastPatience);
                    System.err.flush();
                    Runtime.getRuntime().halt(exitCode);
                },
                "shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private int close(Consumer<Duration> close, Duration drainPatience, Duration lastPatience) {
        LOG.info("draining patience={}", drainPatience);
        CompletableFuture<Void> closed = CompletableFuture.runAsync(
                () -> close.accept(drainPatience), task -> new Thread(task, "closer").start());
        try {
            closed.get(lastPatience.toMillis(), TimeUnit.MILLISECONDS);
            LOG.info("ended");
            return OK;
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            return fail(FAILED, "did not close: " + e);
        }
    }

    private void onUncaught(Thread thread, Throwable error) {
        if (error instanceof OutOfMemoryError) {
            endWithoutMemory();
        }
        LOG.error("thread ended thread={}", thread.getName(), error);
    }

    /**
     * Without memory something was left half done, nobody knows what: better no program than that, and a supervisor that starts the next.
     * <p>Never returns. Where several threads come, the first does it, and the others wait at the monitor until the process is gone.
     */
    private synchronized void endWithoutMemory() {
        try {
            System.err.write(lastWords, 0, lastWords.length);
            System.err.flush();
        } finally {
            Runtime.getRuntime().halt(OUT_OF_MEMORY);
        }
    }
}
