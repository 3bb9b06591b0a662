package io.tunnelmux.examples.common;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactoryBuilder;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Options of a program in a YAML file, as {@code --config FILE} names one. A key is an option's name without its dashes; what the command line
 * says as well goes before the file.
 *
 * <pre>
 * listen: 0.0.0.0:8080
 * allow-upgrade: [websocket, SPDY/3.1]
 * </pre>
 *
 * It becomes arguments, so that one place reads values and judges them. For one thread.
 */
final class ConfigFile {

    static final String OPTION = "--config";

    private static final int MAX_BYTES = 1 << 20;

    private final Path file;
    private final CommandSpec program;
    private final Map<String, ConfigSection> sections;
    private final Map<OptionSpec, String> origins = new LinkedHashMap<>();
    private final List<String> arguments = new ArrayList<>();

    private ConfigFile(Path file, CommandSpec program, Map<String, ConfigSection> sections) {
        this.file = file;
        this.program = program;
        this.sections = sections;
    }

    /**
     * The file that {@code args} name, or null if they name none.
     *
     * @param sections keys that hold keys of their own, and how those are read
     * @throws IllegalArgumentException if it cannot be used, with a line for people that says where and why
     */
    static @Nullable ConfigFile of(String[] args, CommandSpec program, Map<String, ConfigSection> sections) {
        String name = null;
        Set<OptionSpec> given = new HashSet<>();
        for (int i = 0; i < args.length; i++) {
            int equals = args[i].indexOf('=');
            String option = equals < 0 ? args[i] : args[i].substring(0, equals);
            OptionSpec spec = program.optionsMap().get(option);
            if (spec != null) {
                given.add(spec);
            }
            if (option.equals(OPTION) && spec != null) {
                name = equals >= 0 ? args[i].substring(equals + 1) : i + 1 < args.length ? args[i + 1] : null;
            }
        }
        if (name == null) {
            return null;
        }
        ConfigFile config = new ConfigFile(Path.of(name), program, sections);
        config.read(given);
        return config;
    }

    /** What the file says, as arguments. */
    List<String> arguments() {
        return List.copyOf(arguments);
    }

    /** Where in the file an option's value stands, for people; null if it comes from elsewhere. */
    @Nullable
    String originOf(CommandLine.Model.@Nullable ArgSpec option) {
        return option instanceof OptionSpec spec ? origins.get(spec) : null;
    }

    private void read(Set<OptionSpec> given) {
        YAMLFactoryBuilder yaml = YAMLFactory.builder();
        yaml.enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION);
        try (JsonParser parser = yaml.build().createParser(text())) {
            if (parser.nextToken() == null) {
                return;
            }
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw wrong(parser, "is not a map of options");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                readKey(parser, given);
            }
            if (parser.nextToken() != null) {
                throw wrong(parser, "a second document");
            }
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    file + (e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr()) + ": is not YAML: "
                            + e.getOriginalMessage().lines().findFirst().orElse(""),
                    e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String text() {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new IllegalArgumentException(file + ": longer than " + Values.text(MAX_BYTES));
            }
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalArgumentException(OPTION + ": cannot read " + e.getMessage(), e);
        }
    }

    private void readKey(JsonParser parser, Set<OptionSpec> given) throws IOException {
        String key = parser.currentName();
        ConfigSection section = sections.get(key);
        if (section != null) {
            readSection(parser, key, section, given);
            return;
        }
        OptionSpec option = program.optionsMap().get("--" + key);
        if (option == null || option.usageHelp() || option.versionHelp() || key.equals(OPTION.substring(2))) {
            throw wrong(parser, "no option '" + key + "'");
        }
        String origin = at(parser, key);
        if (parser.nextToken() == JsonToken.START_ARRAY) {
            if (!option.isMultiValue()) {
                throw wrong(parser, "'" + key + "' takes one value, and not a list");
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                add(option, scalar(parser, key), origin, given);
            }
        } else {
            add(option, scalar(parser, key), origin, given);
        }
    }

    private void readSection(JsonParser parser, String name, ConfigSection section, Set<OptionSpec> given)
            throws IOException {
        String origin = at(parser, name);
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw wrong(parser, "'" + name + "' is not a map");
        }
        Map<String, String> values = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (!section.keys().contains(key)) {
                throw wrong(parser, "no key '" + key + "' in '" + name + "'");
            }
            parser.nextToken();
            values.put(key, scalar(parser, name + "." + key));
        }
        Map<String, String> options;
        try {
            options = section.toOptions(values);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(origin + ": " + e.getMessage(), e);
        }
        options.forEach((option, value) ->
                add(Objects.requireNonNull(program.optionsMap().get(option), option), value, origin, given));
    }

    private void add(OptionSpec option, String value, String origin, Set<OptionSpec> given) {
        if (!given.contains(option)) {
            String before = origins.put(option, origin);
            if (before != null && !option.isMultiValue()) {
                throw new IllegalArgumentException(origin + ": is said by " + before + " already");
            }
            arguments.add(option.longestName() + "=" + value);
        }
    }

    private String scalar(JsonParser parser, String key) throws IOException {
        JsonToken token = parser.currentToken();
        if (((YAMLParser) parser).isCurrentAlias()) {
            throw wrong(parser, "'" + key + "' is an alias in YAML: what begins with a star stands in quotes");
        }
        if (token == null
                || !token.isScalarValue()
                || token == JsonToken.VALUE_NULL
                || parser.getText().isEmpty()) {
            throw wrong(parser, "'" + key + "' has no value, or one that is not a text, number or truth");
        }
        return parser.getText();
    }

    private String at(JsonParser parser, String key) {
        return file + ":" + parser.currentTokenLocation().getLineNr() + ": '" + key + "'";
    }

    private IllegalArgumentException wrong(JsonParser parser, String what) {
        return new IllegalArgumentException(
                file + ":" + parser.currentTokenLocation().getLineNr() + ": " + what);
    }
}
