package io.tunnelmux.examples.agent;

/** Prints how to start the program. */
public final class AgentMain {
    private AgentMain() {}

    public static void main(String[] args) {
        System.out.println("Usage: java -jar tunnel-agent.jar [--help]");
    }
}
