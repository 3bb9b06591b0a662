package io.tunnelmux.examples.quickstart;

/** Prints how to start the program. */
public final class QuickstartMain {
    private QuickstartMain() {}

    public static void main(String[] args) {
        System.out.println("Usage: java -jar quickstart.jar [--help]");
    }
}
