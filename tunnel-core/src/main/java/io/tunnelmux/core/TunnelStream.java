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
 * there costs the stream ({@code INTERNAL_ERROR}) if they were called elsewhere. Once the stream has ended by the peer's doing or the tunnel's, they do
 * nothing but free what they were given.
 */
public final class TunnelStream {

    /** From so many bytes waiting on, {@link #isWritable()} is false. */
    static final int HIGH_WATER_BYTES = 64 * 1024;
    /** Down to so many bytes, it becomes true again. */
    static final int LOW_WATER_BYTES = 32 * 1024;

    private static final String HANDLER_FAILED = "the stream's handler failed";

    final StreamQueue queue = new StreamQueue();
    final StreamTrace trace = new StreamTrace();

    @Nullable
    StreamRing ring;

    @Nullable
    TunnelStream previous;

    @Nullable
    TunnelStream next;

    /** Of the message that comes in pieces; the receiver's. */
    @Nullable
    MessageAssembler assembler;

    Priority priority = Priority.NORMAL;
    int deficitBytes;
    boolean isWindowDue;

    private final Tunnel tunnel;
    private final StreamHold hold = new StreamHold(this);
    private StreamHandler handler;
    private int id;
    private StreamState state = StreamState.OPEN;
    private SendWindow sendWindow = NO_CREDIT;
    private ReceiveWindow receiveWindow = NO_WINDOW;
    private boolean isOpenSent;
    private boolean isEndQueued;
    private boolean isCloseQueued;
    private boolean owesWritable;
    private @Nullable Outcome closing;
    private @Nullable Outcome outcome;

    private static final SendWindow NO_CREDIT = new SendWindow(0);
    private static final ReceiveWindow NO_WINDOW = new ReceiveWindow(0);

