package io.tunnelmux.core;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import org.jspecify.annotations.Nullable;

/**
 * One of the streams of a {@link Tunnel}: two halves, one in each direction, that end on their own. What is sent on it arrives in the order of the
 * calls; how much may be under way is set by the peer's credit, and the rest waits here.
 *
 * <p>Any thread may call the methods that act; from the tunnel's loop they act at once, from elsewhere they hop onto it, in order. What they would throw
 * there costs the stream ({@code INTERNAL_ERROR}) if they were called elsewhere. Once the stream has ended, whoever ended it, they do nothing but free what they
 * were given.
 */
public final class TunnelStream {

    private static final String HANDLER_FAILED = "the stream's handler failed";

    final SendHalf sending;
    final ReceiveHalf receiving = new ReceiveHalf();

    // The links of TunnelMemory's list of streams that hold something.
    @Nullable
    TunnelStream stalledLonger;

    @Nullable
    TunnelStream stalledShorter;

    boolean isHolding;
    /** What it has got rid of since {@link #stalledSinceNanos}. */
    int movedBytes;

    long stalledSinceNanos;

    private final Tunnel tunnel;
    private StreamHandler handler;
    private int id;
    private StreamState state = StreamState.OPEN;
    private @Nullable Outcome outcome;

    TunnelStream(Tunnel tunnel, StreamHandler handler) {
        this.tunnel = tunnel;
        this.handler = handler;
        sending = new SendHalf(this);
    }

    /** The tunnel that carries it. */
    public Tunnel tunnel() {
        return tunnel;
    }

    /** Its number on the tunnel; 0 before it has one, as long as {@link Tunnel#open} from another thread has not reached the loop. */
    public int id() {
        return id;
    }

    /**
     * Whether less than 128 KiB wait to be sent. Where not, wait for {@link StreamHandler#onWritable}, which comes at 64 KiB; writing on is allowed, and
     * costs memory. Exact on the loop, elsewhere a hint.
     */
    public boolean isWritable() {
        return sending.isWritable();
    }

    /** How many bytes of DATA wait to be sent. Exact on the loop, elsewhere a hint. */
    public int waitingBytes() {
        return sending.queue.payloadBytes();
    }

    /**
     * Queues bytes behind what this stream already waits to send. Takes {@code payload}, also when it throws. An empty one is nothing.
     *
     * @throws IllegalStateException on the loop, if this side has ended the stream before
     */
    public void write(Payload payload) {
        if (actsNow()) {
            sending.write(payload, false);
        } else {
            actSoon(() -> sending.write(payload, false));
        }
    }

    /**
     * Queues a unit of a message-oriented stream (a WebSocket message, a datagram) behind what waits already, or a part of one. It arrives as DATA of which
     * all but the last bears MORE; where its parts were cut does not show. Takes {@code payload}, also when it throws. A unit may be empty. From the first
     * call on, what {@link #write} takes is a binary unit too.
     *
     * @param isText whether the unit is text and not binary; said with its first part
     * @param hasMore whether the unit goes on in the next call. Until it is whole, neither bytes nor the end may come, except by {@link #close} or
     *     {@link #cancel}
     * @throws IllegalStateException on the loop, if this side has ended the stream before
     */
    public void writeUnit(Payload payload, boolean isText, boolean hasMore) {
        if (actsNow()) {
            sending.writeUnit(payload, isText, hasMore);
        } else {
            actSoon(() -> sending.writeUnit(payload, isText, hasMore));
        }
    }

    /** As {@link #write}, and this side's half ends with these bytes. */
    public void writeLast(Payload payload) {
        act(() -> sending.write(payload, true));
    }

    /**
     * Queues a message behind what this stream already waits to send. Messages need no credit, but as long as one waits it counts for {@link #isWritable}.
     *
     * @param isEnd whether this side's half ends with it
     * @throws IllegalStateException on the loop, if this side has ended the stream before
     */
    public void send(Message message, boolean isEnd) {
        act(() -> sending.send(message, isEnd));
    }

