package io.tunnelmux.core;

import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Many streams over one transport. Made by a {@link TunnelClient} or a {@link TunnelServer}, which shake hands first; from then on either side opens
 * streams. One loop owns the tunnel: nothing in it is locked.
 *
 * <p>Any thread may call the public methods; those that act hop onto the loop, in order.
 */
public final class Tunnel {

    private static final Logger LOG = LoggerFactory.getLogger(Tunnel.class);

    /** Who made the tunnel and wants to know what becomes of it, also before the handshake is done. On the loop. */
    interface Owner {
        void onOpened(Tunnel tunnel);

        void onDraining(Tunnel tunnel);

        void onEnded(Tunnel tunnel, Outcome outcome);
    }

    private enum State {
        HANDSHAKE,
        OPEN,
        ENDED
    }

    final TunnelConfig config;
    final RoundTrips roundTrips;
    final KeepAlive keepAlive;
    final FrameReceiver receiver;
    /** Null where nobody observes. */
    final @Nullable TunnelWatch watch;

    private final Transport transport;
    private final TunnelLoop loop;
    private final TunnelHandler handler;
    private final Owner owner;
    private final Set<String> capabilities;
    private final StreamTable streams;
    final TunnelMemory memory;
    final WindowTuner tuner;
    final ReceiveWindow receiveWindow;
    private final WriteScheduler scheduler;
    private final Drain drain;
    private State state = State.HANDSHAKE;
    private MessageCodec codec = MessageCodec.of(MessageFormat.CBOR);
    private @Nullable Hello peer;
    private String sessionId = "";
    /** Null once it is done: it has the token, and is needed no more. */
    private @Nullable Handshake handshake;

    private TunnelLoop.@Nullable Timer handshakeTimer;
    private volatile int openStreams;
    private long openedStreams;
    private volatile boolean takesStreams;

    Tunnel(Transport transport, TunnelConfig config, Handshake handshake, TunnelHandler handler, Owner owner) {
        this.transport = transport;
        this.config = config;
        this.handshake = handshake;
        capabilities = handshake.capabilities();
        this.handler = handler;
        this.owner = owner;
        loop = transport.loop();
        streams = new StreamTable(handshake.isDialler());
        receiveWindow = new ReceiveWindow(config.settings().tunnelWindowBytes(), WindowTuner.LEAST_TUNNEL_BYTES);
        scheduler = new WriteScheduler(this, transport);
        roundTrips = new RoundTrips(loop, scheduler::control);
        memory = new TunnelMemory(loop, config);
        tuner = new WindowTuner(loop, roundTrips, memory, config);
        drain = new Drain(loop);
        keepAlive = new KeepAlive(
                loop,
                config.settings(),
                roundTrips::measure,
                () -> end(
                        Outcome.local(ErrorCode.TIMEOUT, "nothing came from the peer, not even an answer to a ping"),
                        true));
        receiver = new FrameReceiver(this);
        ObserverCalls observing = config.observing();
        watch = observing == null ? null : new TunnelWatch(this, observing);
    }

    /** The loop that owns this tunnel, its streams, and what is best routed through it. */
    public TunnelLoop loop() {
        return loop;
    }

    /** What the peer said of itself; its token is left out. */
    public Hello peer() {
        Hello hello = peer;
        if (hello == null) {
            throw new IllegalStateException("the handshake is not done");
        }
        return hello;
    }

    /** The name of this session, the same on both sides; unguessable, and not for logs that others read. */
    public String sessionId() {
        return sessionId;
    }

    /** The peer's address, for people. */
    public String remoteAddress() {
        return transport.peer();
    }

    /** Streams that are open, from either side. */
    public int openStreams() {
        return openStreams;
    }

    /** What its streams hold, in bytes: received and not yet consumed, and queued and not yet sent. Exact on the loop, elsewhere a hint. */
    public long heldBytes() {
        return memory.heldBytes();
    }

    /** What its bytes count against. */
    public MemoryBudget memoryBudget() {
        return memory.budget();
    }

    /** Whether streams can be opened: the handshake is done, neither side drains, and the transport stands. */
    public boolean takesStreams() {
        return takesStreams;
    }

