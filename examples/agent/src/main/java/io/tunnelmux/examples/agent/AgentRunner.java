package io.tunnelmux.examples.agent;

import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.examples.common.Program;
import io.tunnelmux.netty.agent.Agent;
import io.tunnelmux.netty.agent.AgentConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;

/** Runs an agent until it is told to end. Standard output has one line, when the first tunnel stands. */
public final class AgentRunner {

    private AgentRunner() {}

    /**
     * Does not return while the agent runs.
     *
     * @param more what the program has to say of the configuration beyond its options; may throw {@link IllegalArgumentException} or {@link UncheckedIOException}
     *     with a message for people
     * @return the exit code if it cannot start
     */
    public static int run(Program program, AgentOptions options, UnaryOperator<AgentConfig.Builder> more)
            throws InterruptedException {
        AgentConfig config;
        try {
            config = more.apply(options.toConfig())
                    .listener(new Announcer(options.agentId()))
                    .build();
        } catch (IllegalArgumentException e) {
            return program.fail(Program.MISUSED, e.getMessage());
        } catch (UncheckedIOException e) {
            return program.fail(Program.FAILED, e.getMessage());
        }
        Agent agent;
        try {
            agent = Agent.start(config);
        } catch (IOException e) {
            return program.fail(Program.FAILED, e.getMessage());
        }
        program.endOnSignal(agent::close);
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
