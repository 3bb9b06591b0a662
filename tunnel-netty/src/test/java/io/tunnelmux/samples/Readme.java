package io.tunnelmux.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** The README, whose samples are the tests of this package. */
final class Readme {

    private Readme() {}

    /** Fails unless the README shows {@code test}'s method {@code name}, from its annotation to the end of the block of code, as it is there. */
    static void assertShows(Class<?> test, String name) throws IOException {
        String readme = withoutIndentation(Path.of("..", "README.md"));
        int start = readme.indexOf("@Test\nvoid " + name);
        assertThat(start).isPositive();

        String shown = readme.substring(start, readme.indexOf("```", start));

        String own = withoutIndentation(Path.of("src/test/java", test.getName().replace('.', '/') + ".java"));
        assertThat(own).contains(shown);
    }

    private static String withoutIndentation(Path file) throws IOException {
        return Files.readAllLines(file).stream().map(String::strip).collect(Collectors.joining("\n", "", "\n"));
    }
}