    /**
     * Opens a stream with {@code request}; data may follow at once, there is nothing to wait for.
     *
     * <p>Where the tunnel cannot take it (ended, draining, as many open as the peer allows) the handler's {@code onClosed} is called on the loop after this
     * method has returned, with the outcome {@code REFUSED}, retryable.
     *
     * @param isEnd whether this side's half ends with the request
     */
    public TunnelStream open(Message request, boolean isEnd, StreamHandler streamHandler) {
        TunnelStream stream = new TunnelStream(this, streamHandler);
        if (loop.inLoop()) {
            openInLoop(stream, request, isEnd);
        } else {
            loop.execute(() -> {
                try {
                    openInLoop(stream, request, isEnd);
                } catch (RuntimeException e) {
                    onCallbackFailed(stream, e);
                    stream.finish(Outcome.local(ErrorCode.INTERNAL_ERROR, "the stream could not be opened"));
                }
            });
        }
        return stream;
    }

    /**
     * Sends a message on the tunnel itself, on no stream. It is dropped if the tunnel has ended. Messages need no credit: where more than 16 MiB of them
     * wait, the tunnel ends ({@code OVERLOADED}).
     *
     * @throws IllegalArgumentException if it is longer than the peer takes
     */
    public void send(Message message) {
        Payload encoded = codec.encode(message);
        if (encoded.length() > peerMaxMessageBytes()) {
            throw new IllegalArgumentException(
                    message.type() + " of " + encoded.length() + " bytes, the peer takes " + peerMaxMessageBytes());
        }
        if (loop.inLoop()) {
            sendInLoop(encoded);
        } else {
            loop.execute(() -> sendInLoop(encoded));
        }
    }

    /**
     * Asks the peer for a sign of life, ahead of all that waits to be sent. A peer may take more than 20 at once or 2 a second for a flood, and end the
     * tunnel ({@code CALM_DOWN}).
     *
     * @return completes on the loop with the time until the answer came; fails with a {@link TunnelException}: {@code TRANSPORT_LOST} if the tunnel has
     *     ended or ends before that, {@code OVERLOADED} if 8 pings wait for their answers
     */
    public CompletionStage<Duration> ping() {
        CompletableFuture<Duration> answered = new CompletableFuture<>();
        loop.execute(() -> roundTrips.measure(answered));
        return answered.minimalCompletionStage();
    }

    /**
     * Tells how the tunnel stands and what its streams wait for, at most {@value TunnelReport#DEFAULT_STREAMS} of them.
     *
     * @return completes on the loop; fails with a {@link TunnelException} ({@code TRANSPORT_LOST}) if the tunnel has ended
     */
    public CompletionStage<TunnelReport> report() {
        return report(TunnelReport.DEFAULT_STREAMS);
    }

    /**
     * As {@link #report()}, with other streams than usual.
     *
     * @param maxStreams how many are described, those that have waited longest; 0 to 1,000,000
     * @throws IllegalArgumentException if {@code maxStreams} is not in these bounds
     */
    public CompletionStage<TunnelReport> report(int maxStreams) {
        return TunnelReporter.report(this, maxStreams);
    }

    /**
     * Goes down in an orderly way: the peer is told to open no more streams, those under way go on, and the tunnel ends with the last of them or when
     * {@code patience} is over, whichever comes first. Further calls can only shorten the patience.
     */
    public void drain(String reason, Duration patience) {
        loop.execute(() -> drainInLoop(reason, patience));
    }

    /** Ends the tunnel at once, and with it all streams; the peer is told why. Further calls do nothing. */
    public void close(ErrorCode code, String reason) {
        loop.execute(() -> end(Outcome.local(code, reason), true));
    }

    @Override
    public String toString() {
        return "tunnel with " + transport.peer();
    }

    // From here on: on the loop.

    void start() {
        assert loop.inLoop();
        handshakeTimer = loop.schedule(
                () -> end(Outcome.local(ErrorCode.TIMEOUT, "no handshake within " + config.handshakeTimeout()), true),
                config.handshakeTimeout().toNanos());
        transport.start(receiver, config.settings().maxFrameBytes());
        Hello greeting = handshake().greeting();
        if (greeting != null) {
            scheduler.control(new Frame.Hello(HelloCodec.encode(greeting), false));
            scheduler.drainNow();
        }
    }

    /** How many streams there were so far, from either side. */
    long openedStreams() {
        return openedStreams;
    }

    /** How long the peer's GOAWAY asked to stay away; 0 is at will. */
    long reconnectAfterMillis() {
        return drain.reconnectAfterMillis();
    }

    boolean isEnded() {
        return state == State.ENDED;
    }

    boolean isShakingHands() {
        return state == State.HANDSHAKE;
    }

