package io.tunnelmux.examples.quickstart;

import java.io.Console;
import java.io.PrintStream;
import org.jspecify.annotations.Nullable;

/**
 * One line a step. On a terminal the line of the running step is written over and over; in a file each step has one line, when it is
 * done. One thread.
 */
final class Progress {

    private static final String CLEAR_LINE = "\r\u001b[K";

    private final PrintStream out;
    private final boolean isTerminal;
    private final int steps;
    private int step;
    private String title = "";

    Progress(PrintStream out, int steps) {
        this.out = out;
        this.steps = steps;
        isTerminal = isTerminal(System.console());
    }

    /** From JDK 22 on there may be a console where there is no terminal, and it says so by a method that 17 does not have. */
    private static boolean isTerminal(@Nullable Console console) {
        if (console == null || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try {
            return (Boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    void begin(String what) {
        step++;
        title = what;
        show("...");
    }

    /** What the running step is at; only on a terminal. */
    void show(String state) {
        if (isTerminal) {
            out.print(CLEAR_LINE + line(state));
            out.flush();
        }
    }

    void done(String result) {
        out.println((isTerminal ? CLEAR_LINE : "") + line(result));
        out.flush();
    }

    private String line(String state) {
        return String.format("[%2d/%d] %-22s %s", step, steps, title, state);
    }
}
