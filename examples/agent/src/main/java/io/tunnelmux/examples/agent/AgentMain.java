package io.tunnelmux.examples.agent;

import io.tunnelmux.examples.common.Program;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
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
        if (!options.namesUpstreams()) {
            return PROGRAM.fail(
                    Program.MISUSED,
                    "one of --upstream, --route, --kubernetes, --tcp-target, --udp-target and --allow is needed");
        }
        return AgentRunner.run(PROGRAM, options, UnaryOperator.identity());
    }
}
