package io.tunnelmux.netty.gateway;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Knows a fixed list of tokens. Each belongs to one agent id, or to every agent that has none of its own. Of a token only its digest is
 * kept, and every digest is compared in full whatever the answer.
 *
 * <p>Immutable; any thread.
 */
public final class TokenAuthenticator implements Authenticator {

    /** In place of an agent id: any agent that has no token of its own. */
    public static final String ANY_AGENT = "*";

    private static final int MAX_TOKEN_LENGTH = 4_096;

    private static final class Entry {
        private final String agentId;
        private final byte[] digest;

        Entry(String agentId, byte[] digest) {
            this.agentId = agentId;
            this.digest = digest;
        }
    }

    private final List<Entry> entries;
    private final Set<String> agentIds = new HashSet<>();

    private TokenAuthenticator(List<Entry> entries) {
        this.entries = List.copyOf(entries);
        entries.forEach(entry -> agentIds.add(entry.agentId));
    }

    /**
     * One token for all agents.
     *
     * @throws IllegalArgumentException if it is empty or longer than 4,096 chars
     */
    public static TokenAuthenticator of(String token) {
        return builder().add(ANY_AGENT, token).build();
    }

    /**
     * The tokens of a file in UTF-8: {@code AGENT_ID=TOKEN} on each line, {@code *} being any agent. Empty lines, and such as begin with
     * {@code #}, are skipped.
     *
     * @throws IllegalArgumentException if a line is anything else, or there is none; it names the line's number, never its text
     */
    public static TokenAuthenticator ofFile(Path file) throws IOException {
        Builder builder = builder();
        List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (!line.isEmpty() && !line.startsWith("#")) {
                int equals = line.indexOf('=');
                if (equals < 0) {
                    throw new IllegalArgumentException(file + ":" + (i + 1) + ": not AGENT_ID=TOKEN");
                }
                try {
                    builder.add(
                            line.substring(0, equals).strip(),
                            line.substring(equals + 1).strip());
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(file + ":" + (i + 1) + ": " + e.getMessage(), e);
                }
            }
        }
        if (builder.entries.isEmpty()) {
            throw new IllegalArgumentException(file + " holds no token");
        }
        return builder.build();
    }

    /** A builder that knows no token: without one, no agent gets in. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public boolean knows(String token) {
        return isBorne(token, "", true);
    }

    @Override
    public boolean mayBe(String agentId, String token) {
        return isBorne(token, agentIds.contains(agentId) ? agentId : ANY_AGENT, false);
    }

    private boolean isBorne(String token, String agentId, boolean byAnybody) {
        byte[] digest = digest(token);
        boolean isBorne = false;
        for (Entry entry : entries) {
            boolean isEqual = MessageDigest.isEqual(digest, entry.digest);
            isBorne |= isEqual && (byAnybody || entry.agentId.equals(agentId));
        }
        return isBorne && token.length() <= MAX_TOKEN_LENGTH;
    }

    private static byte[] digest(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "TokenAuthenticator of " + entries.size() + " tokens";
    }

    /** Gathers tokens. For one thread. */
    public static final class Builder {
        private final List<Entry> entries = new ArrayList<>();

        private Builder() {}

        /**
         * Adds a token; an agent may have several.
         *
         * @param agentId who bears it, or {@link #ANY_AGENT}
         * @throws IllegalArgumentException if either is empty, or the token is longer than 4,096 chars
         */
        public Builder add(String agentId, String token) {
            if (agentId.isEmpty()) {
                throw new IllegalArgumentException("the agent id is empty");
            }
            if (token.isEmpty() || token.length() > MAX_TOKEN_LENGTH) {
                throw new IllegalArgumentException(
                        "a token of " + token.length() + " chars, 1 to " + MAX_TOKEN_LENGTH + " allowed");
            }
            entries.add(new Entry(agentId, digest(token)));
            return this;
        }

        /** The authenticator. */
        public TokenAuthenticator build() {
            return new TokenAuthenticator(entries);
        }
    }
}
