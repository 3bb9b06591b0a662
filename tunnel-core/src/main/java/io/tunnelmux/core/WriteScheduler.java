package io.tunnelmux.core;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is to be written. At the end of a loop turn in which something was queued, and whenever the transport takes more again, frames go out
 * until the transport has enough or nothing is left, then one flush. In this order:
 *
 * <ol>
 *   <li>control: HELLO, GOAWAY, CANCEL, PING; the answer to the last PING; WINDOW of the tunnel, then of streams. None of it needs credit. What can
 *       repeat is state, not a queue: one answer, one WINDOW per stream, whatever has gathered when its turn comes.
 *   <li>messages on the tunnel itself.
 *   <li>OPEN, in the order of ids. A long one goes out in pieces with no other OPEN between.
 *   <li>streams with something to send and credit for it, by deficit round robin (Shreedhar and Varghese, SIGCOMM 1995): a turn is worth 16 KiB;
 *       what a frame takes beyond it is paid back in the next turn. A stream alone sends frames as long as the peer accepts.
 * </ol>
 *
 * A stream without credit waits in no ring, and one that the tunnel's credit holds up waits in one of its own: neither is looked at again before
 * credit comes.
 */
final class WriteScheduler {

    static final int QUANTUM_BYTES = 16 * 1024;
    static final int MAX_CONTROL_FRAMES = 1_000;
    /** What messages on the tunnel itself may hold while they wait; a single one may be longer. */
    static final int MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
    /** What a frame costs its stream beyond its payload, so that small frames are not for free. */
    private static final int FRAME_COST_BYTES = 32;

    private final Tunnel tunnel;
    private final Transport transport;
    private final Runnable drain = this::drain;
    private final ArrayDeque<Frame> control = new ArrayDeque<>();
    private final StreamQueue messages = new StreamQueue();
    private final ArrayDeque<TunnelStream> windowsDue = new ArrayDeque<>();
    private final StreamRing opening = new StreamRing();
    private final StreamRing ready = new StreamRing();
    private final StreamRing withoutTunnelCredit = new StreamRing();
    private final ReceiveWindow tunnelReceiveWindow;
    private SendWindow tunnelSendWindow = new SendWindow(0);
    private int maxFrameBytes = QUANTUM_BYTES;
    private int messageBytes;
    private boolean isDrainDue;
    private boolean isDraining;
    private boolean isFlushDue;
    private boolean isTunnelWindowDue;
    private boolean isPongDue;
    private long pongOpaque;
    private long turnNanos;

    WriteScheduler(Tunnel tunnel, Transport transport, ReceiveWindow tunnelReceiveWindow) {
        this.tunnel = tunnel;
        this.transport = transport;
        this.tunnelReceiveWindow = tunnelReceiveWindow;
    }

    /** What the peer's HELLO allows is in force from here on. */
    void onHandshakeDone(int peerMaxFrameBytes, int peerTunnelWindowBytes) {
        maxFrameBytes = peerMaxFrameBytes;
        tunnelSendWindow = new SendWindow(peerTunnelWindowBytes);
    }

    void control(Frame frame) {
        // Many in one turn are no reason to give up, as long as the transport takes them.
        while (control.size() >= MAX_CONTROL_FRAMES && !isDraining && transport.isWritable()) {
            transport.write(control.removeFirst());
            isFlushDue = true;
        }
        if (control.size() >= MAX_CONTROL_FRAMES) {
            tunnel.end(Outcome.local(ErrorCode.OVERLOADED, control.size() + " control frames wait"), false);
            return;
        }
        control.addLast(frame);
        wake();
    }

    /** A message on the tunnel itself waits, behind earlier ones. */
    void message(Payload encoded) {
        if (messageBytes > 0 && encoded.length() > MAX_MESSAGE_BYTES - messageBytes) {
            tunnel.end(Outcome.local(ErrorCode.OVERLOADED, messageBytes + " bytes of messages wait"), false);
            return;
        }
        messageBytes += encoded.length();
        messages.add(new Frame.Message(0, encoded, 0));
        wake();
    }

    /** Whether all has gone out that belongs to no stream and is not to be lost. */
    boolean hasSentControl() {
        return control.isEmpty() && messages.isEmpty();
    }

    void pong(long opaque) {
        isPongDue = true;
        pongOpaque = opaque;
        wake();
    }

    void tunnelWindowDue() {
        isTunnelWindowDue = true;
        wake();
    }

    void windowDue(TunnelStream stream) {
        if (!stream.isWindowDue) {
            stream.isWindowDue = true;
            windowsDue.addLast(stream);
            wake();
        }
    }

    /** A stream's OPEN, and perhaps more, waits in its queue. */
    void opening(TunnelStream stream) {
        opening.addLast(stream);
        wake();
    }

    /** A stream has queued something, or has more credit. */
    void ready(TunnelStream stream) {
        if (stream.ring == null && stream.mayBeReady()) {
            stream.deficitBytes = QUANTUM_BYTES;
            ready.addLast(stream);
            wake();
        }
    }

