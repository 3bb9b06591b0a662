package io.tunnelmux.core;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is to be written. At the end of a loop turn in which something was queued, and whenever the transport takes more again, frames go out
 * until the transport has enough or nothing is left, then one flush. First the {@link ControlQueue}, whatever else waits. Then, in this order, each until
 * it has had its share of a round (see {@link Share}) or has nothing to send:
 *
 * <pre>
 *   lane            share     what
 *   messages           4      on the tunnel itself
 *   opens              4      in the order of ids; a long one in pieces with no other OPEN between
 *   interactive       16      streams that are INTERACTIVE, and NORMAL ones that have sent little lately
 *   normal             4      the other NORMAL ones
 *   bulk               1      streams that are BULK
 * </pre>
 *
 * A share is worth 16 KiB. So what is urgent waits for one frame, and what is not is never starved: where all lanes are full, bulk gets 16 KiB of 464.
 *
 * <p>Within a lane it is deficit round robin by bytes (Shreedhar and Varghese, SIGCOMM 1995): a turn is worth 16 KiB; what a frame takes beyond it is paid
 * back in the next turn. Frames are at most 16 KiB while anything urgent has something to send, and else as long as what the transport has lately taken in a
 * millisecond, if that is more: whoever comes waits for little, on slow lines and on fast ones, where long frames cost less for each byte. In the same measure, up to
 * 192 KiB, frames go out together though the transport says that it has enough.
 *
 * <p>What a frame costs does not depend on how many streams there are. A stream without credit waits in no ring, and one that the tunnel's credit holds up
 * waits in one of its own: neither is looked at again before credit comes.
 */
final class WriteScheduler {

    static final int QUANTUM_BYTES = 16 * 1024;
    /** What messages on the tunnel itself may hold while they wait; a single one may be longer. */
    static final int MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
    /** What a frame costs its stream beyond its payload, so that small frames are not for free. */
    private static final int FRAME_COST_BYTES = 32;

    /** What goes out in one flush even if the transport has enough before, where that takes it less than a millisecond. */
    private static final int MAX_BURST_BYTES = 192 * 1024;

    private static final long MILLISECOND_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Tunnel tunnel;
    private final Transport transport;
    private final Runnable drain = this::drain;
    private final ControlQueue control;
    private final StreamQueue messages = new StreamQueue();
    private final Share messageShare = new Share(4);
    private final StreamRing opening = new StreamRing();
    private final Share openShare = new Share(4);
    private final StreamLane interactive = new StreamLane(16);
    private final StreamLane normal = new StreamLane(4);
    private final StreamLane bulk = new StreamLane(1);
    private SendWindow tunnelSendWindow = new SendWindow(0);
    private int maxFrameBytes = QUANTUM_BYTES;
    private int messageBytes;
    private long sentBytes;
    private long turnNanos;
    /** What the transport has taken in a millisecond, when that was last measured. */
    private int bytesOfAMillisecond;

    private long measuredNanos;
    private long measuredBytes;

    private boolean isDrainDue;
    private boolean isDraining;
    private boolean isFlushDue;

    WriteScheduler(Tunnel tunnel, Transport transport) {
        this.tunnel = tunnel;
        this.transport = transport;
        control = new ControlQueue(tunnel);
    }

    /** What the peer's HELLO allows is in force from here on. */
    void onHandshakeDone(int peerMaxFrameBytes, int peerTunnelWindowBytes) {
        maxFrameBytes = peerMaxFrameBytes;
        tunnelSendWindow = new SendWindow(peerTunnelWindowBytes);
        measuredNanos = nowNanos();
    }

    void control(Frame frame) {
        // Many in one turn are no reason to give up, as long as the transport takes them.
        while (control.isFull() && !isDraining && transport.isWritable()) {
            Frame first = control.nextAdded();
            if (first != null) {
                transport.write(first);
                isFlushDue = true;
            }
        }
        if (control.isFull()) {
            tunnel.end(Outcome.local(ErrorCode.OVERLOADED, ControlQueue.MAX_FRAMES + " control frames wait"), false);
            return;
        }
        control.add(frame);
        wake();
    }

    /** A message on the tunnel itself waits, behind earlier ones. */
    void message(Payload encoded) {
        if (messageBytes > 0 && encoded.length() > MAX_MESSAGE_BYTES - messageBytes) {
            tunnel.end(Outcome.local(ErrorCode.OVERLOADED, messageBytes + " bytes of messages wait"), false);
            return;
        }
        messageBytes += encoded.length();
        messages.add(new Frame.Message(0, encoded, 0), nowNanos());
        wake();
    }