    /** The peer's HELLO has come. */
    void onHello(Hello hello, boolean isReply) {
        Handshake.Result result = handshake().onHello(hello, isReply);
        handshake = null;
        peer = result.peer();
        sessionId = result.sessionId();
        codec = MessageCodec.of(result.messageFormat());
        stopHandshakeTimer();
        Hello answer = result.answer();
        if (answer != null) {
            scheduler.control(new Frame.Hello(HelloCodec.encode(answer), true));
        }
        scheduler.onHandshakeDone(
                hello.settings().maxFrameBytes(), hello.settings().tunnelWindowBytes());
        state = State.OPEN;
        takesStreams = true;
        keepAlive.start();
        if (watch != null) {
            watch.onTunnelOpened();
        }
        owner.onOpened(this);
        callHandler(() -> handler.onOpened(this));
    }

    private Handshake handshake() {
        Handshake current = handshake;
        if (current == null) {
            throw new IllegalStateException("the handshake is done");
        }
        return current;
    }

    private void stopHandshakeTimer() {
        if (handshakeTimer != null) {
            handshakeTimer.cancel();
            handshakeTimer = null;
        }
    }

    void onBytesReceived() {
        keepAlive.onBytesReceived();
    }

    WriteScheduler scheduler() {
        return scheduler;
    }

    StreamTable streams() {
        return streams;
    }

    MessageCodec codec() {
        return codec;
    }

    Settings settings() {
        return config.settings();
    }

    /** Whether both sides have named this capability. */
    boolean isInForce(String capability) {
        return capabilities.contains(capability) && peer().capabilities().contains(capability);
    }

    int peerMaxMessageBytes() {
        return peer().settings().maxMessageBytes();
    }

    Payload encode(Message message) {
        return codec.encode(message);
    }

    /** Whether this side still takes the peer's streams with this id: not those above what its GOAWAY said. */
    boolean takesRemote(int id) {
        return id <= drain.lastAcceptedId();
    }

    /** The peer opens a stream; who handles it is asked. */
    void onRemoteOpened(int id, Message request, boolean isEnd) {
        TunnelStream stream = new TunnelStream(this, Refused.HANDLER);
        stream.beginRemotely(id, request, isEnd);
        onBegun(stream);
        StreamHandler streamHandler;
        try {
            streamHandler = handler.onStream(stream, request, isEnd);
        } catch (RuntimeException e) {
            onCallbackFailed(stream, e);
            stream.cancel(ErrorCode.INTERNAL_ERROR, "the tunnel's handler failed");
            return;
        }
        if (streamHandler == null) {
            stream.cancel(ErrorCode.REFUSED, "nobody here handles " + request.type());
        } else {
            stream.handleWith(streamHandler);
        }
    }

    void onTunnelMessage(Message message) {
        callHandler(() -> handler.onMessage(this, message));
    }

    void onGoAway(Frame.GoAway goAway) {
        boolean goesOn;
        try {
            goesOn = drain.onGoAway(goAway);
        } catch (ProtocolException e) {
            receiver.onBreach(e);
            return;
        }
        if (!goesOn || state == State.HANDSHAKE) {
            end(Outcome.remote(goAway.code(), goAway.reason()), false);
            return;
        }
        takesStreams = false;
        streams.forEach(stream -> {
            if (isBeyondPeer(stream)) {
                stream.finish(Outcome.remote(ErrorCode.REFUSED.value(), "the peer is draining: " + goAway.reason()));
            }
        });
        if (!drain.isRemote()) {
            drain.beginRemotely();
            owner.onDraining(this);
            callHandler(() -> handler.onDraining(this));
        }
    }

    /** Whether the peer has said before that it goes down. */
    boolean isPeerDraining() {
        return drain.isRemote();
    }

    void onPong(long opaque) {
        roundTrips.onAnswer(opaque);
    }

    /** Whether the peer has said that it did not take this stream. */
    private boolean isBeyondPeer(TunnelStream stream) {
        return streams.isLocal(stream.id()) && drain.isBeyondPeer(stream.id());
    }

    /** The transport is gone; where the peer was draining and nothing was left, that is how it said it would end. */
    void onTransportClosed(@Nullable Throwable cause) {
        boolean isDrained = drain.isRemote() && streams.size() == 0;
        String reason = cause == null ? "the transport was closed" : "the transport was lost: " + cause;
        end(
                isDrained
                        ? Outcome.remote(ErrorCode.SHUTTING_DOWN.value(), "drained")
                        : Outcome.remote(ErrorCode.TRANSPORT_LOST.value(), reason),
                false);
    }

    void forget(TunnelStream stream) {
        Outcome outcome = stream.outcome();
        if (watch != null && outcome != null) {
            watch.onStreamClosed(stream, outcome);
        }
        scheduler.forget(stream);
        receiver.forget(stream);
        streams.remove(stream);
        openStreams = streams.size();
        if (drain.isLocal() && streams.size() == 0) {
            loop.execute(this::endIfDrained);
        }
    }

