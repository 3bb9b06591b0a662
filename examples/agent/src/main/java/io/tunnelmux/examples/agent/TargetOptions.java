package io.tunnelmux.examples.agent;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.agent.AgentConfig;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import picocli.CommandLine.Option;

/** The options on what the gateway may reach through the agent that is not HTTP. */
final class TargetOptions {

    @Option(
            names = "--tcp-target",
            paramLabel = "NAME=HOST:PORT",
            arity = "1..*",
            description =
                    "where TCP connections go for which the gateway names this target; the only one is also for those for"
                            + " which it names none")
    private List<String> tcpTargets = new ArrayList<>();

    @Option(
            names = "--allow",
            paramLabel = "HOST:PORT",
            arity = "1..*",
            description = "where else TCP connections may go, if the gateway asks for this very host and port")
    private List<String> allowed = new ArrayList<>();

    @Option(
            names = "--udp-target",
            paramLabel = "NAME=HOST:PORT",
            arity = "1..*",
            description = "as --tcp-target, for datagrams")
    private List<String> udpTargets = new ArrayList<>();

    /** Whether there is anything that may be reached. */
    boolean isAny() {
        return !tcpTargets.isEmpty() || !allowed.isEmpty() || !udpTargets.isEmpty();
    }

    /** @throws IllegalArgumentException if they make no sense, with one line that says which */
    void addTo(AgentConfig.Builder config) {
        tcpTargets.forEach(text -> add("--tcp-target", text, config::tcpTarget));
        udpTargets.forEach(text -> add("--udp-target", text, config::udpTarget));
        allowed.forEach(text -> allow(text, config));
    }

    private static void allow(String text, AgentConfig.Builder config) {
        InetSocketAddress address = address("--allow", text);
        try {
            config.allow(address);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("--allow: " + e.getMessage(), e);
        }
    }

    private static void add(String option, String text, BiConsumer<String, InetSocketAddress> to) {
        int equals = text.indexOf('=');
        if (equals < 1) {
            throw new IllegalArgumentException(option + " is NAME=HOST:PORT, not " + text);
        }
        InetSocketAddress address = address(option, text.substring(equals + 1));
        String name = text.substring(0, equals);
        if (name.indexOf(':') >= 0) {
            throw new IllegalArgumentException(option + ": no name has a colon: " + name);
        }
        try {
            to.accept(name, address);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
        }
    }

    private static InetSocketAddress address(String option, String text) {
        try {
            return Values.target(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(option + ": " + e.getMessage(), e);
        }
    }
}
