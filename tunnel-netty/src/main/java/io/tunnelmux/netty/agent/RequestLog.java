package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.netty.log.Observers;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.relay.FlowMeter;
import io.tunnelmux.netty.relay.MessageTap;
import io.tunnelmux.netty.relay.MessageWatch;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is told of one request of the gateway to those who observe the agent. On the loop. */
final class RequestLog implements FlowMeter {

    private final ExchangeObserver observer;
    private final TraceContext trace;
    private final @Nullable TraceContext told;
    private final long beganNanos = System.nanoTime();
    private int status;
    private long receivedBytes;
    private long sentBytes;
    private boolean isEnded;

    private RequestLog(ExchangeObserver observer, TraceContext trace, boolean isSaid) {
        this.observer = observer;
        TraceContext observed = observer.trace();
        this.trace = observed == null ? trace : observed;
        told = observed == null && !isSaid ? null : this.trace;
    }

    /** @param upstream who is asked; null if nobody can be */
    static RequestLog begin(LoopUpstreams shared, Message.ProxyRequest request, @Nullable Upstream upstream) {
        TraceContext said = traceOf(request);
        TraceContext trace = said == null ? TraceContext.begin(true) : said;
        List<AgentObserver> observers = shared.observers();
        if (observers.isEmpty()) {
            return new RequestLog(ExchangeObserver.NONE, trace, said != null);
        }
        Message.HttpHead head = request.head();
        String protocol = protocolOf(request);
        ExchangeInfo info = new ExchangeInfo(
                head.method(),
                Objects.requireNonNullElse(head.authority(), ""),
                head.path(),
                shared.agentId(),
                upstream == null ? "-" : upstream.toString(),
                protocol == null ? null : protocol.trim().toLowerCase(Locale.ROOT),
                trace,
                said == null);
        ExchangeObserver observed = Observers.begin(observers, observer -> observer.onExchange(info));
        return new RequestLog(observed, trace, said != null);
    }

    private static @Nullable String protocolOf(Message.ProxyRequest request) {
        if (request.upgrade().isWebSocket()) {
            return "websocket";
        }
        return request.upgrade().useZeroCopy() ? request.head().headers().first("upgrade") : null;
    }

    /** What the gateway says, if it says something that can be read. */
    private static @Nullable TraceContext traceOf(Message.ProxyRequest request) {
        TraceContext said = TraceContext.parse(request.traceparent());
        return said == null ? TraceContext.of(request.head().headers().all(TraceContext.FIELD)) : said;
    }

    /** For log lines; where the gateway says nothing, a trace that begins here. */
    String traceId() {
        return trace.traceId();
    }

    /** What the upstream is told of the trace; null if neither the gateway nor anybody here has something to say. */
    @Nullable
    TraceContext toTell() {
        return told;
    }

    /** More of the request's body. */
    void received(int bytes) {
        receivedBytes += bytes;
    }

    /** More of the response's body. */
    void sent(int bytes) {
        sentBytes += bytes;
    }

    void answered(int newStatus) {
        status = newStatus;
        observer.onAnswered(newStatus, Duration.ofNanos(System.nanoTime() - beganNanos));
    }

    /**
     * From here on bytes are counted by the methods of a {@link FlowMeter}.
     *
     * @param earlyBytes came with the request
     */
    void upgraded(RelayMode mode, int earlyBytes) {
        observer.onUpgraded(mode);
        if (earlyBytes > 0) {
            onToChannel(earlyBytes);
        }
    }

    /** Whether somebody is to hear what is counted and how it ends; if not, a connection that lasts need not keep this. */
    boolean isHeard() {
        return observer != ExchangeObserver.NONE;
    }

    /** Who is shown what a WebSocket says; null if nobody wants to know. */
    @Nullable
    MessageTap tap() {
        return observer == ExchangeObserver.NONE
                ? null
                : new MessageWatch(false, MessageWatch.Sampler.NONE, observer::onMessage);
    }

    @Override
    public void onToChannel(int bytes) {
        receivedBytes += bytes;
        observer.onRelayed(Direction.TO_AGENT, bytes);
    }

    @Override
    public void onToStream(int bytes) {
        sentBytes += bytes;
        observer.onRelayed(Direction.FROM_AGENT, bytes);
    }

    @Override
    public void onTaken(boolean isToStream, long nanos) {
        observer.onChunkTaken(isToStream ? Direction.FROM_AGENT : Direction.TO_AGENT, nanos);
    }

    /** The stream has ended, and with it the request if it had not. */
    void ended(Outcome outcome) {
        ErrorCode code = ErrorCode.of(outcome.code());
        ended(
                outcome.isClean()
                        ? ExchangeEnd.COMPLETE
                        : code == null ? ExchangeEnd.APPLICATION_ERROR : code.wireName());
    }

    /** It is over. Further calls do nothing. */
    void ended(String outcome) {
        if (!isEnded) {
            isEnded = true;
            Duration lasted = Duration.ofNanos(System.nanoTime() - beganNanos);
            observer.onEnded(new ExchangeEnd(status, outcome, receivedBytes, sentBytes, lasted));
        }
    }
}