    /** @return false if the tunnel's credit would pass 2^31-1 */
    boolean onTunnelCredit(int increment) {
        if (!tunnelSendWindow.onGranted(increment)) {
            return false;
        }
        if (!withoutTunnelCredit.isEmpty()) {
            withoutTunnelCredit.moveAllTo(ready);
            wake();
        }
        return true;
    }

    /** A stream has ended. */
    void forget(TunnelStream stream) {
        if (stream.ring != null) {
            stream.ring.remove(stream);
        }
        if (stream.isWindowDue) {
            stream.isWindowDue = false;
            windowsDue.remove(stream);
        }
    }

    /** Writes before the end of the turn, as far as the transport takes it. */
    void drainNow() {
        drain();
    }

    /** The time of this turn: read once, however much is queued before frames go out. */
    long nowNanos() {
        if (!isDrainDue) {
            turnNanos = tunnel.loop().nanoTime();
        }
        return turnNanos;
    }

    /** Whether this stream could send if the peer took more on the tunnel. */
    boolean isWithoutTunnelCredit(TunnelStream stream) {
        return stream.ring == withoutTunnelCredit;
    }

    void wake() {
        if (!isDrainDue) {
            turnNanos = nowNanos();
            isDrainDue = true;
            tunnel.loop().execute(drain);
        }
    }

    private void drain() {
        isDrainDue = false;
        isDraining = true;
        boolean wrote = isFlushDue;
        isFlushDue = false;
        while (transport.isWritable()) {
            Frame frame = nextControl();
            if (frame == null) {
                frame = nextOpen();
            }
            if (frame == null) {
                frame = nextOfReady();
            }
            if (frame == null) {
                break;
            }
            transport.write(frame);
            wrote = true;
        }
        isDraining = false;
        if (wrote) {
            transport.flush();
        }
        tunnel.onDrained();
    }

    private @Nullable Frame nextControl() {
        Frame frame = control.pollFirst();
        if (frame != null) {
            return frame;
        }
        if (isPongDue) {
            isPongDue = false;
            return new Frame.Ping(pongOpaque, true);
        }
        if (isTunnelWindowDue) {
            isTunnelWindowDue = false;
            return new Frame.Window(0, tunnelReceiveWindow.takeGrant());
        }
        TunnelStream stream = windowsDue.pollFirst();
        if (stream != null) {
            stream.isWindowDue = false;
            return new Frame.Window(stream.id(), stream.takeGrant());
        }
        if (!messages.isEmpty()) {
            Frame.Message piece = (Frame.Message) messages.take(maxFrameBytes);
            messageBytes -= piece.payload().length();
            return piece;
        }
        return null;
    }

    private @Nullable Frame nextOpen() {
        TunnelStream stream = opening.first();
        if (stream == null) {
            return null;
        }
        Frame.Open piece = (Frame.Open) stream.queue.take(maxFrameBytes);
        stream.onOpenSent();
        if (!piece.hasMore()) {
            opening.remove(stream);
            onFrameTaken(stream, piece.isEnd(), false);
            ready(stream);
        }
        return piece;
    }

    private @Nullable Frame nextOfReady() {
        for (TunnelStream stream = ready.first(); stream != null; stream = ready.first()) {
            Frame frame = nextOf(stream);
            if (frame != null) {
                return frame;
            }
        }
        return null;
    }

    /** The next frame of the first stream in the ring, or null if its turn is over or it has left the ring for want of credit. */
    private @Nullable Frame nextOf(TunnelStream stream) {
        if (stream.deficitBytes <= 0) {
            stream.deficitBytes += QUANTUM_BYTES;
            ready.moveToLast(stream);
            return null;
        }
        int limitBytes = ready.hasOthers() ? Math.min(maxFrameBytes, QUANTUM_BYTES) : maxFrameBytes;
        Frame head = stream.queue.peek();
        if (head instanceof Frame.Data data && data.payload().length() > 0) {
            int creditBytes = Math.min(stream.sendCreditBytes(), tunnelSendWindow.availableBytes());
            if (creditBytes == 0) {
                ready.remove(stream);
                if (stream.sendCreditBytes() > 0) {
                    withoutTunnelCredit.addLast(stream);
                }
                return null;
            }
            limitBytes = Math.min(limitBytes, creditBytes);
        }
        Frame frame = stream.queue.take(limitBytes);
        int costBytes = FRAME_COST_BYTES;
        boolean isEnd = false;
        boolean isClose = false;
        if (frame instanceof Frame.Data data) {
            int length = data.payload().length();
            costBytes += length;
            isEnd = data.isEnd();
            tunnelSendWindow.onSent(length);
            stream.onDataSent(length);
        } else if (frame instanceof Frame.Message message) {
            costBytes += message.payload().length();
            isEnd = message.isEnd() && !message.hasMore();
        } else {
            isClose = true;
        }
        stream.deficitBytes -= costBytes;
        if (!stream.mayBeReady()) {
            ready.remove(stream);
        }
        onFrameTaken(stream, isEnd, isClose);
        return frame;
    }

    private void onFrameTaken(TunnelStream stream, boolean isEnd, boolean isClose) {
        stream.trace.onSendingMoved(turnNanos);
        if (isClose) {
            stream.onCloseSent();
        } else if (isEnd) {
            stream.onEndSent();
        }
        stream.tellWritable();
    }
}
