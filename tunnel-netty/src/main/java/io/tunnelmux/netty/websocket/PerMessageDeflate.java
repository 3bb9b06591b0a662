package io.tunnelmux.netty.websocket;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How permessage-deflate (RFC 7692) is agreed on. Neither direction ever takes its context over into the next message: so a WebSocket that rests costs no
 * memory, and what one message holds cannot show in how short the next one is. Without state; any thread.
 *
 * <p>(Netty's own reader of {@code Sec-WebSocket-Extensions} throws on a lone semicolon, and does not tell of parameters that are there twice.)
 */
public final class PerMessageDeflate {

    /** What a client offers: the value of {@code Sec-WebSocket-Extensions}. */
    public static final String OFFER = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

    private static final String NAME = "permessage-deflate";
    private static final String SERVER_NO_CONTEXT = "server_no_context_takeover";
    private static final String CLIENT_NO_CONTEXT = "client_no_context_takeover";
    private static final String SERVER_BITS = "server_max_window_bits";
    private static final String CLIENT_BITS = "client_max_window_bits";
    private static final Set<String> BITS = Set.of("8", "9", "10", "11", "12", "13", "14", "15");
    /** What is compressed here refers back as far as DEFLATE can. */
    private static final String ONLY_BITS = "15";

    private PerMessageDeflate() {}

    /**
     * What a server answers to a client's offers: the first that it can fulfil is taken.
     *
     * @param offers the values of {@code Sec-WebSocket-Extensions}
     * @return the value of {@code Sec-WebSocket-Extensions}; null if nothing is agreed on
     */
    public static @Nullable String answerTo(List<String> offers) {
        for (Extension offer : parse(offers)) {
            if (offer.isWellFormed()) {
                String bits = offer.parameters().get(SERVER_BITS);
                if (bits == null || bits.equals(ONLY_BITS)) {
                    return NAME + "; " + SERVER_NO_CONTEXT + "; " + CLIENT_NO_CONTEXT
                            + (bits == null ? "" : "; " + SERVER_BITS + "=" + bits);
                }
            }
        }
        return null;
    }

    /**
     * Whether a server that was offered {@link #OFFER} has taken it.
     *
     * @param answers the values of {@code Sec-WebSocket-Extensions}
     * @throws WebSocketException if it has agreed to anything else
     */
    public static boolean isAgreed(List<String> answers) {
        if (answers.isEmpty()) {
            return false;
        }
        List<Extension> agreed = parse(answers);
        if (agreed.size() != 1
                || !agreed.get(0).isWellFormed()
                || !agreed.get(0).parameters().containsKey(SERVER_NO_CONTEXT)
                || agreed.get(0).parameters().containsKey(CLIENT_BITS)) {
            throw new WebSocketException(
                    CloseCodes.PROTOCOL_ERROR, "extensions that were not offered: " + String.join(", ", answers));
        }
        return true;
    }

    /** @param given its parameters, where a value that is missing is empty; null if one of them is there twice */
    private record Extension(String name, @Nullable Map<String, String> given) {

        Map<String, String> parameters() {
            return given == null ? Map.of() : given;
        }

        boolean isWellFormed() {
            return given != null
                    && name.equals(NAME)
                    && given.entrySet().stream().allMatch(each -> isWellFormed(each.getKey(), each.getValue()));
        }

        private static boolean isWellFormed(String parameter, String value) {
            return switch (parameter) {
                case SERVER_NO_CONTEXT, CLIENT_NO_CONTEXT -> value.isEmpty();
                case SERVER_BITS -> BITS.contains(value);
                case CLIENT_BITS -> value.isEmpty() || BITS.contains(value);
                default -> false;
            };
        }
    }

    private static List<Extension> parse(List<String> values) {
        List<Extension> extensions = new ArrayList<>();
        for (String value : values) {
            for (String each : value.split(",", -1)) {
                String[] parts = each.split(";", -1);
                extensions.add(new Extension(parts[0].trim().toLowerCase(Locale.ROOT), parameters(parts)));
            }
        }
        return extensions;
    }

    private static @Nullable Map<String, String> parameters(String[] parts) {
        Map<String, String> parameters = new HashMap<>();
        for (int i = 1; i < parts.length; i++) {
            int equals = parts[i].indexOf('=');
            String name = (equals < 0 ? parts[i] : parts[i].substring(0, equals)).trim();
            String value = equals < 0 ? "" : parts[i].substring(equals + 1).trim();
            boolean isQuoted = value.length() > 2 && value.startsWith("\"") && value.endsWith("\"");
            if (parameters.putIfAbsent(name, isQuoted ? value.substring(1, value.length() - 1) : value) != null) {
                return null;
            }
        }
        return parameters;
    }
}