    TunnelStream(Tunnel tunnel, StreamHandler handler) {
        this.tunnel = tunnel;
        this.handler = handler;
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
     * Whether less than 64 KiB wait to be sent. Where not, wait for {@link StreamHandler#onWritable}, which comes at 32 KiB; writing on is allowed, and
     * costs memory. Exact on the loop, elsewhere a hint.
     */
    public boolean isWritable() {
        return queue.bytes() < HIGH_WATER_BYTES;
    }

    /**
     * Queues bytes behind what this stream already waits to send. Takes {@code payload}, also when it throws. An empty one is nothing.
     *
     * @throws IllegalStateException on the loop, if this side has ended the stream before
     */
    public void write(Payload payload) {
        if (actsNow()) {
            writeInLoop(payload, false);
        } else {
            actSoon(() -> writeInLoop(payload, false));
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
            writeUnitInLoop(payload, isText, hasMore);
        } else {
            actSoon(() -> writeUnitInLoop(payload, isText, hasMore));
        }
    }

    /** As {@link #write}, and this side's half ends with these bytes. */
    public void writeLast(Payload payload) {
        act(() -> writeInLoop(payload, true));
    }

    /**
     * Queues a message behind what this stream already waits to send. Messages need no credit.
     *
     * @param isEnd whether this side's half ends with it
     * @throws IllegalStateException on the loop, if this side has ended the stream before
     */
    public void send(Message message, boolean isEnd) {
        act(() -> sendInLoop(message, isEnd));
    }

    /**
     * Ends this side's half behind what was queued; the peer's half goes on. Further calls do nothing.
     *
     * @throws IllegalStateException on the loop, within a unit of {@link #writeUnit}
     */
    public void end() {
        act(this::endInLoop);
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
        act(() -> closeInLoop(code, reason));
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
        act(() -> tunnel.scheduler().prioritise(this, newPriority));
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

    private void writeInLoop(Payload payload, boolean isEnd) {
        if (!takes(payload, true)) {
            return;
        }
        if (payload.length() == 0 && !isEnd) {
            payload.release();
            return;
        }
        isEndQueued = isEnd;
        tunnel.memory.add(hold, payload.length(), tunnel.scheduler().nowNanos());
        enqueue(new Frame.Data(id, payload, isEnd ? Frame.FLAG_END : 0));
        owesWritable |= !isWritable();
    }

    private void writeUnitInLoop(Payload payload, boolean isText, boolean hasMore) {
        if (!takes(payload, false)) {
            return;
        }
        markIfFirst();
        tunnel.memory.add(hold, payload.length(), tunnel.scheduler().nowNanos());
        queue.addUnit(id, payload, isText, hasMore);
        tunnel.scheduler().ready(this);
        owesWritable |= !isWritable();
    }

    /** Whether a payload can still be sent; if not, it is freed. */
    private boolean takes(Payload payload, boolean isBetweenUnits) {
        if (isGone() || cannotSend(isBetweenUnits)) {
            payload.release();
        }
        if (!isGone()) {
            requireCanSend(isBetweenUnits);
        }
        return !isGone();
    }

    private void sendInLoop(Message message, boolean isEnd) {
        if (isGone()) {
            return;
        }
        requireCanSend(isEnd);
        Payload encoded = tunnel.encode(message);
        if (encoded.length() > tunnel.peerMaxMessageBytes()) {
            cancelInLoop(
                    ErrorCode.FRAME_TOO_LARGE.value(),
                    message.type() + " of " + encoded.length() + " bytes, the peer takes "
                            + tunnel.peerMaxMessageBytes());
            return;
        }
        isEndQueued = isEnd;
        enqueue(new Frame.Message(id, encoded, isEnd ? Frame.FLAG_END : 0));
    }

    private void endInLoop() {
        if (isGone() || isEndQueued || isCloseQueued) {
            return;
        }
        requireCanSend(true);
        isEndQueued = true;
        markIfFirst();
        queue.addEnd(id);
        tunnel.scheduler().ready(this);
    }

    private void enqueue(Frame frame) {
        markIfFirst();
        queue.add(frame);
        tunnel.scheduler().ready(this);
    }

    private void markIfFirst() {
        if (queue.isEmpty()) {
            trace.onSendingMoved(tunnel.scheduler().nowNanos());
        }
    }

    private void closeInLoop(int code, String reason) {
        if (isGone() || isCloseQueued) {
            return;
        }
        isCloseQueued = true;
        closing = Outcome.local(code, reason);
        enqueue(new Frame.Close(id, code, reason));
    }

    private void cancelInLoop(int code, String reason) {
        if (isGone()) {
            return;
        }
        if (isOpenSent) {
            tunnel.scheduler().control(new Frame.Cancel(id, code, reason));
        }
        finish(Outcome.local(code, reason));
    }

    private void consumedInLoop(int bytes) {
        if (isGone()) {
            return;
        }
        boolean isGrantDue = receiveWindow.onTaken(bytes);
        trace.onConsumed(bytes);
        if (trace.unconsumedBytes() > 0 && trace.unconsumedBytes() <= receiveWindow.availableBytes() / 4) {
            trace.onReceivingMoved(tunnel.loop().nanoTime());
        }
        tunnel.memory.onConsumed(hold, bytes);
        if (isGrantDue && state.canReceive()) {
            tunnel.scheduler().windowDue(this);
        }
    }

    /** Whether it has ended, or never began because the tunnel could not take it. */
    private boolean isGone() {
        return outcome != null || id == 0;
    }

    /** Whether this side has ended, or is within a unit and wants to send what is none of its parts. */
    private boolean cannotSend(boolean isBetweenUnits) {
        return isEndQueued || isCloseQueued || isBetweenUnits && queue.isInUnit();
    }

    private void requireCanSend(boolean isBetweenUnits) {
        if (cannotSend(isBetweenUnits)) {
            throw new IllegalStateException(
                    this + (isEndQueued || isCloseQueued ? " was ended by this side" : " is within a unit"));
        }
    }

    // From here on: the tunnel's and the scheduler's, on the loop.

    /** A stream of this side begins, with its OPEN queued first. */
    void beginLocally(int newId, Payload request, boolean isEnd) {
        begin(newId);
        isEndQueued = isEnd;
        markIfFirst();
        queue.add(new Frame.Open(newId, request, isEnd ? Frame.FLAG_END : 0));
        tunnel.scheduler().opening(this);
    }

    /** A stream of the peer begins. */
    void beginRemotely(int newId, boolean isEnd) {
        begin(newId);
        isOpenSent = true;
        if (isEnd) {
            state = state.endedRemotely();
        }
    }

    private void begin(int newId) {
        id = newId;
        sendWindow = new SendWindow(tunnel.peer().settings().streamWindowBytes());
        receiveWindow = new ReceiveWindow(tunnel.settings().streamWindowBytes());
    }

    /** From here on {@code newHandler} is told; also of the end, if the stream has ended while the handler was chosen. */
    void handleWith(StreamHandler newHandler) {
        handler = newHandler;
        if (outcome != null) {
            tellClosed(outcome);
        }
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

    /** Whether it has told the peer, or is about to, that it wants nothing more. */
    boolean dropsReceived() {
        return isCloseQueued;
    }

    /** Whether nothing of it has gone to the transport. */
    boolean isUnsent() {
        return !isOpenSent;
    }

    int receiveCreditBytes() {
        return receiveWindow.availableBytes();
    }

    int sendCreditBytes() {
        return sendWindow.availableBytes();
    }

    /** Whether the next frame in the queue could go, as far as this stream is concerned. */
    boolean mayBeReady() {
        return !queue.isEmpty() && (sendWindow.availableBytes() > 0 || !queue.needsCredit());
    }

    int takeGrant() {
        return tunnel.tuner.takeStreamGrant(receiveWindow);
    }

    void onOpenSent() {
        isOpenSent = true;
    }

    void onDataSent(int bytes, long nowNanos) {
        sendWindow.onSent(bytes);
        trace.onDataSent(bytes);
        tunnel.memory.onSent(hold, bytes, nowNanos);
    }

    void onEndSent() {
        state = state.endedLocally();
        finishIfEnded();
    }

    void onCloseSent() {
        if (closing != null) {
            finish(closing);
        }
    }

    /** Tells the handler, if it waits for it, that there is room again. */
    void tellWritable() {
        if (owesWritable && outcome == null && queue.bytes() <= LOW_WATER_BYTES) {
            owesWritable = false;
            if (!isEndQueued && !isCloseQueued) {
                callHandler(() -> handler.onWritable(this));
            }
        }
    }

    /** @return false if the peer had no credit for them */
    boolean onDataArrived(int bytes) {
        if (!receiveWindow.onReceived(bytes)) {
            return false;
        }
        trace.onDataReceived(bytes, tunnel.keepAlive.lastByteNanos());
        tunnel.memory.add(hold, bytes, tunnel.keepAlive.lastByteNanos());
        return true;
    }

    /** @return false if the credit would pass 2^31-1 */
    boolean onCredit(int increment) {
        if (!sendWindow.onGranted(increment)) {
            return false;
        }
        tunnel.scheduler().ready(this);
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

    void deliver(Message message, boolean isEnd) {
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
        tunnel.forget(this);
        tunnel.memory.forget(hold);
        tunnel.tuner.forget(receiveWindow);
        queue.clear();
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

    private void onCallFailed(RuntimeException cause, String reason) {
        tunnel.onCallbackFailed(this, cause);
        cancelInLoop(ErrorCode.INTERNAL_ERROR.value(), reason);
    }
}
