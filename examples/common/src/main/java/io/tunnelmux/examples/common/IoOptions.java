package io.tunnelmux.examples.common;

import io.tunnelmux.netty.transport.IoMode;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The option on how event loops wait for sockets. */
public final class IoOptions {

    @Option(
            names = "--io",
            paramLabel = "MODE",
            description =
                    "how event loops wait for sockets: auto (the default), which is epoll where that is available and"
                            + " nio elsewhere; epoll; io_uring; nio")
    private String mode = "auto";

    /** For picocli, which sets what the command line says. */
    public IoOptions() {
        // The option begins with its default.
    }

    /**
     * What the option says.
     *
     * @throws IllegalArgumentException if there is no such mode, or not here, with one line that says so
     */
    public IoMode mode() {
        for (IoMode each : IoMode.values()) {
            if (nameOf(each).equals(mode)) {
                return available(each);
            }
        }
        String names = Arrays.stream(IoMode.values()).map(IoOptions::nameOf).collect(Collectors.joining(", "));
        throw new IllegalArgumentException("--io: '" + mode + "' is none of " + names);
    }

    private static IoMode available(IoMode mode) {
        try {
            mode.requireAvailable();
        } catch (UnsupportedOperationException e) {
            throw new IllegalArgumentException("--io: " + e.getMessage(), e);
        }
        return mode;
    }

    private static String nameOf(IoMode mode) {
        return mode.name().toLowerCase(Locale.ROOT);
    }
}
