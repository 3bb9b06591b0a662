package io.tunnelmux.core;

import io.tunnelmux.protocol.Message;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A message that came on a tunnel itself, and the way to answer it if it is a request. An answer may be given at once or later, on any thread, once.
 *
 * <p>Any thread.
 */
public final class IncomingMessage {

    private enum State {
        OPEN,
        ANSWERED,
        /** Answered for the application, because it took too long or failed. */
        GIVEN_UP
    }

    private final Tunnel tunnel;
    private final Message.Application message;
    private final Runnable onAnswered;
    private final AtomicReference<State> state = new AtomicReference<>(State.OPEN);

    /** @param onAnswered run once, by whoever answers */
    IncomingMessage(Tunnel tunnel, Message.Application message, Runnable onAnswered) {
        this.tunnel = tunnel;
        this.message = message;
        this.onAnswered = onAnswered;
    }

    /** The tunnel that it came on. */
    public Tunnel tunnel() {
        return tunnel;
    }

    /** What came. */
    public Message.Application message() {
        return message;
    }

    /** Whether it is a request: it bears an id. */
    public boolean wantsAnswer() {
        return message.id() != null;
    }

    /**
     * Answers with a payload. Where the time for an answer is over, or the tunnel has ended, it is dropped.
     *
     * @param payload any plain value, see {@link Message.Application}
     * @throws IllegalArgumentException if it is none, and the request is still to be answered; or if it is longer than the peer takes, who is told that
     * @throws IllegalStateException if the message wants no answer, or has one
     */
    public void answer(@Nullable Object payload) {
        answer(payload, null);
    }

    /**
     * Answers that the request failed.
     *
     * @param error for the peer's eyes; must not be empty
     * @throws IllegalArgumentException if it is empty
     * @throws IllegalStateException if the message wants no answer, or has one
     */
    public void fail(String error) {
        if (error.isEmpty()) {
            throw new IllegalArgumentException("an error without text");
        }
        answer(null, error);
    }

    private void answer(@Nullable Object payload, @Nullable String error) {
        if (!wantsAnswer()) {
            throw new IllegalStateException(message + " wants no answer");
        }
        Message.Application answer = answerTo(message, payload, error);
        if (!state.compareAndSet(State.OPEN, State.ANSWERED)) {
            if (state.get() == State.ANSWERED) {
                throw new IllegalStateException(message + " has an answer");
            }
            return;
        }
        try {
            tunnel.send(answer);
        } catch (IllegalArgumentException e) {
            tunnel.send(answerTo(message, null, "the answer is too long"));
            throw e;
        } finally {
            onAnswered.run();
        }
    }

    /** Answers in the application's place, if it has not. False if it has. */
    boolean giveUp(String error) {
        if (!wantsAnswer() || !state.compareAndSet(State.OPEN, State.GIVEN_UP)) {
            return false;
        }
        tunnel.send(answerTo(message, null, error));
        onAnswered.run();
        return true;
    }

    static Message.Application answerTo(Message.Application request, @Nullable Object payload, @Nullable String error) {
        return new Message.Application(request.type(), null, request.id(), null, payload, error);
    }
}
