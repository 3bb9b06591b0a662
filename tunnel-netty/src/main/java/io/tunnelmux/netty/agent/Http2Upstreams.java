package io.tunnelmux.netty.agent;

import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The connections of one loop to one upstream that speaks HTTP/2, or may: requests share what there is, in the order in which they came, and a further
 * connection is opened only when those that stand have no room. One dial is under way at a time. Where it shows that the upstream prefers HTTP/1.1, each request gets
 * a connection of its own.
 *
 * <p>How many requests wait is bounded by the number of streams of the tunnels; how many connections there are, by that as well. On the loop.
 */
final class Http2Upstreams {

    private final NettyLoop loop;
    private final Upstream upstream;
    private final UpstreamDialer dialer;
    private final boolean keepsIdle;
    private final Consumer<Upstream> onUnused;
    private final List<Http2Upstream> connections = new ArrayList<>(1);
    private final Deque<Waiter> waiting = new ArrayDeque<>();
    /** The connection that is being made, until it is ready. */
    private @Nullable Runnable cancelDial;

    private boolean isHttp1;
    private boolean isClosed;

    /** @param onUnused told when nothing is kept here that would be worth keeping */
    Http2Upstreams(
            NettyLoop loop, Upstream upstream, UpstreamDialer dialer, boolean keepsIdle, Consumer<Upstream> onUnused) {
        this.loop = loop;
        this.upstream = upstream;
        this.dialer = dialer;
        this.keepsIdle = keepsIdle;
        this.onUnused = onUnused;
    }

    /** See {@link UpstreamConnections#connect}. */
    UpstreamConnections.@Nullable Ticket connect(UpstreamConnections.Listener listener) {
        for (Http2Upstream connection : connections) {
            if (connection.hasRoom()) {
                listener.onConnected(connection.open());
                return null;
            }
        }
        Waiter waiter = new Waiter(listener);
        if (isHttp1) {
            waiter.dial();
        } else {
            waiting.add(waiter);
            dialIfNeeded();
        }
        return waiter;
    }

    private void dialIfNeeded() {
        if (cancelDial == null && !waiting.isEmpty()) {
            cancelDial = dialer.dial(upstream, false, new Shared())::cancel;
        }
    }

    private void adopt(Http2Upstream connection) {
        isHttp1 = false;
        cancelDial = connection::abort;
        connection.onReady(this::onReady, this::onRoom, this::onGone);
    }

    private void onReady(Http2Upstream connection) {
        cancelDial = null;
        connections.add(connection);
        if (!connection.hasRoom()) {
            connection.abort();
            fail(new IOException(upstream + " takes no requests"));
        }
        onRoom(connection);
        dialIfNeeded();
    }

    private void onRoom(Http2Upstream connection) {
        while (connection.hasRoom()) {
            Waiter next = waiting.poll();
            if (next == null) {
                break;
            }
            next.listener.onConnected(connection.open());
        }
        if (connection.isIdle() && (isClosed || !keepsIdle)) {
            connection.retire();
        }
    }

    private void onGone(Http2Upstream connection, @Nullable IOException cause) {
        if (!connections.remove(connection)) {
            cancelDial = null;
            fail(cause == null ? new IOException(upstream + " closed the connection") : cause);
        }
        dialIfNeeded();
        forgetIfUnused();
    }

    private void fail(IOException cause) {
        for (Waiter failed = waiting.poll(); failed != null; failed = waiting.poll()) {
            failed.listener.onUnreachable(cause);
        }
        forgetIfUnused();
    }

    private void forgetIfUnused() {
        if (connections.isEmpty() && waiting.isEmpty() && cancelDial == null) {
            onUnused.accept(upstream);
        }
    }

    /** Closes what is idle, and from now on what becomes it. */
    void close() {
        isClosed = true;
        for (Http2Upstream connection : List.copyOf(connections)) {
            if (connection.isIdle()) {
                connection.retire();
            }
        }
    }

    /** Of the dial that serves all. */
    private final class Shared implements UpstreamDialer.Listener {

        @Override
        public void onConnected(UpstreamConnection connection) {
            isHttp1 = true;
            cancelDial = null;
            Waiter first = waiting.poll();
            if (first == null) {
                connection.close();
            } else {
                first.listener.onConnected(connection);
            }
            for (Waiter next = waiting.poll(); next != null; next = waiting.poll()) {
                next.dial();
            }
        }

        @Override
        public void onConnected(Http2Upstream connection) {
            adopt(connection);
        }

        @Override
        public void onUnreachable(IOException cause) {
            cancelDial = null;
            fail(cause);
        }
    }

    /** A request without a connection. */
    private final class Waiter implements UpstreamConnections.Ticket, UpstreamDialer.Listener {
        private final UpstreamConnections.Listener listener;
        private Dialer.@Nullable Dial dial;

        Waiter(UpstreamConnections.Listener listener) {
            this.listener = listener;
        }

        /** Where the upstream speaks HTTP/1.1. */
        void dial() {
            dial = dialer.dial(upstream, false, this);
        }

        @Override
        public void cancel() {
            if (dial != null) {
                dial.cancel();
            } else if (waiting.remove(this) && waiting.isEmpty() && cancelDial != null) {
                cancelDial.run();
                cancelDial = null;
                forgetIfUnused();
            }
        }

        @Override
        public void onConnected(UpstreamConnection connection) {
            listener.onConnected(connection);
        }

        /** The upstream has changed its mind. */
        @Override
        public void onConnected(Http2Upstream connection) {
            dial = null;
            waiting.addFirst(this);
            if (cancelDial == null) {
                adopt(connection);
            } else {
                connection.abort();
            }
        }

        @Override
        public void onUnreachable(IOException cause) {
            listener.onUnreachable(cause);
        }
    }

    @Override
    public String toString() {
        return connections.size() + " connections to " + upstream + " on " + loop;
    }
}
