package io.tunnelmux.examples.gateway;

/** Prints how to start the program. */
public final class GatewayMain {
    private GatewayMain() {}

    public static void main(String[] args) {
        System.out.println("Usage: java -jar tunnel-gateway.jar [--help]");
    }
}
