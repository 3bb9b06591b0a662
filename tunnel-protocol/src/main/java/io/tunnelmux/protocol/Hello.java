package io.tunnelmux.protocol;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What each side says first: who it is, what it can do and what it allows the other. Sent once each way, see {@link Frame.Hello}.
 *
 * <p>Immutable; any thread.
 */
public final class Hello {

    /** The highest version of the protocol that this library knows. */
    public static final int VERSION = 1;
    /** Longest HELLO on the wire, in bytes. */
    public static final int MAX_BYTES = 16_384;
    /** Longest {@link #agentId}, in chars. */
    public static final int MAX_AGENT_ID_LENGTH = 128;
    /** Longest {@link #instanceId}, in chars. */
    public static final int MAX_INSTANCE_ID_LENGTH = 64;
    /** Longest {@link #token}, in chars. */
    public static final int MAX_TOKEN_LENGTH = 4_096;

    private final int version;
    private final Role role;
    private final @Nullable String agentId;
    private final @Nullable String instanceId;
    private final @Nullable String sessionId;
    private final @Nullable String token;
    private final Set<String> capabilities;
    private final Settings settings;
    private final @Nullable MessageFormat messages;
    private final @Nullable Resume resume;
    private final Map<String, String> metadata;

    private Hello(Builder builder, Role role) {
        this.version = builder.version;
        this.role = role;
        this.agentId = builder.agentId;
        this.instanceId = builder.instanceId;
        this.sessionId = builder.sessionId;
        this.token = builder.token;
        this.capabilities = Collections.unmodifiableSet(new LinkedHashSet<>(builder.capabilities));
        this.settings = builder.settings;
        this.messages = builder.messages;
        this.resume = builder.resume;
        this.metadata = Collections.unmodifiableMap(new LinkedHashMap<>(builder.metadata));
    }

    /** A builder with {@link #VERSION}, the default settings and nothing else. */
    public static Builder builder() {
        return new Builder();
    }

    /** Which side of the tunnel somebody is. */
    public enum Role {
        /** Sits where nothing can reach it and dials. */
        AGENT("agent"),
        /** Accepts agents and opens streams to them. */
        GATEWAY("gateway");

        private final String wireName;

        Role(String wireName) {
            this.wireName = wireName;
        }

        /** As HELLO's {@code role} spells it. */
        public String wireName() {
            return wireName;
        }
    }

    /**
     * The wish to go on with a lost session, or that it is granted.
     *
     * @param sessionId the session; null only in a gateway's answer, whose {@link Hello#sessionId} names it
     * @param received how many sequenced frames of that session the sender has received, 0 or more
     */
    public record Resume(@Nullable String sessionId, long received) {
        public Resume {
            sessionId = Text.optional("resume session_id", sessionId, Text.MAX_NAME);
            Text.notNegative("resume received", received);
        }

        /** For people. The session is masked: who knows it may be half way to taking it over. */
        @Override
        public String toString() {
            return "Resume[sessionId=" + (sessionId == null ? null : "***") + ", received=" + received + ']';
        }
    }

    /** The highest version that the dialler knows, or the version that the acceptor chose. */
    public int version() {
        return version;
    }

    /** Who speaks. */
    public Role role() {
        return role;
    }

    /** Who the agent is; never null in an agent's HELLO. */
    public @Nullable String agentId() {
        return agentId;
    }

    /** Names one run of the agent program, if it says so. */
    public @Nullable String instanceId() {
        return instanceId;
    }

    /** Names the session; never null in a gateway's HELLO. */
    public @Nullable String sessionId() {
        return sessionId;
    }

    /** The agent's credential, on transports that have no handshake of their own to carry it. A secret. */
    public @Nullable String token() {
        return token;
    }

    /** What the sender can do, see {@link Capabilities}; may hold unknown ones. Unmodifiable. */
    public Set<String> capabilities() {
        return capabilities;
    }

    /** What the sender allows its peer. */
    public Settings settings() {
        return settings;
    }

    /** The gateway's choice for messages from now on; null is CBOR. */
    public @Nullable MessageFormat messages() {
        return messages;
    }

    /** A session to go on with, if that is wished or granted. */
    public @Nullable Resume resume() {
        return resume;
    }

    /** Free facts about the sender: name, region, software and so on. Unmodifiable. */
    public Map<String, String> metadata() {
        return metadata;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Hello that
                && version == that.version
                && role == that.role
                && Objects.equals(agentId, that.agentId)
                && Objects.equals(instanceId, that.instanceId)
                && Objects.equals(sessionId, that.sessionId)
                && Objects.equals(token, that.token)
                && capabilities.equals(that.capabilities)
                && settings.equals(that.settings)
                && messages == that.messages
                && Objects.equals(resume, that.resume)
                && metadata.equals(that.metadata);
    }

