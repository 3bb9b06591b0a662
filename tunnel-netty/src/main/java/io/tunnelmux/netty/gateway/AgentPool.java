package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.transport.TunnelLoop;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One agent's tunnels, how many requests each of them carries, and the requests that wait for their turn: first come, first served. All costs as much as the
 * agent has tunnels, however many wait.
 *
 * <p>Any thread. Nobody is called while the lock is held.
 */
final class AgentPool {

    /** An agent that was there so recently is probably on its way back. */
    static final long RECONNECTING_NANOS = Duration.ofSeconds(30).toNanos();

    private static final Carrier[] NONE = {};

    /** What becomes of a request. */
    enum Turn {
        /** It has a place on a tunnel. */
        INSIDE,
        WAITING,
        /** The agent carries as many as it may, and so many wait, or it has waited as long as it may. */
        FULL,
        /** The agent was there a moment ago, and this is no longer waited for. */
        RECONNECTING,
        OFFLINE
    }

    /** A tunnel, and how many of the requests that were let in here it carries. */
    private static final class Carrier {
        private final Tunnel tunnel;
        private final int most;
        private int requests;

        Carrier(Tunnel tunnel, int most) {
            this.tunnel = tunnel;
            this.most = most;
        }

        Tunnel tunnel() {
            return tunnel;
        }

        /** Others open streams as well, and an admitted request opens its own a little later. */
        private int load() {
            return Math.max(requests, tunnel.openStreams());
        }
    }

    /** A request's place in the line, and then on a tunnel. */
    abstract static class Ticket {
        // The pool's, under its lock.
        private @Nullable Ticket earlier;
        private @Nullable Ticket later;
        private boolean isInLine;
        private @Nullable Carrier carrier;
        private long enteredNanos;
        private long waitNanos;

        /** Where it is to be called. Does not change while it waits. */
        abstract TunnelLoop loop();

        /** Its turn has come: it has a {@link AgentPool#place}, unless it has left meanwhile. On its loop. */
        abstract void onCalled();

        /** Nobody will come for whom it could wait. On its loop. */
        abstract void onSentAway();

        /** After {@link Turn#WAITING}: when to ask {@link AgentPool#stillWaits}. */
        long waitNanos() {
            return waitNanos;
        }
    }

    private final AdmissionConfig limits;
    private final LongSupplier nanoTime;
    private final @Nullable Limiter rate;
    /** Over all agents. */
    private final AtomicInteger waitingInAll;

    // Changed under the lock.
    private @Nullable String instanceId;
    /** Never changed, only replaced. */
    private volatile Carrier[] carriers = NONE;

    private volatile long lostAtNanos;
    private int inside;
    private int waiting;
    private @Nullable Ticket first;
    private @Nullable Ticket last;
    private boolean isClosed;

    AgentPool(AdmissionConfig limits, LongSupplier nanoTime, AtomicInteger waitingInAll) {
        this.limits = limits;
        this.nanoTime = nanoTime;
        rate = limits.agentRate() == null ? null : new Limiter(limits.agentRate(), nanoTime);
        this.waitingInAll = waitingInAll;
        lostAtNanos = nanoTime.getAsLong();
    }

    // Its tunnels.

    /** Those that take streams. */
    List<Tunnel> tunnels() {
        return Arrays.stream(carriers).map(Carrier::tunnel).toList();
    }

    /** Whether another tunnel of this instance would be one too many. */
    synchronized boolean isFullOf(@Nullable String instance) {
        return isOf(instance) && carriers.length >= AgentRegistry.MAX_TUNNELS;
    }

    private boolean isOf(@Nullable String instance) {
        return instance != null && instance.equals(instanceId);
    }

    /**
     * Takes a tunnel in. {@link #callWaiting} is to follow.
     *
     * @return the tunnels whose place it takes; null if it is one too many
     */
    synchronized @Nullable List<Tunnel> add(Tunnel tunnel, @Nullable String instance) {
        List<Tunnel> older = List.of();
        if (!isOf(instance)) {
            older = tunnels();
            carriers = NONE;
            instanceId = instance;
        }
        if (carriers.length >= AgentRegistry.MAX_TUNNELS) {
            return null;
        }
        int most = Math.min(tunnel.peer().settings().maxStreams(), limits.maxStreamsPerTunnel());
        Carrier[] more = Arrays.copyOf(carriers, carriers.length + 1);
        more[carriers.length] = new Carrier(tunnel, most);
        carriers = more;
        return older;
    }

