package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.Settings;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whether the peer lives. Any byte from it is a sign of life; after a time of silence it is asked by a ping, and after a further one it is taken for
 * dead. One timer per tunnel looks at the time of the last byte and sleeps for what is left, so that traffic costs one write of a long.
 *
 * <p>A process that was stopped for a while (a long collection, a suspended machine) first reads what has come meanwhile: a verdict is
 * given only one turn of the loop after it was reached.
 */
final class KeepAlive {

    private final TunnelLoop loop;
    private final long silenceNanos;
    private final long patienceNanos;
    private final Runnable ping;
    private final Runnable dead;
    private long startedNanos;
    private long lastByteNanos;
    private boolean isAsked;
    private boolean isSuspected;
    private TunnelLoop.@Nullable Timer timer;

    KeepAlive(TunnelLoop loop, Settings settings, Runnable ping, Runnable dead) {
        this.loop = loop;
        this.ping = ping;
        this.dead = dead;
        silenceNanos = TimeUnit.MILLISECONDS.toNanos(settings.keepaliveMillis());
        patienceNanos = TimeUnit.MILLISECONDS.toNanos(settings.keepaliveTimeoutMillis());
    }

    void start() {
        startedNanos = loop.nanoTime();
        lastByteNanos = startedNanos;
        timer = loop.schedule(this::look, silenceNanos);
    }

    void onBytesReceived() {
        lastByteNanos = loop.nanoTime();
        isAsked = false;
        isSuspected = false;
    }

    /** When the tunnel was open, which is when this began. */
    long startedNanos() {
        return startedNanos;
    }

    /** When the last byte came. */
    long lastByteNanos() {
        return lastByteNanos;
    }

    void stop() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    private void look() {
        long silentNanos = loop.nanoTime() - lastByteNanos;
        if (silentNanos < silenceNanos) {
            lookIn(silenceNanos - silentNanos);
        } else if (!isAsked) {
            isAsked = true;
            lookIn(patienceNanos);
            // Last, for it may end the tunnel, and with it this.
            ping.run();
        } else if (silentNanos < silenceNanos + patienceNanos) {
            lookIn(silenceNanos + patienceNanos - silentNanos);
        } else if (!isSuspected) {
            isSuspected = true;
            lookIn(0);
        } else {
            dead.run();
        }
    }

    private void lookIn(long nanos) {
        timer = loop.schedule(this::look, nanos);
    }
}