    /** Whether all has gone out that belongs to no stream and is not to be lost. */
    boolean hasSentControl() {
        return control.isEmpty() && messages.isEmpty();
    }

    /** Bytes of DATA that have gone out, on whatever stream. */
    long sentBytes() {
        return sentBytes;
    }

    void pong(long opaque) {
        control.pong(opaque);
        wake();
    }

    /** @param isUrgent whether it goes alone if nothing else does */
    void tunnelWindowDue(boolean isUrgent) {
        control.tunnelWindowDue();
        if (isUrgent) {
            wake();
        }
    }

    /** @param isUrgent whether it goes alone if nothing else does */
    void windowDue(TunnelStream stream, boolean isUrgent) {
        control.windowDue(stream);
        if (isUrgent) {
            wake();
        }
    }

    /** A stream's OPEN, and perhaps more, waits in its queue. */
    void opening(SendHalf half) {
        opening.addLast(half);
        wake();
    }

    /** A stream has queued something, or has more credit. */
    void ready(SendHalf half) {
        if (half.ring == null && half.mayBeReady()) {
            wake();
            half.deficitBytes = QUANTUM_BYTES;
            laneOf(half).ready.addLast(half);
        }
    }

    void prioritise(SendHalf half, Priority priority) {
        half.priority = priority;
        StreamRing ring = half.ring;
        StreamLane lane = laneOf(half);
        if (ring != null && ring != opening && !lane.has(ring)) {
            ring.moveToLast(half, lane.ready);
        }
    }

    private StreamLane laneOf(SendHalf half) {
        return switch (half.priority) {
            case INTERACTIVE -> interactive;
            case NORMAL -> half.queue.isSparse() ? interactive : normal;
            case BULK -> bulk;
        };
    }

    /** @return false if the tunnel's credit would pass 2^31-1 */
    boolean onTunnelCredit(int increment) {
        if (!tunnelSendWindow.onGranted(increment)) {
            return false;
        }
        if (readyStreams() > 0) {
            wake();
        }
        return true;
    }