    /** Forgets a tunnel, if it is there; what it carries counts as long as it lasts. */
    synchronized void remove(Tunnel tunnel) {
        Carrier[] rest = Arrays.stream(carriers)
                .filter(carrier -> carrier.tunnel != tunnel)
                .toArray(Carrier[]::new);
        if (rest.length == 0 && carriers.length > 0) {
            lostAtNanos = nanoTime.getAsLong();
        }
        carriers = rest;
    }

    private boolean isLongLost() {
        return nanoTime.getAsLong() - lostAtNanos >= RECONNECTING_NANOS;
    }

    /** Whether nobody would miss it. */
    synchronized boolean isForgotten() {
        return carriers.length == 0 && inside == 0 && waiting == 0 && isLongLost();
    }

    // Its requests.

    /** Takes one turn of its rate: 0 if there was one, else how many nanoseconds until there is. */
    long take() {
        return rate == null ? 0 : rate.take();
    }

    /** Requests that it carries. */
    synchronized int inside() {
        return inside;
    }

    /** Requests that wait for it. */
    synchronized int waiting() {
        return waiting;
    }

    /** As {@link #enter} chooses one, for who does not wait and is not counted. */
    @Nullable
    Tunnel choose(TunnelLoop preferred, @Nullable Tunnel except) {
        Carrier best = best(preferred, except);
        return best == null ? null : best.tunnel;
    }

    /** The tunnel with the fewest streams of those with room for another, and of several such one of {@code preferred}; null if there is none. */
    private @Nullable Carrier best(TunnelLoop preferred, @Nullable Tunnel except) {
        Carrier best = null;
        int bestLoad = 0;
        for (Carrier carrier : carriers) {
            Tunnel tunnel = carrier.tunnel;
            int load = carrier.load();
            boolean isBetter = best == null
                    || load < bestLoad
                    || load == bestLoad && best.tunnel.loop() != preferred && tunnel.loop() == preferred;
            if (isBetter && tunnel != except && load < carrier.most && tunnel.takesStreams()) {
                best = carrier;
                bestLoad = load;
            }
        }
        return best;
    }

    /**
     * The tunnel that it has a place on.
     *
     * @throws IllegalStateException if it has none
     */
    synchronized Tunnel place(Ticket ticket) {
        if (ticket.carrier == null) {
            throw new IllegalStateException("it has no place");
        }
        return ticket.carrier.tunnel;
    }

    /** Gives a request a place on a tunnel, or behind all others in the line. What is neither {@link Turn#INSIDE} nor {@link Turn#WAITING} has none. */
    synchronized Turn enter(Ticket ticket) {
        ticket.enteredNanos = nanoTime.getAsLong();
        return first == null && seat(ticket, null) ? Turn.INSIDE : queue(ticket, false);
    }

    /**
     * Gives a request that its tunnel did not take a place on another, or before all others in the line if the agent is about to come back.
     * As {@link #enter} for what it returns.
     */
    Turn enterAgain(Ticket ticket, boolean mayWait) {
        Turn turn;
        synchronized (this) {
            Tunnel refusing = place(ticket);
            unseat(ticket);
            if (seat(ticket, refusing)) {
                turn = Turn.INSIDE;
            } else {
                turn = isThere() || !mayWait ? Turn.FULL : queue(ticket, true);
            }
        }
        callWaiting();
        return turn;
    }

    /**
     * What to do now that it has waited for {@link Ticket#waitNanos()}: go on waiting if {@link Turn#WAITING}. What is neither that nor {@link Turn#INSIDE} has
     * left the line.
     *
     * @return null if it was called and will soon know
     */
    synchronized @Nullable Turn stillWaits(Ticket ticket) {
        if (!ticket.isInLine) {
            return null;
        }
        Turn turn;
        if (ticket == first && seat(ticket, null)) {
            // Room that others left behind was not told of.
            turn = Turn.INSIDE;
        } else {
            turn = isThere() ? Turn.FULL : obstacleOfAbsence(ticket);
        }
        if (turn != Turn.WAITING) {
            unlink(ticket);
        }
        return turn;
    }

