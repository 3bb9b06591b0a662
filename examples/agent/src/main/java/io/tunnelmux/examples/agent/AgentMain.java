package io.tunnelmux.examples.agent;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.examples.common.Program;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * Runs an agent until it is told to end. Standard output has one line, when the first tunnel stands; all else is in the log, on standard
 * error.
 */
@Command(
        name = "tunnel-agent",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true,
        description = "Dials a gateway and answers its requests from the upstreams named here, and from nothing else.")
public final class AgentMain implements Callable<Integer> {

    private static final Program PROGRAM = new Program("tunnel-agent");

    @Mixin
    private AgentOptions options = new AgentOptions();

    private AgentMain() {}

    /** Ends with 0 when told to, 1 if it cannot start, 2 if it was started wrongly, 3 if memory runs out. */
    public static void main(String[] args) {
        PROGRAM.run(commandLine(), args);
    }

    static int execute(String... args) {
        return PROGRAM.execute(commandLine(), args);
    }

    private static CommandLine commandLine() {
        return PROGRAM.commandLine(new AgentMain());
    }

    @Override
    public Integer call() throws InterruptedException {
        AgentConfig config;
        try {
            config = options.toConfig()
                    .listener(new Announcer(options.agentId()))
                    .build();
        } catch (IllegalArgumentException e) {
            return PROGRAM.fail(Program.MISUSED, e.getMessage());
        }
        Agent agent;
        try {
            agent = Agent.start(config);
        } catch (IOException e) {
            return PROGRAM.fail(Program.FAILED, e.getMessage());
        }
        PROGRAM.endOnSignal(agent::close);
        new CountDownLatch(1).await();
        return Program.OK;
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
            if (state == TunnelClient.State.CONNECTED && !isReady.getAndSet(true)) {
                System.out.println("agent ready agent_id=" + agentId);
                System.out.flush();
            }
        }
    }
}
