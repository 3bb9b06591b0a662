package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The built programs, as commands to start and as what they say when they are ready. */
final class Programs {

    private Programs() {}

    /**
     * A command that runs {@code gateway} or {@code agent}.
     *
     * @param javaArgs for its JVM, separated by blanks; may be empty
     * @throws IllegalArgumentException if it is not built
     */
    static List<String> command(Path root, String name, String javaArgs, String options) {
        Path jar = requireBuilt(root.resolve("examples/" + name + "/target/tunnel-" + name + ".jar"));
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(words(javaArgs));
        command.addAll(List.of("-jar", jar.toString()));
        command.addAll(words(options));
        return command;
    }

    static Path requireBuilt(Path jar) {
        if (!Files.exists(jar)) {
            throw new IllegalArgumentException(jar + " is missing: build it with ./mvnw -DskipTests package");
        }
        return jar;
    }

    private static List<String> words(String text) {
        return text.isBlank() ? List.of() : List.of(text.trim().split(" +"));
    }

    /** What a ready line says of {@code key}. */
    static String valueOf(String key, String readyLine) throws IOException {
        for (String word : readyLine.split(" ")) {
            if (word.startsWith(key + '=')) {
                return word.substring(key.length() + 1);
            }
        }
        throw new IOException("not a ready line: " + readyLine);
    }
}
