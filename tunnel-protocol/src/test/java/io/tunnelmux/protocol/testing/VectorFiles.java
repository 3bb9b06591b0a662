package io.tunnelmux.protocol.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The vectors as they lie in the files: see {@code vectors/README.md}. {@link Vectors} reads them into values. Any thread. */
public final class VectorFiles {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ROOT = "/vectors/";

    private VectorFiles() {}

    /**
     * All files of a set, in the order of their names.
     *
     * @param set a directory under {@code vectors}, such as {@code frames/valid}
     */
    public static List<JsonNode> read(String set) {
        URL readme = VectorFiles.class.getResource(ROOT + "README.md");
        if (readme == null) {
            throw new IllegalStateException("no " + ROOT + "README.md beside this class");
        }
        try {
            URI uri = readme.toURI();
            if (!uri.getScheme().equals("jar")) {
                return readDirectory(Path.of(uri).resolveSibling(set));
            }
            try (FileSystem jar =
                    FileSystems.newFileSystem(URI.create(uri.toString().split("!", 2)[0]), Map.of())) {
                return readDirectory(jar.getPath(ROOT + set));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The bytes of a {@code hex} or {@code payload}: text, a repetition, or a list of these. */
    public static byte[] bytes(JsonNode parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        append(parts, bytes);
        return bytes.toByteArray();
    }

    /** A member that must be there. */
    public static JsonNode required(JsonNode object, String name) {
        JsonNode value = object.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no \"" + name + "\" in " + object);
        }
        return value;
    }

    private static List<JsonNode> readDirectory(Path directory) throws IOException {
        List<JsonNode> vectors = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.sorted().toList()) {
                JsonNode vector = JSON.readTree(Files.readAllBytes(file));
                String name = required(vector, "name").textValue();
                if (!file.getFileName().toString().equals(name + ".json")) {
                    throw new IllegalArgumentException(file + " is named \"" + name + "\" inside");
                }
                vectors.add(vector);
            }
        }
        return vectors;
    }

    private static void append(JsonNode parts, ByteArrayOutputStream bytes) {
        if (parts.isTextual()) {
            bytes.writeBytes(HexFormat.of().parseHex(parts.textValue().replace(" ", "")));
        } else if (parts.isArray()) {
            parts.forEach(part -> append(part, bytes));
        } else {
            byte[] repeated = bytes(required(parts, "repeat"));
            for (int i = required(parts, "times").intValue(); i > 0; i--) {
                bytes.writeBytes(repeated);
            }
        }
    }
}
