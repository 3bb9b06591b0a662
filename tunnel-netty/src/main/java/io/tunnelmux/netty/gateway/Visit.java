package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One request on its way through a {@link RequestAdmission}: let in at once, after a while, or not; then inside until {@link #end}.
 *
 * <pre>
 * enter → WAITING → INSIDE → end
 *           ▲         │
 *           └─────────┘ enterAgain, if the tunnel did not take it
 * </pre>
 *
 * <p>On the loop given to {@link #enter}, or to {@link #enterAgain} since.
 */
final class Visit extends AgentPool.Ticket {

    /** Who wants to be let in. Told on the loop, also within the call. */
    interface Visitor {
        /** In the place of one who has had an answer, and who need not be kept as long as the visit. */
        Visitor NOBODY = new Visitor() {
            @Override
            public void onTunnel(Tunnel tunnel) {
                throw new IllegalStateException("answered before");
            }

            @Override
            public void onNoTunnel(ProxyError told) {
                throw new IllegalStateException("answered before");
            }
        };

        /** It waits. Perhaps more than once. */
        default void onWaiting() {}

        /** It may open a stream of this tunnel, which must be followed by {@link Visit#end}. */
        void onTunnel(Tunnel tunnel);

        /** It may not. */
        void onNoTunnel(ProxyError told);
    }

    private enum Stage {
        WAITING,
        INSIDE,
        OVER
    }

    private final RequestAdmission admission;
    private final Route route;
    private final String path;
    private final @Nullable InetAddress client;
    private Visitor visitor;
    private Stage stage = Stage.OVER;
    private @Nullable RouteState state;
    private @Nullable AgentPool pool;
    private @Nullable TunnelLoop loop;
    private TunnelLoop.@Nullable Timer timer;
    /** Who waits to hear what becomes of it; null if nobody does, or it was told. */
    private @Nullable Breaker breaker;

    private long turn;

    Visit(RequestAdmission admission, Route route, String path, @Nullable InetAddress client, Visitor visitor) {
        this.admission = admission;
        this.route = route;
        this.path = path;
        this.client = client;
        this.visitor = visitor;
    }

    Route route() {
        return route;
    }

    String path() {
        return path;
    }

    @Nullable
    InetAddress client() {
        return client;
    }

    /** Asks to be let in, once. The visitor is told exactly one of both, now or later, unless the visit is ended before. */
    void enter(TunnelLoop newLoop) {
        assert newLoop.inLoop();
        loop = newLoop;
        ProxyError refusal = admission.admit(this);
        if (refusal == null && pool != null) {
            onTurn(pool.enter(this));
        } else if (refusal != null) {
            visitor.onNoTunnel(refusal);
        }
    }

    /** It passed all checks, and waits for its place. */
    void onAdmitted(AgentPool newPool, RouteState newState, long newTurn) {
        pool = newPool;
        state = newState;
        breaker = newState.breaker();
        turn = newTurn;
        stage = Stage.WAITING;
    }

    /**
     * The tunnel has certainly done nothing with the request: asks for another.
     *
     * @param mayWait for the agent to come back, if that seems to be on its way
     * @return false if there is none; then the visitor is told nothing, and has to {@link #end}
     */
    boolean enterAgain(TunnelLoop newLoop, boolean mayWait) {
        assert newLoop.inLoop();
        if (stage != Stage.INSIDE || pool == null) {
            return false;
        }
        loop = newLoop;
        AgentPool.Turn next = pool.enterAgain(this, mayWait);
        if (next != AgentPool.Turn.INSIDE && next != AgentPool.Turn.WAITING) {
            return false;
        }
        stage = Stage.WAITING;
        onTurn(next);
        return true;
    }

    private void onTurn(AgentPool.Turn next) {
        switch (next) {
            case INSIDE -> onInside();
            case WAITING -> {
                timer = loop().schedule(this::onPatienceOver, waitNanos());
                visitor.onWaiting();
            }
            case FULL, RECONNECTING, OFFLINE -> refuse(admission.refusal(this, next));
        }
    }

    private void onInside() {
        if (stage == Stage.WAITING && pool != null) {
            stopTimer();
            stage = Stage.INSIDE;
            visitor.onTunnel(pool.place(this));
        }
    }

    private void refuse(ProxyError told) {
        end();
        visitor.onNoTunnel(told);
    }

    private void onPatienceOver() {
        timer = null;
        AgentPool.Turn next = pool == null || stage != Stage.WAITING ? null : pool.stillWaits(this);
        if (next != null) {
            onTurn(next);
        }
    }

    @Override
    TunnelLoop loop() {
        if (loop == null) {
            throw new IllegalStateException("not entered");
        }
        return loop;
    }

    @Override
    void onCalled() {
        onInside();
    }

    @Override
    void onSentAway() {
        if (stage == Stage.WAITING) {
            refuse(ProxyError.shuttingDown(path));
        }
    }

    // What becomes of it. The first of these counts.

    /** The upstream has answered, well or not: there will be no other tunnel. */
    void onAnswered() {
        visitor = Visitor.NOBODY;
        Breaker told = takeBreaker();
        if (told != null) {
            told.onSuccess(turn);
        }
    }

    /**
     * It failed like this, before there was an answer.
     *
     * @param tunnel that was to bring it
     */
    void onFailed(@Nullable ErrorCode code, Tunnel tunnel) {
        boolean isIllness =
                code == ErrorCode.UPSTREAM_UNREACHABLE || code == ErrorCode.TIMEOUT || code == ErrorCode.TRANSPORT_LOST;
        Breaker told = isIllness ? takeBreaker() : null;
        if (told != null) {
            told.onFailure(turn, eventOf(code, tunnel));
        }
    }

    /** What many failures at once have in common, so that they count as one. */
    private @Nullable Object eventOf(@Nullable ErrorCode code, Tunnel tunnel) {
        if (code == ErrorCode.TRANSPORT_LOST) {
            // All streams of the tunnel are lost with it.
            return tunnel.sessionId();
        }
        // No single client is to make it seem ill for all others.
        return code == ErrorCode.TIMEOUT
                ? new Timeouts(client, TimeUnit.NANOSECONDS.toSeconds(loop().nanoTime()))
                : null;
    }

    /** Of one client within one second. */
    private record Timeouts(@Nullable InetAddress client, long second) {}

    /** The client has given it up before it was complete. {@link #end} is to follow. */
    void onAborted() {
        if (stage != Stage.OVER) {
            admission.onAborted(client);
        }
    }

    /** It is over, or nobody wants to be let in any more. Further calls do nothing. */
    void end() {
        if (stage == Stage.OVER) {
            return;
        }
        stage = Stage.OVER;
        stopTimer();
        Breaker told = takeBreaker();
        if (told != null) {
            told.onNothing(turn);
        }
        if (pool != null) {
            pool.leave(this);
        }
        if (state != null) {
            admission.onLeft(state);
        }
    }

    private @Nullable Breaker takeBreaker() {
        Breaker taken = breaker;
        breaker = null;
        return taken;
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }
}
