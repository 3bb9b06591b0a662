package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** What one tunnel's two applications say to each other: the requests of both sides that have no answer yet. On the loop, but where it says otherwise. */
final class Conversation {

    /** What messages that are being handled may hold, in bytes on the wire. */
    static final int MAX_HANDLED_BYTES = 16 * 1024 * 1024;

    private final MessageExchange exchange;
    private final Tunnel tunnel;
    private final TunnelLoop loop;
    private final Deadlines deadlines;
    private final Map<String, Request> requests = new HashMap<>();
    private final Map<String, SerialExecutor> executors = new HashMap<>();
    private final AtomicInteger requestCount = new AtomicInteger();
    private final AtomicInteger handledCount = new AtomicInteger();
    private final AtomicInteger handledBytes = new AtomicInteger();
    private long lastId;
    private boolean isEnded;

    /** A request of this side. */
    private final class Request {

        private final CompletableFuture<Message.Application> answer = new CompletableFuture<>();
        private Deadlines.@Nullable Deadline deadline;

        /** No answer can come any more: the count goes down first, so that who is told may ask again. */
        private void settle() {
            requestCount.decrementAndGet();
            if (deadline != null) {
                deadlines.cancel(deadline);
            }
        }

        void succeed(Message.Application message) {
            settle();
            answer.complete(message);
        }

        void fail(Throwable cause) {
            settle();
            answer.completeExceptionally(cause);
        }
    }

    Conversation(MessageExchange exchange, Tunnel tunnel) {
        this.exchange = exchange;
        this.tunnel = tunnel;
        loop = tunnel.loop();
        deadlines = new Deadlines(loop);
    }

    /** Any thread. */
    CompletionStage<Message.Application> request(Message.Application message, Duration patience) {
        if (!takesOneMore(requestCount, exchange.maxPending())) {
            return CompletableFuture.failedFuture(new MessageException(
                    MessageException.Reason.TOO_MANY_PENDING, exchange.maxPending() + " requests wait for answers"));
        }
        Request request = new Request();
        if (loop.inLoop()) {
            begin(request, message, patience);
        } else {
            loop.execute(() -> begin(request, message, patience));
        }
        return request.answer;
    }

    private void begin(Request request, Message.Application message, Duration patience) {
        if (isEnded) {
            request.fail(MessageExchange.ended());
            return;
        }
        String id = Long.toString(++lastId);
        requests.put(id, request);
        request.deadline = deadlines.add(patience, () -> {
            requests.remove(id);
            request.fail(new MessageException(
                    MessageException.Reason.TIMEOUT, "no answer to " + message.type() + " within " + patience));
        });
        try {
            tunnel.send(new Message.Application(
                    message.type(), id, null, message.timestamp(), message.payload(), message.error()));
        } catch (IllegalArgumentException e) {
            requests.remove(id);
            request.fail(e);
        }
    }

    void onMessage(Message.Application message) {
        if (message.requestId() != null) {
            onAnswer(message.requestId(), message);
            return;
        }
        MessageExchange.Route route = exchange.route(message.type());
        if (route == null) {
            exchange.unknownTypes.increment();
        } else {
            handle(route, message);
        }
    }

    private void onAnswer(String requestId, Message.Application message) {
        Request request = requests.remove(requestId);
        if (request == null) {
            exchange.unmatchedAnswers.increment();
        } else if (message.error() == null) {
            request.succeed(message);
        } else {
            request.fail(new MessageException(MessageException.Reason.ANSWERED_WITH_ERROR, message.error()));
        }
    }

    private void handle(MessageExchange.Route route, Message.Application message) {
        int bytes = tunnel.receiver.tunnelMessageBytes();
        if (bytes > MAX_HANDLED_BYTES - handledBytes.get() || !takesOneMore(handledCount, exchange.maxPending())) {
            turnAway(message);
            return;
        }
        handledBytes.addAndGet(bytes);
        boolean isRequest = message.id() != null;
        Handling handling = new Handling(bytes, isRequest ? 2 : 1);
        IncomingMessage incoming = new IncomingMessage(tunnel, message, handling::onAnswered);
        if (isRequest) {
            handling.deadline = deadlines.add(exchange.answerTimeout(), () -> {
                if (incoming.giveUp("no answer within " + exchange.answerTimeout())) {
                    exchange.unanswered.increment();
                }
            });
        }
        Executor executor = route.executor();
        if (executor == null) {
            call(route.handler(), incoming, handling);
            return;
        }
        try {
            executors
                    .computeIfAbsent(message.type(), type -> new SerialExecutor(executor))
                    .execute(() -> call(route.handler(), incoming, handling));
        } catch (RejectedExecutionException e) {
            exchange.turnedAway.increment();
            incoming.giveUp(MessageExchange.OVERLOADED);
            handling.onPartDone();
        }
    }

    /** On the loop or on a thread of the route's executor. */
    private void call(MessageExchange.Handler handler, IncomingMessage incoming, Handling handling) {
        try {
            handler.onMessage(incoming);
        } catch (RuntimeException e) {
            tunnel.onCallbackFailed(incoming.message(), e);
            incoming.giveUp("the handler failed");
        } finally {
            handling.onPartDone();
        }
    }

    private void turnAway(Message.Application message) {
        exchange.turnedAway.increment();
        if (message.id() != null) {
            tunnel.send(IncomingMessage.answerTo(message, null, MessageExchange.OVERLOADED));
        }
    }

    /** The tunnel has ended: no answer can come. */
    void end() {
        isEnded = true;
        List<Request> all = List.copyOf(requests.values());
        requests.clear();
        all.forEach(request -> request.fail(MessageExchange.ended()));
        deadlines.clear();
    }

    /** A message of the peer that is being handled: until the handler has returned and, if it is a request, until it is answered. Any thread. */
    private final class Handling {

        private final int bytes;
        private final AtomicInteger parts;
        private Deadlines.@Nullable Deadline deadline;

        Handling(int bytes, int parts) {
            this.bytes = bytes;
            this.parts = new AtomicInteger(parts);
        }

        void onAnswered() {
            onPartDone();
            if (loop.inLoop()) {
                forgetDeadline();
            } else {
                loop.execute(this::forgetDeadline);
            }
        }

        private void forgetDeadline() {
            if (deadline != null) {
                deadlines.cancel(deadline);
            }
        }

        void onPartDone() {
            if (parts.decrementAndGet() == 0) {
                handledBytes.addAndGet(-bytes);
                handledCount.decrementAndGet();
            }
        }
    }

    /** Counts one more, unless there are as many as may be. Any thread. */
    static boolean takesOneMore(AtomicInteger count, int most) {
        int now = count.get();
        while (now < most) {
            if (count.compareAndSet(now, now + 1)) {
                return true;
            }
            now = count.get();
        }
        return false;
    }
}
