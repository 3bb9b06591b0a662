package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.Check;
import io.tunnelmux.protocol.Message.Destination;
import io.tunnelmux.protocol.Message.EnvelopeRequest;
import io.tunnelmux.protocol.Message.EnvelopeRequest.BodyForm;
import io.tunnelmux.protocol.Message.EnvelopeResponse;
import io.tunnelmux.protocol.Message.HealthProbe;
import io.tunnelmux.protocol.Message.Heartbeat;
import io.tunnelmux.protocol.Message.HeartbeatAck;
import io.tunnelmux.protocol.Message.HttpHead;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyError;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyStreamClose;
import io.tunnelmux.protocol.Message.ProxyTrailers;
import io.tunnelmux.protocol.Message.ProxyWebSocketClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketOpen;
import io.tunnelmux.protocol.Message.ProxyWebSocketPing;
import io.tunnelmux.protocol.Message.ProxyWebSocketPong;
import io.tunnelmux.protocol.Message.ProxyWebSocketStart;
import io.tunnelmux.protocol.Message.Register;
import io.tunnelmux.protocol.Message.RegisterError;
import io.tunnelmux.protocol.Message.RegisterSuccess;
import io.tunnelmux.protocol.Message.TcpTunnelConnected;
import io.tunnelmux.protocol.Message.TcpTunnelStart;
import io.tunnelmux.protocol.Message.UdpTunnelStart;
import io.tunnelmux.protocol.Message.Upgrade;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Valid messages of every kind, chosen by chance that the test hands in. For one thread. */
public final class RandomMessages {

    /** Characters of one, two, three and four bytes of UTF-8, and those that JSON escapes. */
    private static final String[] CHARACTERS = {
        "a", "Z", "0", "9", " ", "/", "\"", "\\", "<", ">", "&", "%", "ä", "ÿ", "Ω", "→", "\u2028", "\uffff", "𝄞", "😀"
    };

    private final RandomGenerator random;

    /** Messages that this generator chooses; the same seed makes the same ones. */
    public RandomMessages(RandomGenerator random) {
        this.random = random;
    }

    /** Any message that a tunnel carries as a message. */
    public Message next() {
        return switch (random.nextInt(19)) {
            case 0 -> proxyRequest();
            case 1 -> new ProxyResponse(id(), 100 + random.nextInt(900), headers());
            case 2 -> new ProxyTrailers(maybe(id()), headers());
            case 3 -> proxyError();
            case 4 ->
                new ProxyWebSocketStart(
                        id(), path(), maybe("GET"), maybe(text(20)), maybe(line(20)), headers(), maybe(line(20)));
            case 5 -> new ProxyWebSocketOpen(id(), maybe(line(20)), headers());
            case 6 -> new ProxyWebSocketClose(maybe(id()), random.nextInt(65_536), text(50));
            case 7 -> new ProxyWebSocketPing(maybe(id()), bytes(125));
            case 8 -> new ProxyWebSocketPong(maybe(id()), bytes(125));
            case 9 -> tcpTunnelStart();
            case 10 -> new TcpTunnelConnected(id());
            case 11 -> udpTunnelStart();
            case 12 -> new Register(maybe(id()), maybe(timestamp()), fields());
            case 13 -> new RegisterSuccess(maybe(id()), maybe(timestamp()), fields());
            case 14 -> new RegisterError(maybe(id()), maybe(timestamp()), fields());
            case 15 -> new Heartbeat(maybe(id()), maybe(timestamp()), fields());
            case 16 -> new HeartbeatAck(maybe(id()), maybe(timestamp()), fields());
            case 17 -> healthProbe();
            default -> application(plain(3));
        };
    }

    /** Any message that an envelope carries. */
    public Message nextOfEnvelope() {
        return switch (random.nextInt(10)) {
            case 0, 1 -> chunk();
            case 2 -> new ProxyStreamClose(id(), random.nextBoolean() ? 0 : random.nextInt(), text(30));
            case 3 -> new ProxyCancel(id(), random.nextInt(), text(30));
            case 4 -> application(random.nextBoolean() ? null : fields());
            case 5 -> envelopeRequest();
            case 6 -> new EnvelopeResponse(new ProxyResponse(id(), 100 + random.nextInt(900), headers()), bytes(300));
            default -> {
                Message message = next();
                yield message instanceof Application ? application(fields()) : message;
            }
        };
    }

    /** Any request. */
    public ProxyRequest proxyRequest() {
        HttpHead head = new HttpHead(
                random.nextBoolean() ? "GET" : "M-SEARCH",
                path(),
                maybe(text(40)),
                maybe("https"),
                maybe("shop.example.test:8443"),
                headers());
        Upgrade upgrade = new Upgrade(random.nextBoolean(), random.nextBoolean(), bytes(40));
        return new ProxyRequest(
                id(), head, upgrade, destination(), uint(), maybe("203.0.113.9:51842"), maybe("00-4bf9-00f0-01"));
    }

