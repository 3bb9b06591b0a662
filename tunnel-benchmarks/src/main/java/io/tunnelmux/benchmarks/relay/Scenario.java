package io.tunnelmux.benchmarks.relay;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a round does.
 *
 * @param group what several are chosen by
 * @param kind what goes over the connections
 * @param bytes payload of a message; of {@link Kind#BESIDE} of a ping; 0 where there are none
 * @param connections at once; of {@link Kind#BESIDE} the downloads
 */
public record Scenario(String group, Kind kind, int bytes, int connections) {

    /** What goes over the connections. */
    public enum Kind {
        /** Bytes there and back over TCP, one message under way on each connection. */
        PING,
        /** The same by messages of WebSockets. */
        WEBSOCKET,
        /** GET requests on connections that are kept, answered with so many bytes. */
        HTTP,
        /** As fast as it goes from the upstream to the clients. */
        DOWN,
        /** As fast as it goes from the clients to the upstream. */
        UP,
        /** As fast as it goes to the upstream and back: full both ways. */
        ECHO,
        /** The same for a minute on end, looked at every second. */
        FULL,
        /** A ping every few milliseconds beside downloads. */
        BESIDE,
        /** A ping every few milliseconds and nothing else. */
        PACED;

        /** Whether clients speak HTTP, and not bare TCP. */
        boolean isHttp() {
            return this == WEBSOCKET || this == HTTP;
        }

        boolean isBulk() {
            return this == DOWN || this == UP || this == ECHO || this == FULL || this == BESIDE;
        }
    }

    private static final int[] SIZES = {64, 1024, 16 * 1024};
    private static final int MANY = 64;
    private static final int BULKY = 16;
    private static final int BESIDE = 8;

    /** All that the comparison does, in order. */
    public static List<Scenario> all() {
        List<Scenario> all = new ArrayList<>();
        for (int size : SIZES) {
            all.add(new Scenario("one", Kind.PING, size, 1));
        }
        for (int size : SIZES) {
            all.add(new Scenario("many", Kind.PING, size, MANY));
        }
        all.add(new Scenario("paced", Kind.PACED, 1024, 0));
        for (Kind kind : new Kind[] {Kind.DOWN, Kind.UP, Kind.ECHO}) {
            all.add(new Scenario("bulk", kind, 0, BULKY));
        }
        all.add(new Scenario("bulk", Kind.DOWN, 0, 1));
        all.add(new Scenario("beside", Kind.BESIDE, 64, BESIDE));
        for (int size : SIZES) {
            all.add(new Scenario("websocket", Kind.WEBSOCKET, size, 1));
        }
        for (int size : new int[] {1024, 16 * 1024}) {
            all.add(new Scenario("websocket", Kind.WEBSOCKET, size, MANY));
        }
        all.add(new Scenario("http", Kind.HTTP, 1024, 1));
        all.add(new Scenario("http", Kind.HTTP, 1024, MANY));
        all.add(new Scenario("full", Kind.FULL, 0, MANY));
        return all;
    }

    /**
     * Whether all processes share one processor. A round trip is then the sum of the work of all, and not a matter of where the kernel puts whom; what is bulky needs
     * room, or it shows how the kernel shares one processor among full queues.
     */
    public boolean isPinned() {
        return !kind.isBulk() && kind != Kind.PACED;
    }

    /** How long a round is, of {@code full} length where nothing is pinned: the sum of all work is known in half of that, and many short rounds say more than a few long ones. */
    Duration round(Duration full) {
        return isPinned() ? full.dividedBy(2) : full;
    }

    /** Its name in results. */
    public String key() {
        return kind.name().toLowerCase(Locale.ROOT) + "-" + bytes + "x" + connections;
    }
}
