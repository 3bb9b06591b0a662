package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Hello.Resume;
import io.tunnelmux.protocol.Hello.Role;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The payload of a HELLO: one CBOR map of at most {@link Hello#MAX_BYTES} bytes, read as messages are.
 *
 * <p>Stateless; any thread.
 */
public final class HelloCodec {

    private static final int USUAL_BYTES = 512;

    /** Settings by their names on the wire. */
    private static final Map<String, Setting> SETTINGS = Map.of(
            "max_frame", new Setting(Settings::maxFrameBytes, Settings.Builder::maxFrameBytes),
            "max_message", new Setting(Settings::maxMessageBytes, Settings.Builder::maxMessageBytes),
            "max_streams", new Setting(Settings::maxStreams, Settings.Builder::maxStreams),
            "stream_window", new Setting(Settings::streamWindowBytes, Settings.Builder::streamWindowBytes),
            "tunnel_window", new Setting(Settings::tunnelWindowBytes, Settings.Builder::tunnelWindowBytes),
            "keepalive_ms", new Setting(Settings::keepaliveMillis, Settings.Builder::keepaliveMillis),
            "keepalive_timeout_ms",
                    new Setting(Settings::keepaliveTimeoutMillis, Settings.Builder::keepaliveTimeoutMillis),
            "resume_timeout_ms", new Setting(Settings::resumeTimeoutMillis, Settings.Builder::resumeTimeoutMillis));

    private record Setting(Getter getter, Setter setter) {
        private interface Getter {
            int of(Settings settings);
        }

        private interface Setter {
            Settings.Builder set(Settings.Builder builder, int value);
        }
    }

    private HelloCodec() {}

    /**
     * Writes a HELLO. The payload is the caller's and lies on the heap.
     *
     * @throws IllegalArgumentException if it is longer than {@link Hello#MAX_BYTES}
     */
    public static Payload encode(Hello hello) {
        FieldWriter out = FieldWriter.document(MessageFormat.CBOR, USUAL_BYTES);
        out.number("version", hello.version())
                .text("role", hello.role().wireName())
                .text("agent_id", hello.agentId())
                .text("instance_id", hello.instanceId())
                .text("session_id", hello.sessionId())
                .text("token", hello.token());
        if (!hello.capabilities().isEmpty()) {
            out.texts("capabilities", hello.capabilities());
        }
        out.begin("settings");
        SETTINGS.forEach((name, setting) -> out.number(name, setting.getter().of(hello.settings())));
        out.end();
        if (hello.messages() != null) {
            out.text("messages", hello.messages().wireName());
        }
        writeResume(hello.resume(), out);
        if (!hello.metadata().isEmpty()) {
            out.begin("metadata");
            hello.metadata().forEach(out::text);
            out.end();
        }
        Payload payload = out.finish();
        if (payload.length() > Hello.MAX_BYTES) {
            throw new IllegalArgumentException("HELLO of " + payload.length() + " bytes, at most " + Hello.MAX_BYTES);
        }
        return payload;
    }

    private static void writeResume(@Nullable Resume resume, FieldWriter out) {
        if (resume != null) {
            out.begin("resume")
                    .text("session_id", resume.sessionId())
                    .number("received", resume.received())
                    .end();
        }
    }

    /**
     * Reads a HELLO from {@code lent}, which is lent. An agent's version may be above {@link Hello#VERSION}: the gateway answers with
     * the highest that both know. A gateway's may not.
     *
     * @throws ProtocolException that costs the tunnel: {@link ErrorCode#UNSUPPORTED} if there is no version in common, else
     *     {@link ErrorCode#PROTOCOL_ERROR} for everything that the protocol does not allow
     */
    public static Hello decode(Payload lent) {
        try {
            if (lent.length() > Hello.MAX_BYTES) {
                throw new IllegalArgumentException(lent.length() + " bytes, at most " + Hello.MAX_BYTES);
            }
            return read(Fields.strict(MessageFormat.CBOR, Documents.read(MessageFormat.CBOR, lent.toByteArray())));
        } catch (IllegalArgumentException e) {
            throw Scope.malformed(0, "HELLO", e);
        }
    }

    private static Hello read(Fields fields) {
        Role role = role(fields.needText("role"));
        return Hello.builder()
                .role(role)
                .version(version(fields, role))
                .agentId(fields.text("agent_id"))
                .instanceId(fields.text("instance_id"))
                .sessionId(fields.text("session_id"))
                .token(fields.text("token"))
                .capabilities(capabilities(fields))
                .settings(settings(fields.fields("settings")))
                .messages(messages(fields.text("messages")))
                .resume(resume(fields.fields("resume")))
                .metadata(metadata(fields.fields("metadata")))
                .build();
    }

    private static int version(Fields fields, Role role) {
        if (!fields.has("version")) {
            throw new IllegalArgumentException("version is missing");
        }
        long version = atMostMax(fields, "version");
        if (version < 1 || (role == Role.GATEWAY && version > Hello.VERSION)) {
            throw ProtocolException.tunnel(
                    ErrorCode.UNSUPPORTED,
                    role.wireName() + " speaks version " + version + ", this side up to " + Hello.VERSION);
        }
        return (int) Math.min(version, Integer.MAX_VALUE);
    }

    private static Role role(String name) {
        for (Role role : Role.values()) {
            if (role.wireName().equals(name)) {
                return role;
            }
        }
        throw new IllegalArgumentException("role is neither agent nor gateway");
    }

    private static Set<String> capabilities(Fields fields) {
        List<?> values = fields.list("capabilities");
        Set<String> names = new LinkedHashSet<>();
        if (values != null) {
            for (Object value : values) {
                if (!(value instanceof String name)) {
                    throw new IllegalArgumentException("a capability is no text");
                }
                names.add(name);
            }
        }
        return names;
    }

    private static Settings settings(@Nullable Fields fields) {
        Settings.Builder settings = Settings.builder();
        if (fields != null) {
            SETTINGS.forEach((name, setting) -> {
                if (fields.has(name)) {
                    setting.setter().set(settings, fields.needUint(name, Integer.MAX_VALUE));
                }
            });
        }
        return settings.build();
    }

    private static @Nullable MessageFormat messages(@Nullable String name) {
        if (name == null) {
            return null;
        }
        for (MessageFormat format : MessageFormat.values()) {
            if (format.wireName().equals(name)) {
                return format;
            }
        }
        throw new IllegalArgumentException("messages is neither cbor nor json");
    }

    private static @Nullable Resume resume(@Nullable Fields fields) {
        if (fields == null) {
            return null;
        }
        if (!fields.has("received")) {
            throw new IllegalArgumentException("received is missing");
        }
        return new Resume(fields.text("session_id"), atMostMax(fields, "received"));
    }

    private static Map<String, String> metadata(@Nullable Fields fields) {
        Map<String, String> metadata = new LinkedHashMap<>();
        if (fields != null) {
            for (String key : fields.keys()) {
                String value = fields.text(key);
                if (value != null) {
                    metadata.put(key, value);
                }
            }
        }
        return metadata;
    }

    /** An unsigned 64-bit number; those beyond 2^63-1 count as that: no version and no count of frames comes near it. */
    private static long atMostMax(Fields fields, String key) {
        if (fields.any(key) instanceof BigInteger big && big.signum() > 0) {
            return Long.MAX_VALUE;
        }
        return fields.uint(key, 0, Long.MAX_VALUE);
    }
}
