package io.tunnelmux.core;

import io.tunnelmux.core.StreamReport.Wait;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import org.jspecify.annotations.Nullable;

/**
 * This side's half of a stream: what waits to be sent on it, how much of that the peer's credit allows, and whether the half has ended. The
 * {@link WriteScheduler} keeps it in its rings and takes frames out of it. On the loop.
 */
final class SendHalf {

    /** From so many bytes waiting on, {@link #isWritable()} is false. */
    static final int HIGH_WATER_BYTES = 128 * 1024;
    /** Down to so many bytes, it becomes true again. */
    static final int LOW_WATER_BYTES = 64 * 1024;

    final TunnelStream stream;
    final StreamQueue queue = new StreamQueue();

    // The scheduler's.
    @Nullable
    StreamRing ring;

    @Nullable
    SendHalf previous;

    @Nullable
    SendHalf next;

    Priority priority = Priority.NORMAL;
    int deficitBytes;

    private static final SendWindow NO_CREDIT = new SendWindow(0);

    private SendWindow window = NO_CREDIT;
    private boolean isOpenSent;
    private boolean isEndQueued;
    private boolean isCloseQueued;
    private boolean owesWritable;
    private @Nullable Outcome closing;
    private long sentBytes;
    private @Nullable Mark mark;

    /** To be told of when so much has gone out. */
    private record Mark(long atBytes, Runnable action) {}

    SendHalf(TunnelStream stream) {
        this.stream = stream;
    }

    /** A stream of this side begins, with its OPEN queued first. */
    void begin(int id, int firstCreditBytes, Payload request, boolean isEnd) {
        window = new SendWindow(firstCreditBytes);
        isEndQueued = isEnd;
        queue.add(new Frame.Open(id, request, isEnd ? Frame.FLAG_END : 0), nowNanos());
        scheduler().opening(this);
    }

    /** A stream of the peer begins. */
    void begin(int firstCreditBytes) {
        window = new SendWindow(firstCreditBytes);
        isOpenSent = true;
    }

    boolean isWritable() {
        return queue.bytes() < HIGH_WATER_BYTES;
    }

    /** See {@link TunnelStream#write} and {@link TunnelStream#writeLast}. */
    void write(Payload payload, boolean isEnd) {
        if (!takes(payload, true)) {
            return;
        }
        if (payload.length() == 0 && !isEnd) {
            payload.release();
            return;
        }
        isEndQueued = isEnd;
        hold(payload);
        enqueue(new Frame.Data(stream.id(), payload, isEnd ? Frame.FLAG_END : 0));
        owesWritable |= !isWritable();
    }

    /** See {@link TunnelStream#writeUnit}. */
    void writeUnit(Payload payload, boolean isText, boolean hasMore) {
        if (!takes(payload, false)) {
            return;
        }
        hold(payload);
        queue.addUnit(stream.id(), payload, isText, hasMore, nowNanos());
        scheduler().ready(this);
        owesWritable |= !isWritable();
    }

    /** See {@link TunnelStream#send}. */
    void send(Message message, boolean isEnd) {
        if (stream.isGone()) {
            return;
        }
        requireCanSend(isEnd);
        Payload encoded = stream.tunnel().encode(message);
        if (encoded.length() > stream.tunnel().peerMaxMessageBytes()) {
            stream.cancelInLoop(
                    ErrorCode.FRAME_TOO_LARGE.value(),
                    message.type() + " of " + encoded.length() + " bytes, the peer takes "
                            + stream.tunnel().peerMaxMessageBytes());
            return;
        }
        isEndQueued = isEnd;
        enqueue(new Frame.Message(stream.id(), encoded, isEnd ? Frame.FLAG_END : 0));
        owesWritable |= !isWritable();
    }

    /** See {@link TunnelStream#end}. */
    void end() {
        if (stream.isGone() || isEndQueued || isCloseQueued) {
            return;
        }
        requireCanSend(true);
        isEndQueued = true;
        queue.addEnd(stream.id(), nowNanos());
        scheduler().ready(this);
    }

    /** See {@link TunnelStream#close(int, String)}. */
    void close(int code, String reason) {
        if (stream.isGone() || isCloseQueued) {
            return;
        }
        isCloseQueued = true;
        closing = Outcome.local(code, reason);
        enqueue(new Frame.Close(stream.id(), code, reason));
    }