    /** Gives back its place, and calls whose turn it is then. Further calls do nothing. */
    void leave(Ticket ticket) {
        synchronized (this) {
            if (ticket.isInLine) {
                unlink(ticket);
                return;
            }
            unseat(ticket);
        }
        callWaiting();
    }

    /** Sends away all who wait, and lets nobody wait any more. */
    void close() {
        List<Ticket> sentAway = new ArrayList<>();
        synchronized (this) {
            isClosed = true;
            for (Ticket ticket = first; ticket != null; ticket = first) {
                unlink(ticket);
                sentAway.add(ticket);
            }
        }
        sentAway.forEach(ticket -> ticket.loop().execute(ticket::onSentAway));
    }

    /** Calls those whose turn it is. */
    void callWaiting() {
        for (Ticket next = pollFirst(); next != null; next = pollFirst()) {
            next.loop().execute(next::onCalled);
        }
    }

    private synchronized @Nullable Ticket pollFirst() {
        Ticket next = first;
        if (next == null || !seat(next, null)) {
            return null;
        }
        unlink(next);
        return next;
    }

    // Under the lock.

    private boolean seat(Ticket ticket, @Nullable Tunnel except) {
        Carrier best = inside < limits.maxStreamsPerAgent() ? best(ticket.loop(), except) : null;
        if (best == null) {
            return false;
        }
        best.requests++;
        inside++;
        ticket.carrier = best;
        return true;
    }

    private void unseat(Ticket ticket) {
        if (ticket.carrier != null) {
            ticket.carrier.requests--;
            inside--;
            ticket.carrier = null;
        }
    }

    private Turn queue(Ticket ticket, boolean isFirst) {
        Turn turn;
        if (isThere()) {
            ticket.waitNanos = limits.queueWait().toNanos();
            turn = ticket.waitNanos > 0 ? Turn.WAITING : Turn.FULL;
        } else {
            turn = obstacleOfAbsence(ticket);
        }
        if (turn == Turn.WAITING && !hasRoomInLine()) {
            return Turn.FULL;
        }
        if (turn == Turn.WAITING) {
            link(ticket, isFirst);
        }
        return turn;
    }

    private boolean isThere() {
        for (Carrier carrier : carriers) {
            if (carrier.tunnel.takesStreams()) {
                return true;
            }
        }
        return false;
    }

    /** Whether it waits for the agent to come back: so long after that was lost, and no longer than both waits take together. */
    private Turn obstacleOfAbsence(Ticket ticket) {
        long now = nanoTime.getAsLong();
        // Tunnels that take no streams are about to be removed.
        long sinceLost = carriers.length > 0 ? 0 : now - lostAtNanos;
        long longest = limits.reconnectWait().toNanos();
        long wait = Math.min(longest - sinceLost, longest + limits.queueWait().toNanos() - (now - ticket.enteredNanos));
        if (wait > 0) {
            ticket.waitNanos = wait;
            return Turn.WAITING;
        }
        return sinceLost < RECONNECTING_NANOS ? Turn.RECONNECTING : Turn.OFFLINE;
    }

    private boolean hasRoomInLine() {
        if (isClosed || waiting >= limits.maxWaitingPerAgent()) {
            return false;
        }
        if (waitingInAll.incrementAndGet() > limits.maxWaiting()) {
            waitingInAll.decrementAndGet();
            return false;
        }
        return true;
    }

    private void link(Ticket ticket, boolean isFirst) {
        waiting++;
        ticket.isInLine = true;
        if (first == null || last == null) {
            first = ticket;
            last = ticket;
        } else if (isFirst) {
            ticket.later = first;
            first.earlier = ticket;
            first = ticket;
        } else {
            ticket.earlier = last;
            last.later = ticket;
            last = ticket;
        }
    }

    private void unlink(Ticket ticket) {
        waiting--;
        waitingInAll.decrementAndGet();
        ticket.isInLine = false;
        if (ticket.earlier == null) {
            first = ticket.later;
        } else {
            ticket.earlier.later = ticket.later;
        }
        if (ticket.later == null) {
            last = ticket.earlier;
        } else {
            ticket.later.earlier = ticket.earlier;
        }
        ticket.earlier = null;
        ticket.later = null;
    }
}
