package io.tunnelmux.netty.agent;

import io.netty.handler.codec.http.HttpHeaders;
import io.tunnelmux.core.transport.TunnelLoop;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The idle connections of one loop to its upstreams. The one used last is used next, so that the others grow old and go.
 *
 * <p>An idle connection is closed before the upstream would do it, because a request that crosses an upstream's close is lost: it must not be
 * sent again. Common servers close after 5 s, so 4 s is our limit unless the upstream says otherwise with {@code Keep-Alive: timeout=}.
 */
final class UpstreamPool {

    private static final long SWEEP_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LONGEST_IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final TunnelLoop loop;
    private final int maxIdle;
    private final long idleNanos;
    private final Map<Upstream, ArrayDeque<UpstreamConnection>> idle = new HashMap<>();
    private TunnelLoop.@Nullable Timer sweep;
    private boolean isClosed;

    /** @param maxIdle how many connections to one upstream may be idle at once; 0 = none are kept */
    UpstreamPool(TunnelLoop loop, int maxIdle, Duration idleTimeout) {
        this.loop = loop;
        this.maxIdle = maxIdle;
        this.idleNanos = idleTimeout.toNanos();
    }

    /** An idle connection that stands, or null. */
    @Nullable
    UpstreamConnection take(Upstream upstream) {
        assert loop.inLoop();
        ArrayDeque<UpstreamConnection> connections = idle.get(upstream);
        if (connections == null) {
            return null;
        }
        long now = loop.nanoTime();
        for (UpstreamConnection connection; (connection = connections.pollFirst()) != null; ) {
            if (connection.channel().isActive() && !connection.isIdleFrom(now)) {
                return connection;
            }
            connection.close();
        }
        return null;
    }

    /**
     * Takes back a connection that may be used again, and keeps or closes it.
     *
     * @param answer the headers of the last answer on it
     */
    void put(UpstreamConnection connection, HttpHeaders answer) {
        assert loop.inLoop();
        long nanos = idleNanos(answer);
        if (isClosed || maxIdle == 0 || nanos <= 0) {
            connection.close();
            return;
        }
        connection.idleUntil(loop.nanoTime() + nanos);
        ArrayDeque<UpstreamConnection> connections =
                idle.computeIfAbsent(connection.upstream(), upstream -> new ArrayDeque<>());
        connections.addFirst(connection);
        if (connections.size() > maxIdle) {
            connections.removeLast().close();
        }
        if (sweep == null) {
            sweep = loop.schedule(this::sweep, SWEEP_NANOS);
        }
    }

    /** Closes what is idle, and from now on what is put back. */
    void close() {
        assert loop.inLoop();
        isClosed = true;
        idle.values().forEach(connections -> connections.forEach(UpstreamConnection::close));
        idle.clear();
        if (sweep != null) {
            sweep.cancel();
            sweep = null;
        }
    }

    int idleConnections(Upstream upstream) {
        ArrayDeque<UpstreamConnection> connections = idle.get(upstream);
        return connections == null ? 0 : connections.size();
    }

    private void sweep() {
        long now = loop.nanoTime();
        for (Iterator<ArrayDeque<UpstreamConnection>> all = idle.values().iterator(); all.hasNext(); ) {
            ArrayDeque<UpstreamConnection> connections = all.next();
            connections.removeIf(connection -> {
                boolean isGone = !connection.channel().isActive() || connection.isIdleFrom(now);
                if (isGone) {
                    connection.close();
                }
                return isGone;
            });
            if (connections.isEmpty()) {
                all.remove();
            }
        }
        sweep = idle.isEmpty() ? null : loop.schedule(this::sweep, SWEEP_NANOS);
    }

    /** One second less than the upstream says, where it says something. */
    private long idleNanos(HttpHeaders answer) {
        String keepAlive = answer.get("Keep-Alive");
        if (keepAlive == null) {
            return idleNanos;
        }
        for (String parameter : keepAlive.toLowerCase(Locale.ROOT).split(",")) {
            String text = parameter.trim();
            if (text.startsWith("timeout=")) {
                try {
                    long seconds =
                            Long.parseLong(text.substring("timeout=".length()).trim());
                    return Math.min(TimeUnit.SECONDS.toNanos(seconds - 1), LONGEST_IDLE_NANOS);
                } catch (NumberFormatException e) {
                    return idleNanos;
                }
            }
        }
        return idleNanos;
    }
}