    /**
     * Ends this side's half behind what was queued; the peer's half goes on. Further calls do nothing.
     *
     * @throws IllegalStateException on the loop, within a unit of {@link #writeUnit}
     */
    public void end() {
        act(sending::end);
    }

    /**
     * Ends the stream behind what was queued: this side sends nothing after it and wants nothing more. What still comes is dropped and credited.
     * Further calls do nothing.
     */
    public void close(ErrorCode code, String reason) {
        close(code.value(), reason);
    }

    /**
     * As {@link #close(ErrorCode, String)}, also with a code of the application's own.
     *
     * @param code unsigned: 256 and above, or that of an {@link ErrorCode}
     * @throws IllegalArgumentException if it is neither
     */
    public void close(int code, String reason) {
        Outcome.requireCode(code);
        act(() -> sending.close(code, reason));
    }

    /** Aborts the stream at once: what was queued is dropped on both sides. */
    public void cancel(ErrorCode code, String reason) {
        cancel(code.value(), reason);
    }

    /** As {@link #cancel(ErrorCode, String)}, with a code as in {@link #close(int, String)}. */
    public void cancel(int code, String reason) {
        Outcome.requireCode(code);
        act(() -> cancelInLoop(code, reason));
    }

    /**
     * Runs {@code action} once all bytes that were written so far have gone to the transport, which is at once if none wait; never if the stream ends before.
     * To measure how long that takes: there is one such action at a time, and another takes its place. It runs on the loop and must not block.
     */
    public void whenSent(Runnable action) {
        act(() -> sending.whenSent(action));
    }

    /**
     * Says that the consumer has taken {@code bytes} of what came: the peer may send as many more. Also allowed after the stream has ended, when it does
     * nothing.
     *
     * @throws IllegalArgumentException on the loop, if that is more than came
     */
    public void consumed(int bytes) {
        if (actsNow()) {
            consumedInLoop(bytes);
        } else {
            actSoon(() -> consumedInLoop(bytes));
        }
    }

    /** How urgent it is from here on, beside the other streams of the tunnel; {@link Priority#NORMAL} before. */
    public void priority(Priority newPriority) {
        act(() -> tunnel.scheduler().prioritise(sending, newPriority));
    }

    @Override
    public String toString() {
        return "stream " + Integer.toUnsignedString(id) + " of " + tunnel + " (" + state + ")";
    }

    /** Not before {@link Tunnel#open}, called elsewhere, has got here: what is done to a stream comes behind its opening. */
    private boolean actsNow() {
        return tunnel.loop().inLoop() && (id != 0 || isFinished());
    }

    /** For what is done seldom: it makes an object of each call. */
    private void act(Runnable action) {
        if (actsNow()) {
            action.run();
        } else {
            actSoon(action);
        }
    }

    /** Acts on the loop behind what was asked for before. A mistake of the caller's costs the stream: there is nobody left to throw at. */
    private void actSoon(Runnable action) {
        tunnel.loop().execute(() -> {
            try {
                action.run();
            } catch (RuntimeException e) {
                onCallFailed(e, "a call from outside of the loop failed");
            }
        });
    }

    void cancelInLoop(int code, String reason) {
        cancelInLoop(code, reason, reason);
    }

    private void cancelInLoop(int code, String toldPeer, String reason) {
        if (isGone()) {
            return;
        }
        if (sending.isOpenSent()) {
            tunnel.scheduler().control(new Frame.Cancel(id, code, toldPeer));
        }
        finish(Outcome.local(code, reason));
    }

    private void consumedInLoop(int bytes) {
        if (isGone()) {
            return;
        }
        ReceiveWindow.Due due = receiving.window().onTaken(bytes);
        if (receiving.keepsUp()) {
            receiving.waitsFrom(tunnel.loop().nanoTime());
        }
        tunnel.memory.onConsumed(this, bytes);
        if (due != ReceiveWindow.Due.NOT && state.canReceive()) {
            tunnel.scheduler().windowDue(this, due == ReceiveWindow.Due.NOW);
        }
    }

    // From here on: the tunnel's and the scheduler's, on the loop.

