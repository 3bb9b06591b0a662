package io.tunnelmux.netty.agent;

import io.tunnelmux.core.log.Printable;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import io.tunnelmux.protocol.ErrorCode;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all exchanges of one loop share: who the agent is, where requests go, and the connections to there.
 *
 * @param agentId for error reports
 */
record LoopUpstreams(
        NettyLoops loops,
        NettyLoop loop,
        String agentId,
        UpstreamResolver resolver,
        UpstreamConnections connections,
        AddressLookup lookup,
        Dialer dialer,
        Targets tcpTargets,
        Targets udpTargets,
        Duration connectTimeout,
        FailureLog failures,
        FailureLog refusals,
        List<AgentObserver> observers,
        WebSockets webSockets) {

    static LoopUpstreams of(NettyLoop loop, AgentConfig config, NettyLoops loops, Executor lookups, TlsConfig tls) {
        AddressLookup lookup = new AddressLookup(loop, lookups);
        Dialer dialer = new Dialer(loop, loops.bootstrap(loop), lookup);
        return new LoopUpstreams(
                loops,
                loop,
                config.agentId(),
                config.resolver(),
                new UpstreamConnections(
                        loop,
                        new UpstreamPool(loop, config.maxIdleConnections(), config.idleTimeout()),
                        new UpstreamDialer(loop, dialer, tls, config.connectTimeout()),
                        config.maxIdleConnections() > 0),
                lookup,
                dialer,
                config.tcpTargets(),
                config.udpTargets(),
                config.connectTimeout(),
                new FailureLog(loop, "upstream failed"),
                new FailureLog(loop, "request refused"),
                config.observers(),
                new WebSockets(config.maxWebSocketMessageBytes(), config.isWebSocketDeflating(), new SecureRandom()));
    }

    /**
     * What holds for WebSockets that the agent opens itself.
     *
     * @param maxMessageBytes longest message either way
     * @param isDeflating whether permessage-deflate is offered
     * @param random makes keys and masks
     */
    record WebSockets(int maxMessageBytes, boolean isDeflating, RandomGenerator random) {}

    /** Writes to the log what went wrong with requests, one line a second at most; what they hold makes no lines of its own. On one loop. */
    static final class FailureLog {
        private static final Logger LOG = LoggerFactory.getLogger(Agent.class);
        private static final long INTERVAL_NANOS = 1_000_000_000L;

        private final TunnelLoop loop;
        private final String what;
        private long nextNanos;
        private int suppressed;

        FailureLog(TunnelLoop loop, String what) {
            this.loop = loop;
            this.what = what;
            nextNanos = loop.nanoTime();
        }

        /** A request for HTTP. */
        void add(
                ErrorCode code, @Nullable Upstream upstream, String method, String path, String cause, String traceId) {
            if (isDue()) {
                LOG.warn(
                        "{}: code={} upstream={} method={} path={} cause=\"{}\" trace_id={} suppressed={}",
                        what,
                        code.wireName(),
                        upstream == null ? "-" : upstream,
                        method,
                        Printable.bare(path),
                        Printable.quoted(cause),
                        traceId,
                        suppressed);
                suppressed = 0;
            }
        }

        /** Anything else: {@code stream} says what it is, and for whom. */
        void add(ErrorCode code, Object stream, String cause) {
            if (isDue()) {
                LOG.warn(
                        "{}: code={} stream=\"{}\" cause=\"{}\" suppressed={}",
                        what,
                        code.wireName(),
                        Printable.quoted(stream.toString()),
                        Printable.quoted(cause),
                        suppressed);
                suppressed = 0;
            }
        }

        private boolean isDue() {
            long now = loop.nanoTime();
            if (now - nextNanos < 0) {
                suppressed++;
                return false;
            }
            nextNanos = now + INTERVAL_NANOS;
            return true;
        }
    }
}