    /** See {@link TunnelStream#whenSent}. */
    void whenSent(Runnable action) {
        if (stream.isGone()) {
            return;
        }
        mark = new Mark(sentBytes + queue.payloadBytes(), action);
        tellSent();
    }

    /** Tells whoever waits for it that what was marked has gone out. */
    void tellSent() {
        Mark due = mark;
        if (due != null && sentBytes >= due.atBytes && !stream.isFinished()) {
            mark = null;
            stream.tellSent(due.action);
        }
    }

    private void hold(Payload payload) {
        stream.tunnel().memory.onAdded(stream, payload.length(), nowNanos());
    }

    private void enqueue(Frame frame) {
        queue.add(frame, nowNanos());
        scheduler().ready(this);
    }

    private WriteScheduler scheduler() {
        return stream.tunnel().scheduler();
    }

    private long nowNanos() {
        return scheduler().nowNanos();
    }

    /** Whether a payload can still be sent; if not, it is freed. */
    private boolean takes(Payload payload, boolean isBetweenUnits) {
        boolean isGone = stream.isGone();
        if (isGone || cannotSend(isBetweenUnits)) {
            payload.release();
        }
        if (!isGone) {
            requireCanSend(isBetweenUnits);
        }
        return !isGone;
    }

    /** Whether this side has ended, or is within a unit and wants to send what is none of its parts. */
    private boolean cannotSend(boolean isBetweenUnits) {
        return isEndQueued || isCloseQueued || isBetweenUnits && queue.isInUnit();
    }

    private void requireCanSend(boolean isBetweenUnits) {
        if (cannotSend(isBetweenUnits)) {
            throw new IllegalStateException(
                    stream + (isEndQueued || isCloseQueued ? " was ended by this side" : " is within a unit"));
        }
    }

    // From here on: the scheduler's and the stream's.

    /** Whether CLOSE waits: it has told the peer, or is about to, that it wants nothing more. */
    boolean isCloseQueued() {
        return isCloseQueued;
    }

    /** Whether the peer knows of the stream, or is about to: part of its OPEN has gone to the transport. */
    boolean isOpenSent() {
        return isOpenSent;
    }

    int creditBytes() {
        return window.availableBytes();
    }

    /** What it waits for now. */
    Wait waitsFor() {
        if (queue.isEmpty()) {
            return Wait.NOTHING;
        }
        if (ring == null) {
            return Wait.PEER_CREDIT;
        }
        return scheduler().isWithoutTunnelCredit(this) ? Wait.TUNNEL_CREDIT : Wait.TRANSPORT;
    }

    /** How long it has waited for that; negative if for nothing. */
    long waitedNanos(long nowNanos) {
        return queue.isEmpty() ? -1 : Math.max(0, nowNanos - queue.waitingSinceNanos());
    }

    /** Bytes of DATA that have gone out. */
    long sentBytes() {
        return sentBytes;
    }

    /** Whether the next frame in the queue could go, as far as this stream is concerned. */
    boolean mayBeReady() {
        return !queue.isEmpty() && (window.availableBytes() > 0 || !queue.needsCredit());
    }

    /** @return false if the credit would pass 2^31-1 */
    boolean onCredit(int increment) {
        if (!window.onGranted(increment)) {
            return false;
        }
        scheduler().ready(this);
        return true;
    }

    void onOpenSent() {
        isOpenSent = true;
    }

    /** DATA has gone to the transport, perhaps of no bytes. */
    void onDataSent(int bytes, long nowNanos) {
        window.onSent(bytes);
        sentBytes += bytes;
        stream.tunnel().memory.onRemoved(stream, bytes, nowNanos);
    }

    /** CLOSE has gone to the transport. */
    void onCloseSent() {
        if (closing != null) {
            stream.finish(closing);
        }
    }

    /** Tells the handler, if it waits for it, that there is room again. */
    void tellWritable() {
        if (owesWritable && !stream.isFinished() && queue.bytes() <= LOW_WATER_BYTES) {
            owesWritable = false;
            if (!isEndQueued && !isCloseQueued) {
                stream.tellWritable();
            }
        }
    }
}
