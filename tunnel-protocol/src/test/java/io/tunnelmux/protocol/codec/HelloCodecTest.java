package io.tunnelmux.protocol.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Hello.Resume;
import io.tunnelmux.protocol.Hello.Role;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HelloCodecTest {

    private static final long SEED = Long.getLong("seed", 20_261_121L);
    private static final int CASES = 10_000;
    private static final String NAME_CHARACTERS = "ABCXYZabcxyz0189._-";

    private final Random random = new Random(SEED);

    @Test
    void readsBackWhatItWrote() {
        for (int i = 0; i < CASES; i++) {
            Hello hello = hello();

            Hello back = HelloCodec.decode(HelloCodec.encode(hello));

            assertThat(back).as("seed %d, case %d", SEED, i).isEqualTo(hello);
            assertThat(back.hashCode()).isEqualTo(hello.hashCode());
        }
    }

    @Test
    void throwsNothingButABreachOfTheTunnelWhateverComes() {
        for (int i = 0; i < CASES; i++) {
            byte[] bytes = HelloCodec.encode(hello()).toByteArray();
            for (int k = 1 + random.nextInt(3); k > 0; k--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                HelloCodec.decode(Payload.of(bytes));
            } catch (ProtocolException e) {
                assertThat(e.costsTunnel()).isTrue();
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + SEED + ", case " + i, e);
            }
        }
    }

    @Test
    void doesNotWriteAHelloThatIsTooLong() {
        Hello hello = Hello.builder()
                .role(Role.AGENT)
                .agentId("a")
                .metadata(Map.of("k", "x".repeat(Hello.MAX_BYTES)))
                .build();

        assertThatThrownBy(() -> HelloCodec.encode(hello))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at most 16384");
    }

    @Test
    void showsNeitherTokenNorSession() {
        Hello hello = Hello.builder()
                .role(Role.AGENT)
                .agentId("demo")
                .sessionId("s3ss10n")
                .token("s3cret")
                .resume(new Resume("0ld-s3ss10n", 5))
                .build();

        assertThat(hello.toString()).contains("demo").doesNotContain("s3cret", "s3ss10n", "0ld");
    }

    private Hello hello() {
        Role role = random.nextBoolean() ? Role.AGENT : Role.GATEWAY;
        Hello.Builder hello = Hello.builder()
                .role(role)
                .version(role == Role.AGENT ? 1 + (random.nextInt() >>> 2) : 1)
                .capabilities(capabilities())
                .settings(settings())
                .metadata(metadata());
        if (role == Role.AGENT) {
            hello.agentId(name(128)).instanceId(random.nextBoolean() ? name(64) : null);
            hello.token(random.nextBoolean() ? name(4_096) : null);
        } else {
            hello.sessionId(name(256));
            MessageFormat[] formats = {null, MessageFormat.CBOR, MessageFormat.JSON};
            hello.messages(formats[random.nextInt(3)]);
        }
        if (random.nextBoolean()) {
            boolean isNamed = role == Role.AGENT || random.nextBoolean();
            hello.resume(new Resume(isNamed ? name(64) : null, random.nextLong() >>> 1 + random.nextInt(63)));
        }
        return hello.build();
    }

    private Set<String> capabilities() {
        String[] all = {
            Capabilities.JSON,
            Capabilities.RESUME,
            Capabilities.WEBSOCKET_AWARE,
            Capabilities.TCP,
            Capabilities.UDP,
            "új"
        };
        Set<String> some = new LinkedHashSet<>();
        for (String capability : all) {
            if (random.nextBoolean()) {
                some.add(capability);
            }
        }
        return some;
    }

    private Settings settings() {
        if (random.nextInt(4) == 0) {
            return Settings.DEFAULTS;
        }
        return Settings.builder()
                .maxFrameBytes(between(Settings.LOWEST_MAX_FRAME_BYTES, Settings.HIGHEST_MAX_FRAME_BYTES))
                .maxMessageBytes(between(Settings.LOWEST_MAX_MESSAGE_BYTES, Settings.HIGHEST_MAX_MESSAGE_BYTES))
                .maxStreams(between(Settings.LOWEST_MAX_STREAMS, Settings.HIGHEST_MAX_STREAMS))
                .streamWindowBytes(between(Settings.LOWEST_STREAM_WINDOW_BYTES, Settings.HIGHEST_STREAM_WINDOW_BYTES))
                .tunnelWindowBytes(between(Settings.LOWEST_TUNNEL_WINDOW_BYTES, Settings.HIGHEST_TUNNEL_WINDOW_BYTES))
                .keepaliveMillis(between(Settings.LOWEST_KEEPALIVE_MILLIS, Settings.HIGHEST_KEEPALIVE_MILLIS))
                .keepaliveTimeoutMillis(
                        between(Settings.LOWEST_KEEPALIVE_TIMEOUT_MILLIS, Settings.HIGHEST_KEEPALIVE_TIMEOUT_MILLIS))
                .resumeTimeoutMillis(
                        between(Settings.LOWEST_RESUME_TIMEOUT_MILLIS, Settings.HIGHEST_RESUME_TIMEOUT_MILLIS))
                .build();
    }

    private Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            metadata.put(name(20), random.nextBoolean() ? "" : "región " + name(20));
        }
        return metadata;
    }

    /** Often one of the bounds. */
    private int between(int lowest, int highest) {
        return switch (random.nextInt(4)) {
            case 0 -> lowest;
            case 1 -> highest;
            default -> (int) (lowest + random.nextLong((long) highest - lowest + 1));
        };
    }

    private String name(int max) {
        StringBuilder name = new StringBuilder();
        for (int i = 1 + random.nextInt(max); i > 0; i--) {
            name.append(NAME_CHARACTERS.charAt(random.nextInt(NAME_CHARACTERS.length())));
        }
        return name.toString();
    }
}
