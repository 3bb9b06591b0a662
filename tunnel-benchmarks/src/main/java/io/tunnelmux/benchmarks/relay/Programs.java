package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/** The built gateway and agent, which know each other by a token of their own. */
final class Programs {
    private final Path root;
    private final Jvm jvm;
    private final Path log;
    private final String token = newToken();

    /**
     * What runs the programs.
     *
     * @param java the program of that name
     * @param args for both, separated by blanks; may be empty
     * @param classPath what they find beside their own jar; may be empty
     */
    record Jvm(String java, String args, String classPath) {
        /** One like this one. */
        static final Jvm SAME = new Jvm(ChildProcess.JAVA, "", "");

        Jvm withJava(String newJava) {
            return new Jvm(newJava, args, classPath);
        }

        Jvm withArgs(String newArgs) {
            return new Jvm(java, newArgs, classPath);
        }

        Jvm withClassPath(String newClassPath) {
            return new Jvm(java, args, newClassPath);
        }
    }

    /**
     * @param root the project's
     * @param log where both log
     */
    Programs(Path root, Jvm jvm, Path log) {
        this.root = root;
        this.jvm = jvm;
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
     * @param gateway where it dials
     * @param options more than those that it needs, separated by blanks
     * @throws IOException if it is not built, or ends at once
     */
    ChildProcess startAgent(String gateway, String options) throws IOException {
        return start("agent", "--gateway " + gateway + " --agent-id bench " + options);
    }

    private ChildProcess start(String name, String options) throws IOException {
        Path jar = requireBuilt(root.resolve("examples/" + name + "/target/tunnel-" + name + ".jar"));
        List<String> command = new ArrayList<>(List.of(jvm.java()));
        command.addAll(words(jvm.args()));
        if (jvm.classPath().isEmpty()) {
            command.addAll(List.of("-jar", jar.toString()));
        } else {
            command.addAll(List.of("-cp", jar + ":" + jvm.classPath(), mainClassOf(jar)));
        }
        command.addAll(List.of("--token", token));
        command.addAll(words(options));
        return ChildProcess.startProgram(log, command);
    }

    private static String mainClassOf(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            Manifest manifest = file.getManifest();
            return manifest.getMainAttributes().getValue("Main-Class");
        }
    }

    static Path requireBuilt(Path jar) throws IOException {
        if (!Files.exists(jar)) {
            throw new IOException(jar + " is missing: build it with ./mvnw -DskipTests package");
        }
        return jar;
    }

    static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.trim().split(" +"));
    }
}
