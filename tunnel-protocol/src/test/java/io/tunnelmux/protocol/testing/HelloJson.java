package io.tunnelmux.protocol.testing;

import com.fasterxml.jackson.databind.JsonNode;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Hello.Resume;
import io.tunnelmux.protocol.Hello.Role;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Settings;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** A HELLO as the vectors tell it. */
final class HelloJson {

    private HelloJson() {}

    static Hello hello(JsonNode json) {
        Hello.Builder hello = Hello.builder()
                .version(json.path("version").intValue())
                .role(Role.valueOf(json.path("role").textValue().toUpperCase(Locale.ROOT)))
                .agentId(json.path("agent_id").textValue())
                .instanceId(json.path("instance_id").textValue())
                .sessionId(json.path("session_id").textValue())
                .token(json.path("token").textValue())
                .settings(settings(json.path("settings")));
        Set<String> capabilities = new LinkedHashSet<>();
        json.path("capabilities").forEach(name -> capabilities.add(name.textValue()));
        Map<String, String> metadata = new LinkedHashMap<>();
        json.path("metadata")
                .properties()
                .forEach(entry -> metadata.put(entry.getKey(), entry.getValue().textValue()));
        if (json.has("messages")) {
            hello.messages(
                    MessageFormat.valueOf(json.path("messages").textValue().toUpperCase(Locale.ROOT)));
        }
        if (json.has("resume")) {
            JsonNode resume = json.path("resume");
            hello.resume(new Resume(
                    resume.path("session_id").textValue(),
                    resume.path("received").longValue()));
        }
        return hello.capabilities(capabilities).metadata(metadata).build();
    }

    private static Settings settings(JsonNode json) {
        Settings.Builder settings = Settings.builder();
        json.properties().forEach(entry -> {
            int value = entry.getValue().intValue();
            switch (entry.getKey()) {
                case "max_frame" -> settings.maxFrameBytes(value);
                case "max_message" -> settings.maxMessageBytes(value);
                case "max_streams" -> settings.maxStreams(value);
                case "stream_window" -> settings.streamWindowBytes(value);
                case "tunnel_window" -> settings.tunnelWindowBytes(value);
                case "keepalive_ms" -> settings.keepaliveMillis(value);
                case "keepalive_timeout_ms" -> settings.keepaliveTimeoutMillis(value);
                case "resume_timeout_ms" -> settings.resumeTimeoutMillis(value);
                default -> {
                    // the vector's point: nobody knows it
                }
            }
        });
        return settings.build();
    }
}