    /** A stream of this side begins, with its OPEN queued first. */
    void beginLocally(int newId, Message request, Payload encoded, boolean isEnd) {
        id = newId;
        receiving.begin(tunnel.settings().streamWindowBytes(), request);
        sending.begin(newId, tunnel.peer().settings().streamWindowBytes(), encoded, isEnd);
    }

    /** A stream of the peer begins. */
    void beginRemotely(int newId, Message request, boolean isEnd) {
        id = newId;
        receiving.begin(tunnel.settings().streamWindowBytes(), request);
        sending.begin(tunnel.peer().settings().streamWindowBytes());
        if (isEnd) {
            state = state.endedRemotely();
        }
    }

    /** From here on {@code newHandler} is told; also of the end, if the stream has ended while the handler was chosen. */
    void handleWith(StreamHandler newHandler) {
        handler = newHandler;
        if (outcome != null) {
            tellClosed(outcome);
        }
    }

    /** How it ended, or null. */
    @Nullable
    Outcome outcome() {
        return outcome;
    }

    boolean isFinished() {
        return outcome != null;
    }

    StreamState state() {
        return state;
    }

    StreamHandler handler() {
        return handler;
    }

    /** Whether it has ended, or never began because the tunnel could not take it. */
    boolean isGone() {
        return outcome != null || id == 0;
    }

    /** What is held for it: queued and not sent, and received and not consumed. */
    int heldBytes() {
        return sending.queue.payloadBytes() + receiving.window().heldBytes();
    }

    void onEndSent() {
        state = state.endedLocally();
        finishIfEnded();
    }

    /** There is room again for more to be sent. */
    void tellWritable() {
        callHandler(() -> handler.onWritable(this));
    }

    /** What was waited for has gone out. */
    void tellSent(Runnable action) {
        callHandler(action);
    }

    /** @return false if the peer had no credit for them */
    boolean onDataArrived(int bytes) {
        long nowNanos = tunnel.keepAlive.lastByteNanos();
        if (!receiving.onReceived(bytes, nowNanos)) {
            return false;
        }
        tunnel.memory.onAdded(this, bytes, nowNanos);
        return true;
    }

    /** Hands on what came. A last piece ends the peer's half. */
    void deliver(Frame.Data data) {
        boolean isEnd = data.isEnd();
        if (isEnd) {
            state = state.endedRemotely();
        }
        try {
            handler.onData(this, data);
        } catch (RuntimeException e) {
            onCallFailed(e, HANDLER_FAILED);
        }
        if (isEnd) {
            finishIfEnded();
        }
    }

    /** @param messageBytes its length on the wire */
    void deliver(Message message, int messageBytes, boolean isEnd) {
        receiving.messageBytes = messageBytes;
        if (isEnd) {
            state = state.endedRemotely();
        }
        callHandler(() -> handler.onMessage(this, message, isEnd));
        if (isEnd) {
            finishIfEnded();
        }
    }

    private void finishIfEnded() {
        if (state == StreamState.CLOSED) {
            finish(new Outcome(ErrorCode.NO_ERROR.value(), "", false, false));
        }
    }

    /** The one end of a stream, whatever led to it. */
    void finish(Outcome newOutcome) {
        if (outcome != null) {
            return;
        }
        outcome = newOutcome;
        tunnel.memory.forget(this);
        tunnel.forget(this);
        tunnel.tuner.forget(receiving.window());
        sending.queue.clear();
        tellClosed(newOutcome);
    }

    private void tellClosed(Outcome newOutcome) {
        try {
            handler.onClosed(this, newOutcome);
        } catch (RuntimeException e) {
            tunnel.onCallbackFailed(this, e);
        }
    }

    private void callHandler(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException e) {
            onCallFailed(e, HANDLER_FAILED);
        }
    }

    /** The peer is told less than this side: what a failure says is not for others. */
    private void onCallFailed(RuntimeException cause, String reason) {
        tunnel.onCallbackFailed(this, cause);
        cancelInLoop(ErrorCode.INTERNAL_ERROR.value(), reason, reason + ": " + cause.getMessage());
    }
}