    /** The one end of a tunnel, whatever led to it. */
    void end(Outcome outcome, boolean tellPeer) {
        if (state == State.ENDED) {
            return;
        }
        boolean wasOpen = state == State.OPEN;
        state = State.ENDED;
        takesStreams = false;
        keepAlive.stop();
        drain.stop();
        stopHandshakeTimer();
        roundTrips.stop(outcome);
        streams.forEach(stream -> stream.finish(new Outcome(
                ErrorCode.TRANSPORT_LOST.value(),
                "the tunnel has ended: " + outcome,
                outcome.isLocal(),
                !stream.sending.isOpenSent() || isBeyondPeer(stream))));
        if (tellPeer) {
            transport.write(new Frame.GoAway(
                    Math.min(drain.lastAcceptedId(), streams.lastRemoteId()), outcome.code(), 0, outcome.reason()));
            transport.flush();
        }
        ErrorCode code = ErrorCode.of(outcome.code());
        transport.close(code == null ? ErrorCode.INTERNAL_ERROR : code, outcome.reason());
        if (watch != null) {
            watch.onTunnelEnded(outcome, wasOpen);
        }
        if (wasOpen) {
            callHandler(() -> handler.onClosed(this, outcome));
        }
        owner.onEnded(this, outcome);
    }

    void onCallbackFailed(Object what, RuntimeException cause) {
        LOG.error("a callback failed on {}", Printable.quoted(String.valueOf(what)), cause);
    }

    private void openInLoop(TunnelStream stream, Message request, boolean isEnd) {
        String obstacle = null;
        if (!takesStreams) {
            obstacle = state == State.ENDED ? "the tunnel has ended" : "the tunnel is draining";
        } else if (streams.localSize() >= peer().settings().maxStreams()) {
            obstacle = "the peer takes " + peer().settings().maxStreams() + " streams at once";
        }
        Payload encoded = obstacle == null ? encode(request) : Payload.EMPTY;
        if (obstacle == null && encoded.length() > peerMaxMessageBytes()) {
            obstacle = request.type() + " of " + encoded.length() + " bytes, the peer takes " + peerMaxMessageBytes();
        }
        int id = obstacle == null ? streams.takeLocalId() : 0;
        if (id == 0) {
            String reason = obstacle == null ? "no stream ids are left" : obstacle;
            if (watch != null) {
                watch.onStreamRefused(true, ErrorCode.REFUSED);
            }
            loop.execute(() -> stream.finish(new Outcome(ErrorCode.REFUSED.value(), reason, true, true)));
            if (obstacle == null) {
                drain(reason, Duration.ofDays(1));
            }
            return;
        }
        stream.beginLocally(id, request, encoded, isEnd);
        onBegun(stream);
    }

    private void onBegun(TunnelStream stream) {
        streams.add(stream);
        openStreams = streams.size();
        openedStreams++;
        if (watch != null) {
            watch.onStreamOpened(stream);
        }
    }

    private void sendInLoop(Payload encoded) {
        if (state != State.OPEN) {
            LOG.debug("{} has ended, a message of {} bytes is dropped", this, encoded.length());
            return;
        }
        scheduler.message(encoded);
    }

    private void drainInLoop(String reason, Duration patience) {
        if (state != State.OPEN) {
            end(Outcome.local(ErrorCode.SHUTTING_DOWN, reason), true);
            return;
        }
        boolean isFirst = !drain.isLocal();
        boolean isSooner = drain.isShortenedTo(
                patience, () -> end(Outcome.local(ErrorCode.SHUTTING_DOWN, reason + ", and patience is over"), true));
        if (!isFirst || !isSooner) {
            return;
        }
        takesStreams = false;
        int lastAcceptedId = receiver.takeNoMore();
        drain.beginLocally(lastAcceptedId);
        scheduler.control(new Frame.GoAway(lastAcceptedId, ErrorCode.SHUTTING_DOWN.value(), 0, reason));
        owner.onDraining(this);
        loop.execute(this::endIfDrained);
    }

    /** The scheduler has written what the transport takes. */
    void onDrained() {
        endIfDrained();
    }

    private void endIfDrained() {
        if (drain.isLocal() && state == State.OPEN && streams.size() == 0 && scheduler.hasSentControl()) {
            end(Outcome.local(ErrorCode.SHUTTING_DOWN, "drained"), false);
        }
    }

    private void callHandler(Runnable call) {
        try {
            call.run();
        } catch (RuntimeException e) {
            onCallbackFailed(this, e);
        }
    }
}
