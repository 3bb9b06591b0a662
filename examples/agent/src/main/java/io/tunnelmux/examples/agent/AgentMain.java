package io.tunnelmux.examples.agent;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.netty.agent.Agent;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * Runs an agent until it is told to end. Standard output has one line, when the first tunnel stands; all else is in the log, on standard
 * error. SIGTERM drains: what is under way may end, for seven seconds at most. Where memory runs out it ends at once, with exit code 3.
 */
public final class AgentMain {

    private static final Logger LOG = LoggerFactory.getLogger(AgentMain.class);

    private static final int EXIT_USAGE = 2;
    private static final int EXIT_OUT_OF_MEMORY = 3;
    private static final int EXIT_FAILED = 1;
    /** Ready to be written: then there is no memory to make them. */
    private static final byte[] LAST_WORDS =
            "tunnel-agent: out of memory, ends at once\n".getBytes(StandardCharsets.US_ASCII);

    private static final Duration DRAIN_PATIENCE = Duration.ofSeconds(7);
    private static final Duration LAST_PATIENCE = Duration.ofMillis(9_500);

    private AgentMain() {}

    /** @param args see {@code --help} */
    public static void main(String[] args) throws InterruptedException {
        Thread.setDefaultUncaughtExceptionHandler(AgentMain::onUncaught);
        AgentOptions options = new AgentOptions();
        CommandLine commandLine = new CommandLine(options).setExpandAtFiles(false);
        try {
            commandLine.parseArgs(args);
            if (options.isHelpRequested()) {
                commandLine.usage(System.out);
                return;
            }
            run(options);
        } catch (ParameterException e) {
            PrintWriter err = commandLine.getErr();
            err.println(oneLine(e) + " (--help shows the options)");
            err.flush();
            System.exit(EXIT_USAGE);
        } catch (IOException | IllegalArgumentException | UnsupportedOperationException e) {
            LOG.error("the agent cannot start why=\"{}\"", oneLine(e));
            System.exit(EXIT_FAILED);
        }
    }

    private static void run(AgentOptions options) throws IOException, InterruptedException {
        Agent agent = Agent.start(
                options.toConfig().listener(new Announcer(options.agentId())).build());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> shutDown(agent), "shutdown"));
        new CountDownLatch(1).await();
    }

    /** Ends the process by itself, with 0: the JVM would report the signal instead, although it was obeyed in full. */
    private static void shutDown(Agent agent) {
        LOG.info("draining patience={}s", DRAIN_PATIENCE.toSeconds());
        Thread closer = new Thread(() -> agent.close(DRAIN_PATIENCE), "closer");
        closer.setDaemon(true);
        closer.start();
        try {
            TimeUnit.MILLISECONDS.timedJoin(closer, LAST_PATIENCE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        LOG.info("ended");
        Runtime.getRuntime().halt(0);
    }

    private static void onUncaught(Thread thread, Throwable error) {
        if (error instanceof OutOfMemoryError) {
            endWithoutMemory();
        }
        LOG.error("thread ended thread={}", thread.getName(), error);
    }

    /**
     * Without memory something was left half done, nobody knows what: better no agent than that, and a supervisor that starts the next.
     * <p>Never returns. Where several threads come, the first does it, and the others wait at the monitor until the process is gone.
     */
    private static synchronized void endWithoutMemory() {
        try {
            System.err.write(LAST_WORDS, 0, LAST_WORDS.length);
            System.err.flush();
        } finally {
            Runtime.getRuntime().halt(EXIT_OUT_OF_MEMORY);
        }
    }

    private static String oneLine(Exception e) {
        String message = e.getMessage();
        return message == null
                ? e.toString()
                : message.lines().findFirst().orElse("").trim();
    }

    /** Says what people and scripts wait for: that the agent is ready. */
    private static final class Announcer implements Agent.Listener {
        private final String agentId;
        private final AtomicBoolean isReady = new AtomicBoolean();

        Announcer(String agentId) {
            this.agentId = agentId;
        }

        @Override
        public void onState(int connection, TunnelClient.State state, String detail) {
            if (state == TunnelClient.State.CONNECTED) {
                if (!isReady.getAndSet(true)) {
                    System.out.println("agent ready agent_id=" + agentId);
                    System.out.flush();
                }
            }
        }
    }
}
