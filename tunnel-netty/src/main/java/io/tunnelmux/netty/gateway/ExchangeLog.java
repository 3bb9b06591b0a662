package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.tunnelmux.core.log.Printable;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.relay.FlowMeter;
import io.tunnelmux.netty.relay.MessageTap;
import io.tunnelmux.netty.relay.MessageWatch;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is told of one request, in one place for the observers and the logs. On the client's loop. */
final class ExchangeLog implements FlowMeter {

    private final Recorder recorder;
    private final ExchangeInfo info;
    private final Channel client;
    private final ExchangeObserver observer;
    private final TraceContext trace;
    private final long beganNanos = System.nanoTime();
    private boolean isQueued;
    private long queuedNanos;
    private int status;
    private long receivedBytes;
    private long sentBytes;
    private @Nullable RelayMode mode;
    private long upgradedNanos;

    ExchangeLog(Recorder recorder, ExchangeInfo info, Channel client, ExchangeObserver observer) {
        this.recorder = recorder;
        this.info = info;
        this.client = client;
        this.observer = observer;
        trace = Objects.requireNonNullElse(observer.trace(), info.trace());
    }

    /** What the agent is told of the trace. */
    TraceContext trace() {
        return trace;
    }

    /** More of the request's body. */
    void received(int bytes) {
        receivedBytes += bytes;
    }

    /** More of the response's body. */
    void sent(int bytes) {
        sentBytes += bytes;
    }

    /** It waits for a tunnel. Further calls do nothing. */
    void queued() {
        if (!isQueued) {
            isQueued = true;
            queuedNanos = System.nanoTime();
            observer.onQueued();
        }
    }

    /** It waits no more. Does nothing if it did not. */
    void unqueued() {
        if (isQueued) {
            isQueued = false;
            observer.onQueueLeft(Duration.ofNanos(System.nanoTime() - queuedNanos));
        }
    }

    void answered(int newStatus) {
        unqueued();
        status = newStatus;
        observer.onAnswered(newStatus, Duration.ofNanos(System.nanoTime() - beganNanos));
    }

    /**
     * From here on bytes are counted by the methods of a {@link FlowMeter}.
     *
     * @param earlyBytes came before this and were sent with the request
     */
    void upgraded(RelayMode newMode, int earlyBytes) {
        mode = newMode;
        upgradedNanos = System.nanoTime();
        observer.onUpgraded(newMode);
        if (earlyBytes > 0) {
            onToStream(earlyBytes);
        }
    }

    @Override
    public void onToStream(int bytes) {
        receivedBytes += bytes;
        observer.onRelayed(Direction.TO_AGENT, bytes);
    }

    @Override
    public void onToChannel(int bytes) {
        sentBytes += bytes;
        observer.onRelayed(Direction.FROM_AGENT, bytes);
    }

    @Override
    public void onTaken(boolean isToStream, long nanos) {
        observer.onChunkTaken(isToStream ? Direction.TO_AGENT : Direction.FROM_AGENT, nanos);
    }

    /** Whether somebody is to hear what is counted and how it ends; if not, a connection that lasts need not keep this. */
    boolean isHeard() {
        return observer != ExchangeObserver.NONE || recorder.isAccessLogged() || recorder.isPerformanceLogged();
    }

    /** Who is shown what a WebSocket says; null if nobody wants to know. */
    @Nullable
    MessageTap tap() {
        boolean isWanted = observer != ExchangeObserver.NONE || recorder.sampler() != MessageWatch.Sampler.NONE;
        return isWanted ? new MessageWatch(true, recorder.sampler(), this::onMessage) : null;
    }

    private void onMessage(RelayedMessage message) {
        observer.onMessage(message);
        if (message.sample().length() > 0) {
            recorder.onSample(message, info, trace.traceId());
        }
    }

    /** For people who look at what is under way; never with the query. */
    @Override
    public String toString() {
        return describe(info.method(), info.path(), info.peer());
    }

    static String describe(String method, String path, String peer) {
        return method + " " + path + " for " + peer;
    }

    ExchangeInfo info() {
        return info;
    }

    void refused(ProxyError told) {
        recorder.onRefused(told.code(), info.peer(), told.cause() == null ? told.message() : told.cause());
    }

    /**
     * It is over. Once.
     *
     * @param outcome as {@link ExchangeEnd#outcome}
     * @param detail for people
     */
    void ended(String outcome, String detail) {
        unqueued();
        long now = System.nanoTime();
        Duration lasted = Duration.ofNanos(now - beganNanos);
        observer.onEnded(new ExchangeEnd(status, outcome, receivedBytes, sentBytes, lasted));
        if (recorder.isAccessLogged()) {
            recorder.access(
                    "method={} host={} path={} status={} agent_id={} client={} connection={} bytes_in={} bytes_out={} ms={} outcome={} trace_id={} detail=\"{}\"",
                    info.method(),
                    Printable.bare(info.host()),
                    Printable.bare(info.path()),
                    status,
                    info.agentId(),
                    info.peer(),
                    client.id().asShortText(),
                    receivedBytes,
                    sentBytes,
                    lasted.toMillis(),
                    outcome,
                    trace.traceId(),
                    detail);
        }
        if (mode != null && recorder.isPerformanceLogged()) {
            Recorder.PERFORMANCE.info(
                    "mode={} duration_ms={} bytes_in={} bytes_out={} bytes_total={} agent_id={} path={} outcome={} trace_id={}",
                    mode.label(),
                    Duration.ofNanos(now - upgradedNanos).toMillis(),
                    receivedBytes,
                    sentBytes,
                    receivedBytes + sentBytes,
                    info.agentId(),
                    Printable.bare(info.path()),
                    outcome,
                    trace.traceId());
        }
    }
}
