package io.tunnelmux.benchmarks.report;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What targets, groups and scenarios are called where people read. Stateless; any thread. */
final class Names {
    private static final Pattern KEY = Pattern.compile("([a-z]+)-([0-9]+)x([0-9]+)");

    static final Map<String, String> TARGETS = targets();
    static final Map<String, String> GROUPS = groups();

    private Names() {}

    private static Map<String, String> targets() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("direct", "client and upstream, and nothing between");
        names.put("haproxy", "two HAProxys in TCP mode, one thread each");
        names.put("ws", "gateway and agent, tunnel over `ws://` with random masks: what the programs do by default");
        names.put("ws-other-java", "the same with another JDK");
        names.put("aware", "the same, WebSockets parsed and put together again (`--websocket-mode aware`)");
        names.put("tcp", "gateway and agent, tunnel over `tcp://`");
        names.put("tcp-nio", "the same with `--io nio`");
        names.put("tcp-io_uring", "the same with `--io io_uring`");
        names.put("tls-boringssl", "tunnel over `tls://`, TLS by BoringSSL");
        names.put("wss-boringssl", "tunnel over `wss://` with masks of zero, TLS by BoringSSL");
        names.put("wss-jdk", "the same, TLS by the JDK");
        names.put("rsocket", "the same relay over RSocket");
        names.put("grpc", "the same relay over gRPC");
        names.put("cbor", "the same relay by parsed messages, pieces in CBOR");
        names.put("json", "the same relay by parsed messages, pieces in JSON with base64");
        return names;
    }

    private static Map<String, String> groups() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("one", "Round trips, one connection");
        names.put("many", "Round trips, many connections at once, one message under way on each");
        names.put("paced", "A ping by the clock and nothing else");
        names.put("bulk", "Bulk, as fast as it goes");
        names.put("beside", "A ping by the clock beside downloads");
        names.put("websocket", "Messages of WebSockets there and back");
        names.put("http", "HTTP requests on kept connections");
        names.put("full", "All streams full in both directions");
        return names;
    }

    /** Of a scenario; its key, if that is of another kind. */
    static String scenario(String key) {
        Matcher matcher = KEY.matcher(key);
        if (!matcher.matches()) {
            return key;
        }
        String size = Text.bytes(Integer.parseInt(matcher.group(2)));
        int count = Integer.parseInt(matcher.group(3));
        return switch (matcher.group(1)) {
            case "ping", "websocket", "http" -> size + ", " + counted(count, "connection");
            case "down" -> counted(count, "download");
            case "up" -> counted(count, "upload");
            case "full" -> counted(count, "echo stream") + " for a minute";
            case "echo" -> count == 1 ? "1 echo" : count + " echoes";
            case "beside" -> size + " beside " + counted(count, "download");
            case "paced" -> size + ", paced";
            default -> key;
        };
    }

    /** As short as it goes: a size, and how many connections if more than one; of bulk the same as {@link #scenario}. */
    static String load(String key) {
        Matcher matcher = KEY.matcher(key);
        if (!matcher.matches() || !List.of("ping", "websocket", "http").contains(matcher.group(1))) {
            return scenario(key);
        }
        String size = Text.bytes(Integer.parseInt(matcher.group(2)));
        return matcher.group(3).equals("1") ? size : size + " × " + matcher.group(3);
    }

    static String counted(int count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }
}
