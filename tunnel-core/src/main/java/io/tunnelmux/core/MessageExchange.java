package io.tunnelmux.core;

import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Messages and streams of the application's own between the two ends of a tunnel: {@code resource}, {@code status}, {@code event}, {@code command}, or
 * any other type. It stands {@link #before} the {@link TunnelHandler} of a {@link TunnelClient} or {@link TunnelServer} and serves all their tunnels; that of
 * a gateway or an agent is given to their configuration's {@code tunnelHandler}:
 *
 * <pre>{@code
 * MessageExchange exchange = MessageExchange.builder()
 *         .on("command", executor, command -> command.answer(run(command.message().payload())))
 *         .on("event", event -> log(event.message()))
 *         .onStream("upload", (stream, request, isEnd) -> new Upload(request.payload()))
 *         .build();
 * GatewayConfig.builder().tunnelHandler(exchange::before)… // or new TunnelServer(config, verifier, exchange.before(handler))
 * …
 * exchange.request(tunnel, new Message.Application("command", "restart"), Duration.ofSeconds(10))
 * }</pre>
 *
 * A message with an {@code id} is a request; its answer has the same type and the id as {@code request_id}, and if the request failed an {@code error}. What has
 * neither wants no answer and is sent with {@link Tunnel#send}. Handlers get the messages of a type in the order in which they came.
 *
 * <p><b>Bounded.</b> At most 1,024 requests of this side wait for answers, further ones fail at once. At most as many messages of the peer, and 16 MiB of them,
 * are being handled: until the handler has returned and a request is answered. Of what comes beyond, requests are answered with the error {@code overloaded}, and
 * messages that want no answer are dropped and counted: messages on a tunnel have no credit that could make the peer wait, so whoever must know sends a request.
 * What comes late, matches no request or has a type that nobody handles is dropped and counted.
 *
 * <p>Messages with a record of their own ({@code heartbeat}, {@code health_probe}, …), streams opened with another message than one named to
 * {@link Builder#onStream}, and all other events of the tunnel go on to the handler behind.
 *
 * <p>Any thread.
 */
public final class MessageExchange {

    /** How many requests of each side may wait for answers, on one tunnel. */
    public static final int DEFAULT_MAX_PENDING = 1_024;
    /** How long a handler may take to answer. */
    public static final Duration DEFAULT_ANSWER_TIMEOUT = Duration.ofMinutes(2);
    /** The error of an answer to a request that this side has no room for. */
    public static final String OVERLOADED = "overloaded";

    /** Told of messages of one type. */
    @FunctionalInterface
    public interface Handler {
        /** A message came. A request that it does not answer here it may answer later. An exception is an answer too: {@code the handler failed}. */
        void onMessage(IncomingMessage message);
    }

    /** Takes streams that the peer opens with a message of one type; see {@link TunnelHandler#onStream}. */
    @FunctionalInterface
    public interface StreamTaker {
        /**
         * The peer opens a stream. Called on the tunnel's loop; must not block.
         *
         * @param isEnd whether the peer's half has ended with the request already
         * @return who is told of all that follows on the stream, such as {@link BlockingStream#accept}; null refuses it
         */
        @Nullable
        StreamHandler onStream(TunnelStream stream, Message.Application request, boolean isEnd);
    }

    /** @param executor where to call the handler; null is the loop */
    record Route(Handler handler, @Nullable Executor executor) {}

    final LongAdder unknownTypes = new LongAdder();
    final LongAdder unmatchedAnswers = new LongAdder();
    final LongAdder turnedAway = new LongAdder();
    final LongAdder unanswered = new LongAdder();

    private final Map<String, Route> routes;
    private final Map<String, StreamTaker> streamTakers;
    private final int maxPending;
    private final Duration answerTimeout;
    private final Map<Tunnel, Conversation> conversations = new ConcurrentHashMap<>();

    private MessageExchange(Builder builder) {
        routes = Map.copyOf(builder.routes);
        streamTakers = Map.copyOf(builder.streamTakers);
        maxPending = builder.maxPending;
        answerTimeout = builder.answerTimeout;
    }

    /** A builder with no handlers. */
    public static Builder builder() {
        return new Builder();
    }

    /** A handler that lets this exchange see all tunnels, and hands on to {@code next} what is not its own. */
    public TunnelHandler before(TunnelHandler next) {
        return new Front(Objects.requireNonNull(next));
    }

    /**
     * Asks the peer, and waits {@code patience} for the answer from when the request is sent.
     *
     * @param message without ids, which are given here
     * @return completes on the tunnel's loop, where nothing must block: with the answer, or with a {@link MessageException}, or with an {@link
     *     IllegalArgumentException} if the message is longer than the peer takes
     * @throws IllegalArgumentException if the message has an id, or the patience is not positive
     */
    public CompletionStage<Message.Application> request(Tunnel tunnel, Message.Application message, Duration patience) {
        if (message.id() != null || message.requestId() != null) {
            throw new IllegalArgumentException("has an id of its own: " + message);
        }
        if (patience.isNegative() || patience.isZero()) {
            throw new IllegalArgumentException("patience: " + patience);
        }
        Conversation conversation = conversations.get(tunnel);
        return conversation == null ? CompletableFuture.failedFuture(ended()) : conversation.request(message, patience);
    }

    /** Messages that came and have a type that nobody handles. */
    public long unknownTypes() {
        return unknownTypes.sum();
    }

    /** Answers that came to no request, or too late. */
    public long unmatchedAnswers() {
        return unmatchedAnswers.sum();
    }

    /** Messages that came when too many were being handled. */
    public long turnedAway() {
        return turnedAway.sum();
    }

    /** Requests that came and were not answered in time by their handlers. */
    public long unanswered() {
        return unanswered.sum();
    }

    int maxPending() {
        return maxPending;
    }

    Duration answerTimeout() {
        return answerTimeout;
    }

    @Nullable
    Route route(String type) {
        return routes.get(type);
    }

    static MessageException ended() {
        return new MessageException(MessageException.Reason.TUNNEL_ENDED, "the tunnel does not stand");
    }

    /** What the exchange sees of all tunnels, in front of another handler. */
    private final class Front implements TunnelHandler {

        private final TunnelHandler next;

        private Front(TunnelHandler next) {
            this.next = next;
        }

        @Override
        public void onOpened(Tunnel tunnel) {
            conversations.put(tunnel, new Conversation(MessageExchange.this, tunnel));
            next.onOpened(tunnel);
        }

        @Override
        public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
            StreamTaker taker = request instanceof Message.Application ? streamTakers.get(request.type()) : null;
            return taker == null
                    ? next.onStream(stream, request, isEnd)
                    : taker.onStream(stream, (Message.Application) request, isEnd);
        }

        @Override
        public void onMessage(Tunnel tunnel, Message message) {
            Conversation conversation = conversations.get(tunnel);
            if (message instanceof Message.Application application && conversation != null) {
                conversation.onMessage(application);
            } else {
                next.onMessage(tunnel, message);
            }
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            next.onDraining(tunnel);
        }

        @Override
        public void onClosed(Tunnel tunnel, Outcome outcome) {
            Conversation conversation = conversations.remove(tunnel);
            if (conversation != null) {
                conversation.end();
            }
            next.onClosed(tunnel, outcome);
        }
    }

    /** Builds a {@link MessageExchange}. For one thread. */
    public static final class Builder {

        private final Map<String, Route> routes = new HashMap<>();
        private final Map<String, StreamTaker> streamTakers = new HashMap<>();
        private int maxPending = DEFAULT_MAX_PENDING;
        private Duration answerTimeout = DEFAULT_ANSWER_TIMEOUT;

        private Builder() {}

        /**
         * Handles messages of a type on the tunnel's loop; the handler must not block.
         *
         * @throws IllegalArgumentException if the type has a record of its own, or a handler
         */
        public Builder on(String type, Handler handler) {
            return add(routes, type, new Route(Objects.requireNonNull(handler), null));
        }

        /**
         * Handles messages of a type on another executor, where the handler may block: those of one tunnel one after the other. If the executor rejects a
         * message, it is one too many.
         *
         * @throws IllegalArgumentException if the type has a record of its own, or a handler
         */
        public Builder on(String type, Executor executor, Handler handler) {
            return add(routes, type, new Route(Objects.requireNonNull(handler), Objects.requireNonNull(executor)));
        }

        /**
         * Takes streams that the peer opens with a message of a type.
         *
         * @throws IllegalArgumentException if the type has a record of its own, or a taker
         */
        public Builder onStream(String type, StreamTaker taker) {
            return add(streamTakers, type, Objects.requireNonNull(taker));
        }

        private <T> Builder add(Map<String, T> byType, String type, T added) {
            if (Message.isKnown(type)) {
                throw new IllegalArgumentException(type + " is no message of the application's own");
            }
            if (byType.putIfAbsent(type, added) != null) {
                throw new IllegalArgumentException(type + " has a handler");
            }
            return this;
        }

        /**
         * See {@link MessageExchange#DEFAULT_MAX_PENDING}.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder maxPending(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("maxPending: " + count);
            }
            maxPending = count;
            return this;
        }

        /**
         * See {@link MessageExchange#DEFAULT_ANSWER_TIMEOUT}; after it the peer gets an error in the handler's place.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder answerTimeout(Duration timeout) {
            if (timeout.isNegative() || timeout.isZero()) {
                throw new IllegalArgumentException("answerTimeout: " + timeout);
            }
            answerTimeout = timeout;
            return this;
        }

        /** The exchange. */
        public MessageExchange build() {
            return new MessageExchange(this);
        }
    }
}
