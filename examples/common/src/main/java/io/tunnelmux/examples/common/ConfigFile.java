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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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
    private static final Pattern OPTION_NAME = Pattern.compile("--[a-z0-9]+(?:-[a-z0-9]+)*");

    private static final Pattern YAML_MARK = Pattern.compile("^ in .*, line ([0-9]+), column ", Pattern.MULTILINE);

    private final Path file;
    private final CommandSpec program;
    private final Map<String, ConfigSection> sections;
    private final Map<OptionSpec, Setting> settings = new LinkedHashMap<>();
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

    /**
     * Where in the file a value of an option stands, for people; null if the option comes from elsewhere.
     *
     * @param value null if it is not known; then where the option stands
     */
    @Nullable
    String originOf(CommandLine.Model.@Nullable ArgSpec option, @Nullable String value) {
        Setting setting = option instanceof OptionSpec spec ? settings.get(spec) : null;
        if (setting == null) {
            return null;
        }
        return setting.items.stream()
                .filter(item -> item.value.equals(value))
                .findFirst()
                .map(Item::origin)
                .orElse(setting.origin);
    }

    /**
     * Where in the file that stands which a message is about, for people: the value that it repeats of the options that it names, or else the first of these.
     * Null if none of them is from the file.
     */
    @Nullable
    String originIn(String message) {
        String origin = null;
        int longest = 0;
        Matcher names = OPTION_NAME.matcher(message);
        while (names.find()) {
            Setting setting = settings.get(program.optionsMap().get(names.group()));
            if (setting == null) {
                continue;
            }
            origin = origin == null ? setting.origin : origin;
            for (Item item : setting.items) {
                int length = item.repeatedBy(message);
                if (length > 0 && length >= longest) {
                    longest = length;
                    origin = item.origin;
                }
            }
        }
        return origin;
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
            throw new IllegalArgumentException(file + line(e) + ": is not YAML: " + problem(e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The last line that SnakeYAML names is where it got stuck; the parser may not have got so far. */
    private static String line(JsonProcessingException e) {
        String line = e.getLocation() == null ? "" : ":" + e.getLocation().getLineNr();
        Matcher marks = YAML_MARK.matcher(e.getOriginalMessage());
        while (marks.find()) {
            line = ":" + marks.group(1);
        }
        return line;
    }

    /** SnakeYAML says what it was about, then what is wrong, each behind its own line and before lines of the file, which are indented. */
    private static String problem(String message) {
        List<String> said = message.lines()
                .filter(line -> !line.isEmpty() && !Character.isWhitespace(line.charAt(0)))
                .toList();
        return said.isEmpty() ? "" : said.get(Math.min(1, said.size() - 1));
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
        JsonToken token = parser.nextToken();
        if (token == JsonToken.START_OBJECT) {
            throw new IllegalArgumentException(
                    origin + " is a map, and " + (option.isMultiValue() ? "a list" : "one value") + " is wanted");
        }
        if (token == JsonToken.START_ARRAY) {
            if (!option.isMultiValue()) {
                throw wrong(parser, "'" + key + "' takes one value, and not a list");
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                add(option, new Item(scalar(parser, key), at(parser, key)), origin, given);
            }
        } else {
            add(option, new Item(scalar(parser, key), origin), origin, given);
        }
    }

    private void readSection(JsonParser parser, String name, ConfigSection section, Set<OptionSpec> given)
            throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw wrong(parser, "'" + name + "' is not a map");
        }
        Map<String, String> values = new LinkedHashMap<>();
        Map<String, String> origins = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (!section.options().containsKey(key)) {
                throw wrong(parser, "no key '" + key + "' in '" + name + "'");
            }
            String path = name + "." + key;
            origins.put(key, at(parser, path));
            parser.nextToken();
            values.put(key, scalar(parser, path));
        }
        Map<String, String> said = toOptions(section, values, origins);
        origins.forEach((key, origin) -> {
            String option = section.options().get(key);
            OptionSpec spec = Objects.requireNonNull(program.optionsMap().get(option), option);
            add(spec, new Item(Objects.requireNonNull(said.get(option), key), origin), origin, given);
        });
    }

    private static Map<String, String> toOptions(
            ConfigSection section, Map<String, String> values, Map<String, String> origins) {
        try {
            return section.toOptions(values);
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            String key = message.substring(0, Math.max(0, message.indexOf(": ")));
            String origin = Objects.requireNonNull(origins.get(key), message);
            throw new IllegalArgumentException(origin + message.substring(key.length()), e);
        }
    }

    private void add(OptionSpec option, Item item, String origin, Set<OptionSpec> given) {
        if (given.contains(option)) {
            return;
        }
        Setting setting = settings.computeIfAbsent(option, first -> new Setting(origin, new ArrayList<>()));
        if (!setting.items.isEmpty() && !option.isMultiValue()) {
            throw new IllegalArgumentException(origin + ": is said by " + setting.origin + " already");
        }
        setting.items.add(item);
        arguments.add(option.longestName() + "=" + item.value);
    }

    private String scalar(JsonParser parser, String key) throws IOException {
        JsonToken token = parser.currentToken();
        if (((YAMLParser) parser).isCurrentAlias()) {
            throw wrong(parser, "'" + key + "' is an alias in YAML: what begins with a star stands in quotes");
        }
        if (token == JsonToken.START_OBJECT) {
            throw wrong(parser, "'" + key + "' has a map where a text is wanted");
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

    /**
     * What the file says of an option.
     *
     * @param origin where it begins
     */
    private record Setting(String origin, List<Item> items) {}

    /** One value, and where it stands. */
    private record Item(String value, String origin) {

        /** How much of the value a message repeats: all, or what stands before the first {@code =} and the like; 0 if neither. */
        int repeatedBy(String message) {
            String begin = value.split("[=?#;]", 2)[0];
            return standsIn(message, value) ? value.length() : standsIn(message, begin) ? begin.length() : 0;
        }

        private static boolean standsIn(String message, String part) {
            return !part.isEmpty()
                    && Pattern.compile("(?<![\\w.-])" + Pattern.quote(part) + "(?![\\w-])")
                            .matcher(message)
                            .find();
        }
    }
}