    /** A stream has ended. */
    void forget(TunnelStream stream) {
        SendHalf half = stream.sending;
        if (half.ring != null) {
            half.ring.remove(half);
        }
        control.forget(stream);
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
    boolean isWithoutTunnelCredit(SendHalf half) {
        StreamRing ring = half.ring;
        return ring != null
                && (ring == interactive.withoutTunnelCredit
                        || ring == normal.withoutTunnelCredit
                        || ring == bulk.withoutTunnelCredit);
    }

    void wake() {
        if (!isDrainDue) {
            nowNanos();
            isDrainDue = true;
            tunnel.loop().execute(drain);
        }
    }

    private void drain() {
        turnNanos = nowNanos();
        isDrainDue = false;
        isDraining = true;
        measureRate();
        boolean wrote = isFlushDue;
        isFlushDue = false;
        int burstBytes = transport.isWritable() ? Math.min(bytesOfAMillisecond, MAX_BURST_BYTES) : 0;
        while (transport.isWritable() || burstBytes > 0) {
            Frame frame = next();
            if (frame == null) {
                break;
            }
            burstBytes -= costOf(frame);
            transport.write(frame);
            wrote = true;
        }
        isDraining = false;
        if (wrote) {
            transport.flush();
        }
        tunnel.onDrained();
    }

    private static int costOf(Frame frame) {
        int payloadBytes = 0;
        if (frame instanceof Frame.Data data) {
            payloadBytes = data.payload().length();
        } else if (frame instanceof Frame.Open open) {
            payloadBytes = open.payload().length();
        } else if (frame instanceof Frame.Message message) {
            payloadBytes = message.payload().length();
        }
        return FRAME_COST_BYTES + payloadBytes;
    }

    private @Nullable Frame next() {
        Frame frame = control.next();
        if (frame == null) {
            frame = nextWithinShares();
        }
        while (frame == null && hasWork()) {
            // Who has something to send has had its share, and who has some of it left has nothing to send.
            renewShares();
            frame = nextWithinShares();
        }
        return frame;
    }

    private boolean hasWork() {
        boolean hasCredit = hasTunnelCredit();
        return !messages.isEmpty()
                || !opening.isEmpty()
                || !interactive.turn(hasCredit).isEmpty()
                || !normal.turn(hasCredit).isEmpty()
                || !bulk.turn(hasCredit).isEmpty();
    }

    private @Nullable Frame nextWithinShares() {
        if (messageShare.isLeft() && !messages.isEmpty()) {
            return nextMessage();
        }
        SendHalf first = opening.first();
        if (openShare.isLeft() && first != null) {
            return nextOpen(first);
        }
        Frame frame = nextOf(interactive);
        if (frame == null) {
            frame = nextOf(normal);
        }
        return frame == null ? nextOf(bulk) : frame;
    }

    private void renewShares() {
        messageShare.renew();
        openShare.renew();
        interactive.share.renew();
        normal.share.renew();
        bulk.share.renew();
    }

    private Frame nextMessage() {
        Frame.Message piece = (Frame.Message) messages.take(pieceBytes());
        messageBytes -= piece.payload().length();
        messageShare.use(costOf(piece));
        return piece;
    }

    private Frame nextOpen(SendHalf half) {
        Frame.Open piece = (Frame.Open) half.queue.take(pieceBytes());
        openShare.use(costOf(piece));
        half.queue.onSent(0, turnNanos);
        half.onOpenSent();
        if (!piece.hasMore()) {
            opening.remove(half);
            onFrameTaken(half, piece.isEnd(), false);
            ready(half);
        }
        return piece;
    }

    /** The next frame of a lane, or null if nothing in it can go or its share is used up. */
    private @Nullable Frame nextOf(StreamLane lane) {
        while (lane.share.isLeft()) {
            SendHalf half = lane.turn(hasTunnelCredit()).first();
            if (half == null) {
                return null;
            }
            if (half.deficitBytes <= 0) {
                half.deficitBytes += QUANTUM_BYTES;
                move(half, lane.ready);
            } else if (half.queue.needsCredit() && !hasTunnelCredit()) {
                move(half, lane.withoutTunnelCredit);
            } else {
                return nextOf(half, lane);
            }
        }
        return null;
    }

    private Frame nextOf(SendHalf half, StreamLane lane) {
        int limitBytes = pieceBytes();
        if (half.queue.needsCredit()) {
            int creditBytes = Math.min(half.creditBytes(), tunnelSendWindow.availableBytes());
            limitBytes = Math.min(limitBytes, creditBytes);
        }
        Frame frame = half.queue.take(limitBytes);
        int payloadBytes = 0;
        boolean isEnd = false;
        boolean isClose = false;
        if (frame instanceof Frame.Data data) {
            payloadBytes = data.payload().length();
            isEnd = data.isEnd();
            tunnelSendWindow.onSent(payloadBytes);
            sentBytes += payloadBytes;
            half.onDataSent(payloadBytes, turnNanos);
        } else if (frame instanceof Frame.Message message) {
            payloadBytes = message.payload().length();
            isEnd = message.isEnd() && !message.hasMore();
        } else {
            isClose = true;
        }
        half.queue.onSent(payloadBytes, turnNanos);
        int cost = costOf(frame);
        half.deficitBytes -= cost;
        lane.share.use(cost);
        if (!half.mayBeReady()) {
            move(half, null);
        } else if (lane == interactive && laneOf(half) != lane) {
            move(half, laneOf(half).ready);
        } else if (half.ring == lane.withoutTunnelCredit && !half.queue.needsCredit()) {
            move(half, lane.ready);
        }
        onFrameTaken(half, isEnd, isClose);
        return frame;
    }

    /** How long the next frame may be. */
    private int pieceBytes() {
        boolean isUrgent = interactive.size() > 0 || !opening.isEmpty() || !messages.isEmpty();
        return Math.min(maxFrameBytes, isUrgent ? QUANTUM_BYTES : Math.max(QUANTUM_BYTES, bytesOfAMillisecond));
    }

    private void measureRate() {
        long sinceNanos = turnNanos - measuredNanos;
        if (sinceNanos >= MILLISECOND_NANOS) {
            long bytes = (sentBytes - measuredBytes) * MILLISECOND_NANOS / sinceNanos;
            bytesOfAMillisecond = (int) Math.min(bytes, Integer.MAX_VALUE);
            measuredNanos = turnNanos;
            measuredBytes = sentBytes;
        }
    }

    private int readyStreams() {
        return interactive.size() + normal.size() + bulk.size();
    }

    private boolean hasTunnelCredit() {
        return tunnelSendWindow.availableBytes() > 0;
    }

    private static void move(SendHalf half, @Nullable StreamRing target) {
        if (half.ring != null) {
            half.ring.remove(half);
        }
        if (target != null) {
            target.addLast(half);
        }
    }

    private void onFrameTaken(SendHalf half, boolean isEnd, boolean isClose) {
        if (isClose) {
            half.onCloseSent();
        } else if (isEnd) {
            half.stream.onEndSent();
        }
        half.tellSent();
        half.tellWritable();
    }
}
