package io.tunnelmux.examples.kubernetes;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A port of a service, as requests name it.
 *
 * @param port its number or its name; empty for the only one, or the one named {@code http}
 */
record ServiceName(String namespace, String name, String port) {

    private static final String LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
    private static final Pattern TEXT =
            Pattern.compile("(" + LABEL + ")\\.(" + LABEL + ")(?:\\.svc)?(?::(" + LABEL + "))?");

    /** Reads {@code web.shop}, {@code web.shop.svc:8080}, {@code web.shop:metrics}; null if it is none of that kind. */
    static @Nullable ServiceName parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        String port = matcher.group(3);
        return new ServiceName(matcher.group(2), matcher.group(1), port == null ? "" : port);
    }
}
