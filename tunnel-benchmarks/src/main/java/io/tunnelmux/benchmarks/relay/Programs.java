package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

/** The built gateway and agent, which know each other by a token of their own. */
final class Programs {
    private final Path root;
    private final String javaArgs;
    private final Path log;
    private final String token = newToken();

    /**
     * @param root the project's
     * @param javaArgs for the JVMs of both, separated by blanks; may be empty
     * @param log where both log
     */
    Programs(Path root, String javaArgs, Path log) {
        this.root = root;
        this.javaArgs = javaArgs;
        this.log = log;
    }

    /** A token that nobody guesses in the time of a benchmark. */
    static String newToken() {
        byte[] secret = new byte[16];
        new Random().nextBytes(secret);
        return HexFormat.of().formatHex(secret);
    }

    /**
     * Its ready values are {@code http} and {@code tunnel}.
     *
     * @param options more than those that it needs, separated by blanks; may be empty
     * @throws IOException if it is not built, or ends at once
     */
    ChildProcess startGateway(String options) throws IOException {
        return start("gateway", "--listen 127.0.0.1:0 --tunnel-listen 127.0.0.1:0 --default-agent bench " + options);
    }

    /**
     * @param tunnel where it dials, {@code HOST:PORT}
     * @param upstream where requests go, {@code HOST:PORT}
     * @throws IOException if it is not built, or ends at once
     */
    ChildProcess startAgent(String tunnel, String upstream) throws IOException {
        return start("agent", "--gateway ws://" + tunnel + "/tunnel --agent-id bench --upstream http://" + upstream);
    }

    private ChildProcess start(String name, String options) throws IOException {
        Path jar = requireBuilt(root.resolve("examples/" + name + "/target/tunnel-" + name + ".jar"));
        List<String> args = new ArrayList<>(words(javaArgs));
        args.addAll(List.of("-jar", jar.toString(), "--token", token));
        args.addAll(words(options));
        return ChildProcess.startJava(log, args);
    }

    static Path requireBuilt(Path jar) throws IOException {
        if (!Files.exists(jar)) {
            throw new IOException(jar + " is missing: build it with ./mvnw -DskipTests package");
        }
        return jar;
    }

    private static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.trim().split(" +"));
    }
}
