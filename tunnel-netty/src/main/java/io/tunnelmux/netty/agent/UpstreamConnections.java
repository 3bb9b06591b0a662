package io.tunnelmux.netty.agent;

import io.netty.handler.codec.http.HttpHeaders;
import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The connections to upstreams of one loop, kept ones and new ones, whichever HTTP they speak: one of HTTP/1.1 carries a request at a time, one of HTTP/2 as many as
 * the upstream allows. On the loop.
 */
final class UpstreamConnections {

    /** Told once where a request goes, on the loop; not at all after its ticket was cancelled. */
    interface Listener {
        void onConnected(UpstreamConnection connection);

        /** @param cause what went wrong; its message says so for people */
        void onUnreachable(IOException cause);
    }

    /** Of a request that waits for its connection. */
    @FunctionalInterface
    interface Ticket {
        /** The request needs it no more. */
        void cancel();
    }

    private final NettyLoop loop;
    private final UpstreamPool pool;
    private final UpstreamDialer dialer;
    private final boolean keepsIdle;
    private final Map<Upstream, Http2Upstreams> shared = new HashMap<>();
    private boolean isClosed;

    /** @param keepsIdle whether connections of HTTP/2 are kept that carry nothing */
    UpstreamConnections(NettyLoop loop, UpstreamPool pool, UpstreamDialer dialer, boolean keepsIdle) {
        this.loop = loop;
        this.pool = pool;
        this.dialer = dialer;
        this.keepsIdle = keepsIdle;
    }

    /**
     * Finds a connection for one request, or makes one.
     *
     * @param isForUpgrade whether it must be a new one of HTTP/1.1, on which the upstream may end its direction and still receive
     * @return null if the listener has been told already
     */
    @Nullable
    Ticket connect(Upstream upstream, boolean isForUpgrade, Listener listener) {
        assert loop.inLoop();
        if (isForUpgrade && upstream.isHttp2()) {
            listener.onUnreachable(new IOException(upstream + " speaks HTTP/2, where upgrades are none"));
            return null;
        }
        if (isForUpgrade) {
            return dial(upstream, true, listener);
        }
        UpstreamConnection kept = pool.take(upstream);
        if (kept != null) {
            listener.onConnected(kept);
            return null;
        }
        if (!upstream.mayBeHttp2()) {
            return dial(upstream, false, listener);
        }
        return shared.computeIfAbsent(
                        upstream, key -> new Http2Upstreams(loop, key, dialer, keepsIdle && !isClosed, shared::remove))
                .connect(listener);
    }

    /** Takes back a connection that may be used again, see {@link UpstreamPool#put}. */
    void put(UpstreamConnection connection, HttpHeaders answer) {
        pool.put(connection, answer);
    }

    /** Closes what carries nothing, and from now on what is put back. */
    void close() {
        assert loop.inLoop();
        isClosed = true;
        pool.close();
        shared.values().forEach(Http2Upstreams::close);
    }

    private Ticket dial(Upstream upstream, boolean isForUpgrade, Listener listener) {
        return dialer.dial(upstream, isForUpgrade, new UpstreamDialer.Listener() {
            @Override
            public void onConnected(UpstreamConnection connection) {
                listener.onConnected(connection);
            }

            @Override
            public void onConnected(Http2Upstream connection) {
                throw new IllegalStateException("nobody asked for HTTP/2: " + connection);
            }

            @Override
            public void onUnreachable(IOException cause) {
                listener.onUnreachable(cause);
            }
        })::cancel;
    }
}