    @Override
    public int hashCode() {
        return Objects.hash(role, agentId, instanceId, sessionId, capabilities, settings, resume, metadata);
    }

    /** For people. The token is masked. */
    @Override
    public String toString() {
        return "Hello[version=" + version
                + ", role=" + role
                + ", agentId=" + agentId
                + ", instanceId=" + instanceId
                + ", sessionId=" + (sessionId == null ? null : "***")
                + ", token=" + (token == null ? null : "***")
                + ", capabilities=" + capabilities
                + ", settings=" + settings
                + ", messages=" + messages
                + ", resume=" + resume
                + ", metadata=" + metadata + ']';
    }

    /** Gathers a HELLO. Every method refuses what the wire forbids with {@link IllegalArgumentException}. For one thread. */
    public static final class Builder {
        private int version = VERSION;
        private @Nullable Role role;
        private @Nullable String agentId;
        private @Nullable String instanceId;
        private @Nullable String sessionId;
        private @Nullable String token;
        private Set<String> capabilities = Set.of();
        private Settings settings = Settings.DEFAULTS;
        private @Nullable MessageFormat messages;
        private @Nullable Resume resume;
        private Map<String, String> metadata = Map.of();

        private Builder() {}

        /** 1 or more; {@link #VERSION} unless set. */
        public Builder version(int value) {
            version = Text.range("version", value, 1, Integer.MAX_VALUE);
            return this;
        }

        /** Needed. */
        public Builder role(Role value) {
            role = Objects.requireNonNull(value);
            return this;
        }

        /** Needed from an agent: 1 to 128 of {@code A-Z a-z 0-9 . _ -}. */
        public Builder agentId(@Nullable String value) {
            agentId = identity("agent_id", value, MAX_AGENT_ID_LENGTH);
            return this;
        }

        /** 1 to 64 of {@code A-Z a-z 0-9 . _ -}, or null. */
        public Builder instanceId(@Nullable String value) {
            instanceId = identity("instance_id", value, MAX_INSTANCE_ID_LENGTH);
            return this;
        }

        /** Needed from a gateway: 1 to 256 chars that nobody can guess. */
        public Builder sessionId(@Nullable String value) {
            sessionId = Text.optional("session_id", value, Text.MAX_NAME);
            return this;
        }

        /** 1 to 4,096 chars, or null. */
        public Builder token(@Nullable String value) {
            token = Text.optional("token", value, MAX_TOKEN_LENGTH);
            return this;
        }

        /** Names of 1 to 256 chars, copied. */
        public Builder capabilities(Set<String> values) {
            values.forEach(value -> Text.needed("capability", value, Text.MAX_NAME));
            capabilities = new LinkedHashSet<>(values);
            return this;
        }

        /** {@link Settings#DEFAULTS} unless set. */
        public Builder settings(Settings value) {
            settings = Objects.requireNonNull(value);
            return this;
        }

        /** From a gateway, or null for CBOR. */
        public Builder messages(@Nullable MessageFormat value) {
            messages = value;
            return this;
        }

        /** A session to go on with, or null. */
        public Builder resume(@Nullable Resume value) {
            resume = value;
            return this;
        }

        /** Keys of at most 256 chars, copied. */
        public Builder metadata(Map<String, String> values) {
            values.forEach((key, value) -> {
                Text.line("metadata key", key, Text.MAX_NAME);
                Text.unicode("metadata value", value);
            });
            metadata = new LinkedHashMap<>(values);
            return this;
        }

        /**
         * The HELLO. The builder may be used on.
         *
         * @throws IllegalArgumentException if something needed is missing
         */
        public Hello build() {
            if (role == null) {
                throw new IllegalArgumentException("role is missing");
            }
            if (role == Role.AGENT && agentId == null) {
                throw new IllegalArgumentException("agent_id is missing");
            }
            if (role == Role.GATEWAY && sessionId == null) {
                throw new IllegalArgumentException("session_id is missing");
            }
            if (role == Role.AGENT && resume != null && resume.sessionId() == null) {
                throw new IllegalArgumentException("resume session_id is missing");
            }
            return new Hello(this, role);
        }

        private static @Nullable String identity(String what, @Nullable String value, int max) {
            if (value == null) {
                return null;
            }
            if (value.isEmpty() || value.length() > max) {
                throw new IllegalArgumentException(what + " of " + value.length() + " chars, 1 to " + max + " allowed");
            }
            for (int i = 0; i < value.length(); i++) {
                char c = value.charAt(i);
                boolean isAllowed = (c >= 'A' && c <= 'Z')
                        || (c >= 'a' && c <= 'z')
                        || (c >= '0' && c <= '9')
                        || c == '.'
                        || c == '_'
                        || c == '-';
                if (!isAllowed) {
                    throw new IllegalArgumentException(
                            what + " '" + value.replaceAll("[^ -~]", "?") + "' holds character " + (int) c);
                }
            }
            return value;
        }
    }
}