    /** Any fields, few of them. */
    public Headers headers() {
        Headers.Builder headers = Headers.builder();
        String[] names = {"Accept", "accept", "X-Served-By", "Set-Cookie", "set-cookie", "ETag", "x!#$%&'*+-.^_`|~9"};
        for (int i = random.nextInt(6); i > 0; i--) {
            StringBuilder value = new StringBuilder();
            for (int k = random.nextInt(20); k > 0; k--) {
                value.append((char) (0x20 + random.nextInt(0xe0)));
            }
            headers.add(names[random.nextInt(names.length)], value.toString());
        }
        return headers.build();
    }

    private ProxyError proxyError() {
        return new ProxyError(
                id(),
                "upstream_reset",
                text(100),
                random.nextBoolean() ? 0 : 502,
                maybe("agent-7"),
                maybe(path()),
                maybe(text(50)),
                random.nextBoolean());
    }

    private TcpTunnelStart tcpTunnelStart() {
        boolean isByHost = random.nextBoolean();
        return new TcpTunnelStart(
                id(), destination(), isByHost ? "db.internal" : null, isByHost ? port() : 0, maybe(line(20)), uint());
    }

    private UdpTunnelStart udpTunnelStart() {
        boolean isByHost = random.nextBoolean();
        return new UdpTunnelStart(
                id(),
                destination(),
                isByHost ? "dns.internal" : null,
                isByHost ? port() : 0,
                maybe(line(20)),
                uint(),
                uint());
    }

    private HealthProbe healthProbe() {
        Map<String, Check> checks = new LinkedHashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            checks.put(line(12), new Check(random.nextBoolean(), maybe(text(30))));
        }
        return new HealthProbe(checks);
    }

    private Application application(@Nullable Object payload) {
        String[] types = {"handshake", "resource", "status", "event", "command", "never_seen_before"};
        return new Application(
                types[random.nextInt(types.length)],
                maybe(line(20)),
                maybe(id()),
                maybe(timestamp()),
                payload,
                maybe(text(30)));
    }

    private ProxyChunk chunk() {
        ProxyChunk.Kind kind = ProxyChunk.Kind.values()[random.nextInt(ProxyChunk.Kind.values().length)];
        boolean isEnd = random.nextBoolean();
        return switch (kind) {
            case STREAM -> new ProxyChunk(id(), bytes(200), isEnd);
            case REQUEST, RESPONSE -> new ProxyChunk(id(), isEnd ? Payload.EMPTY : bytes(200), isEnd, kind);
            case WEBSOCKET_TEXT, WEBSOCKET_BINARY, WEBSOCKET_CLOSE, TCP ->
                new ProxyChunk(id(), bytes(200), false, kind);
        };
    }

    private EnvelopeRequest envelopeRequest() {
        BodyForm form = BodyForm.values()[random.nextInt(BodyForm.values().length)];
        return new EnvelopeRequest(
                proxyRequest(), form == BodyForm.INSIDE ? bytes(300) : Payload.EMPTY, form, random.nextBoolean());
    }

    private Map<String, Object> fields() {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = random.nextInt(5); i > 0; i--) {
            map.put("f" + random.nextInt(20), fieldValue());
        }
        return map;
    }

    private Object fieldValue() {
        Object value = plain(3);
        return value == null ? "instead of null" : value;
    }

    private @Nullable Object plain(int depth) {
        return switch (random.nextInt(depth == 0 ? 6 : 8)) {
            case 0 -> null;
            case 1 -> random.nextBoolean();
            case 2 -> uint();
            case 3 -> random.nextLong();
            case 4 -> (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(600) - 300);
            case 5 -> text(30);
            case 6 -> list(depth);
            default -> {
                Map<String, Object> map = new LinkedHashMap<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    Object value = plain(depth - 1);
                    if (value != null) {
                        map.put(text(10), value);
                    }
                }
                yield map;
            }
        };
    }

    private List<@Nullable Object> list(int depth) {
        List<@Nullable Object> list = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            list.add(plain(depth - 1));
        }
        return list;
    }

    private Destination destination() {
        return random.nextInt(4) == 0
                ? Destination.ANY
                : new Destination(maybe(line(20)), maybe("orders"), maybe("shop"), random.nextInt(65_536));
    }

    private Payload bytes(int max) {
        byte[] bytes = new byte[random.nextInt(max + 1)];
        random.nextBytes(bytes);
        return Payload.of(bytes);
    }

    private long uint() {
        return random.nextInt(3) == 0 ? 0 : random.nextLong() >>> 1 + random.nextInt(63);
    }

    private int port() {
        return 1 + random.nextInt(65_535);
    }

    private String id() {
        return "r-" + Long.toHexString(random.nextLong()) + line(3);
    }

    private String path() {
        return "/" + text(30);
    }

    private String timestamp() {
        return "2026-03-14T09:26:" + (10 + random.nextInt(50)) + "." + random.nextInt(1_000_000) + "Z";
    }

    /** One to {@code max} characters. */
    private String line(int max) {
        StringBuilder text = new StringBuilder();
        for (int i = 1 + random.nextInt(max); i > 0; i--) {
            text.append(CHARACTERS[random.nextInt(CHARACTERS.length)]);
        }
        return text.toString();
    }

    /** None to {@code max} characters. */
    private String text(int max) {
        return random.nextInt(8) == 0 ? "" : line(max);
    }

    private <T> @Nullable T maybe(T value) {
        return random.nextBoolean() ? value : null;
    }
}
