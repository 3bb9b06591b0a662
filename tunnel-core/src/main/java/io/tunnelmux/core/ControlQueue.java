package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import org.jspecify.annotations.Nullable;

/**
 * What goes before everything else and needs no credit: HELLO, GOAWAY, CANCEL, PING, ACK; the answer to a PING; WINDOW. What can repeat is state and not an
 * entry: one answer, one WINDOW of the tunnel and one per stream, whatever has gathered when its turn comes. The rest is bounded in frames by whoever
 * adds, and in bytes here. The CANCELs of streams that this side has opened are beside that limit: there are no more of them than streams were open, since
 * no OPEN overtakes them, and those who use these streams must not be able to end the tunnel by giving up all at once.
 */
final class ControlQueue {

    /** Without the CANCELs of streams that this side has opened. */
    static final int MAX_FRAMES = 1_000;
    /** What reasons may hold while they wait. They are for people: a CANCEL beyond that goes without. */
    static final int MAX_REASON_BYTES = 64 * 1024;

    private final Tunnel tunnel;
    private final Fifo<Frame> frames = new Fifo<>();
    /** Of {@link #frames}, those that are limited. */
    private int limitedFrames;

    private int reasonBytes;
    /** In the order in which they became due; some have ended meanwhile. */
    private final Fifo<TunnelStream> windowsDue = new Fifo<>();

    private final WindowFrames windows = new WindowFrames();

    private int endedWithWindowDue;
    private boolean isTunnelWindowDue;
    private boolean isPongDue;
    private long pongOpaque;

    ControlQueue(Tunnel tunnel) {
        this.tunnel = tunnel;
    }

    /** Whether no more frames may be added. */
    boolean isFull() {
        return limitedFrames >= MAX_FRAMES;
    }

    /** Whether nothing waits that is not to be lost. */
    boolean isEmpty() {
        return frames.isEmpty();
    }

    void add(Frame frame) {
        boolean isTooMuch = reasonBytes + reasonBytesOf(frame) > MAX_REASON_BYTES;
        Frame added = isTooMuch && frame instanceof Frame.Cancel cancel
                ? new Frame.Cancel(cancel.streamId(), cancel.code(), "")
                : frame;
        reasonBytes += reasonBytesOf(added);
        limitedFrames += isLimited(added) ? 1 : 0;
        frames.addLast(added);
    }

    void pong(long opaque) {
        isPongDue = true;
        pongOpaque = opaque;
    }

    void tunnelWindowDue() {
        isTunnelWindowDue = true;
    }

    void windowDue(TunnelStream stream) {
        if (!stream.receiving.isWindowDue) {
            stream.receiving.isWindowDue = true;
            windowsDue.addLast(stream);
        }
    }

    /** The next frame, or null if nothing waits. */
    @Nullable
    Frame next() {
        Frame frame = nextAdded();
        if (frame != null) {
            return frame;
        }
        if (isPongDue) {
            isPongDue = false;
            return new Frame.Ping(pongOpaque, true);
        }
        if (isTunnelWindowDue) {
            isTunnelWindowDue = false;
            return windows.of(0, tunnel.tuner.takeTunnelGrant(tunnel.receiveWindow));
        }
        return windowsDue.isEmpty() ? null : nextWindow();
    }

    /** The next of the frames that were added, or null. */
    @Nullable
    Frame nextAdded() {
        Frame frame = frames.pollFirst();
        if (frame != null) {
            reasonBytes -= reasonBytesOf(frame);
            limitedFrames -= isLimited(frame) ? 1 : 0;
        }
        return frame;
    }

    private @Nullable Frame nextWindow() {
        for (TunnelStream stream = windowsDue.pollFirst(); stream != null; stream = windowsDue.pollFirst()) {
            if (!stream.receiving.isWindowDue) {
                endedWithWindowDue--;
                continue;
            }
            stream.receiving.isWindowDue = false;
            if (stream.state().canReceive()) {
                return windows.of(stream.id(), tunnel.tuner.takeStreamGrant(stream.receiving.window()));
            }
        }
        return null;
    }

    /** A stream has ended: it is owed nothing. */
    void forget(TunnelStream stream) {
        if (!stream.receiving.isWindowDue) {
            return;
        }
        stream.receiving.isWindowDue = false;
        endedWithWindowDue++;
        if (2 * endedWithWindowDue > windowsDue.size()) {
            dropEnded();
        }
    }

    /** Looks at no more than twice as many as have ended since the last time, so an end costs the same however many wait. */
    private void dropEnded() {
        for (int left = windowsDue.size(); left > 0; left--) {
            TunnelStream stream = windowsDue.pollFirst();
            if (stream != null && stream.receiving.isWindowDue) {
                windowsDue.addLast(stream);
            }
        }
        endedWithWindowDue = 0;
    }

    private boolean isLimited(Frame frame) {
        return !(frame instanceof Frame.Cancel cancel && tunnel.streams().isLocal(cancel.streamId()));
    }

    private static int reasonBytesOf(Frame frame) {
        // Characters, which is what a reason costs as long as it waits.
        return frame instanceof Frame.Cancel cancel ? cancel.reason().length() : 0;
    }
}
