package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Message;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TargetsTest {

    private static final InetSocketAddress DB = InetSocketAddress.createUnresolved("db.example", 5432);
    private static final InetSocketAddress CACHE = InetSocketAddress.createUnresolved("10.0.0.7", 6379);

    private static Message.Destination target(String name) {
        return new Message.Destination(name, null, null, 0);
    }

    private static @Nullable InetSocketAddress ask(Targets targets, String host, int port) {
        return targets.find(Message.Destination.ANY, host, port);
    }

    @Test
    void nothingIsAllowedByDefault() {
        Targets none = new Targets(Map.of(), List.of());

        assertThat(none.isEmpty()).isTrue();
        assertThat(none.find(Message.Destination.ANY, null, 0)).isNull();
        assertThat(none.find(target("db"), null, 0)).isNull();
        assertThat(ask(none, "db.example", 5432)).isNull();
    }

    @Test
    void namesAreTheConfigurations() {
        Targets targets = new Targets(Map.of("db", DB, "cache", CACHE), List.of());

        assertThat(targets.find(target("db"), null, 0)).isEqualTo(DB);
        assertThat(targets.find(target("cache"), null, 0)).isEqualTo(CACHE);
        assertThat(targets.find(target("DB"), null, 0)).isNull();
        assertThat(targets.refusal(target("DB"), null, 0)).isEqualTo("no such target: DB");
    }

    @Test
    void aNameGoesBeforeAnAddress() {
        Targets targets = new Targets(Map.of("db", DB), List.of(CACHE));

        assertThat(targets.find(target("db"), "10.0.0.7", 6379)).isEqualTo(DB);
        assertThat(targets.find(target("no"), "10.0.0.7", 6379)).isNull();
    }

    @Test
    void whoNamesNothingGetsTheOnlyTarget() {
        Targets one = new Targets(Map.of("db", DB), List.of(CACHE));
        Targets two = new Targets(Map.of("db", DB, "cache", CACHE), List.of());

        assertThat(one.find(Message.Destination.ANY, null, 0)).isEqualTo(DB);
        assertThat(two.find(Message.Destination.ANY, null, 0)).isNull();
        assertThat(two.refusal(Message.Destination.ANY, null, 0)).isEqualTo("no target was named, and there are 2");
        assertThat(new Targets(Map.of(), List.of(CACHE)).find(Message.Destination.ANY, null, 0))
                .isNull();
    }

    @Test
    void addressesAreAllowedOneByOneHoweverTheyAreSpelled() {
        Targets targets = new Targets(
                Map.of("db", DB),
                List.of(
                        InetSocketAddress.createUnresolved("Cache.Example", 6379),
                        InetSocketAddress.createUnresolved("::1", 22),
                        new InetSocketAddress("127.0.0.1", 80)));

        assertThat(ask(targets, "cache.example", 6379)).isNotNull();
        assertThat(ask(targets, "CACHE.example", 6379)).isNotNull();
        assertThat(ask(targets, "0:0:0:0:0:0:0:1", 22)).isNotNull();
        assertThat(ask(targets, "127.0.0.1", 80)).isNotNull();
        assertThat(ask(targets, "cache.example", 6380)).isNull();
        assertThat(ask(targets, "cache.example.", 6379)).isNull();
        assertThat(ask(targets, "db.example", 5432)).isNull();
        assertThat(targets.refusal(Message.Destination.ANY, "db.example", 5432))
                .isEqualTo("not allowed: db.example port 5432");
    }

    @Test
    void servicesAreNoTargets() {
        Targets targets = new Targets(Map.of("db", DB), List.of());
        Message.Destination service = new Message.Destination(null, "db", "default", 5432);

        assertThat(targets.find(service, null, 0)).isNull();
        assertThat(targets.refusal(service, null, 0)).isEqualTo("no service has a target here");
    }
}
