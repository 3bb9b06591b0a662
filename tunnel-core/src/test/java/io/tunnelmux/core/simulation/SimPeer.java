package io.tunnelmux.core.simulation;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** The application on one side: the agent's or the gateway's, with all its tunnels and streams. */
final class SimPeer implements TunnelHandler {

    private static final String MESSAGE_TYPE = "simulated";

    private final Simulation simulation;
    private final String name;
    private final Settings settings;
    private final Limits limits;
    private final MemoryBudget memory;
    private final World.Loop loop;
    private final Map<Tunnel, Standing> tunnels = new LinkedHashMap<>();
    private final List<SimStream> streams = new ArrayList<>();
    /** Of these, the ones that have not ended, and some that just have. */
    private final List<SimStream> live = new ArrayList<>();

    private int pendingPings;

    /** A tunnel that is open on this side. */
    private static final class Standing {
        private final WireModel wire;
        private int sentMessages;
        private int receivedMessages;

        Standing(WireModel wire) {
            this.wire = wire;
        }
    }

    SimPeer(Simulation simulation, String name, Settings settings, Limits limits) {
        this.simulation = simulation;
        this.name = name;
        this.settings = settings;
        this.limits = limits;
        memory = MemoryBudget.ofBytes(limits.memoryBytes());
        loop = simulation.world().newLoop(name, this::checkIdle);
    }

    World.Loop loop() {
        return loop;
    }

    Settings settings() {
        return settings;
    }

    Limits limits() {
        return limits;
    }

    MemoryBudget memory() {
        return memory;
    }

    SimPeer otherSide() {
        return simulation.otherThan(this);
    }

    boolean mayLoseTunnel() {
        return simulation.mayLoseTunnels();
    }

    /** The newest tunnel that takes streams, or null. */
    @Nullable
    Tunnel current() {
        Tunnel newest = null;
        for (Tunnel tunnel : tunnels.keySet()) {
            newest = tunnel.takesStreams() ? tunnel : newest;
        }
        return newest;
    }

    boolean hasTunnels() {
        return !tunnels.isEmpty();
    }

    /** Opens a stream, if there is a tunnel for it. */
    boolean opens(String streamName, StreamPlan plan, Message request, boolean isEnd) {
        Tunnel tunnel = current();
        if (tunnel == null) {
            return false;
        }
        SimStream stream = new SimStream(simulation, this, streamName, plan);
        streams.add(stream);
        live.add(stream);
        simulation.onOpener(streamName, stream);
        stream.begin(tunnel.open(request, isEnd, stream), wireOf(tunnel), isEnd, false);
        return true;
    }

    void sendsMessage(int bytes) {
        Tunnel tunnel = current();
        if (tunnel != null) {
            int number = tunnels.get(tunnel).sentMessages++;
            tunnel.send(new Message.Application(
                    MESSAGE_TYPE, Integer.toString(number), null, null, "x".repeat(bytes), null));
        }
    }

    /** Asks the other side for a sign of life; whatever happens, there is to be an answer to that. */
    void pings() {
        Tunnel tunnel = current();
        if (tunnel != null) {
            pendingPings++;
            tunnel.ping().whenComplete((roundTrip, failure) -> {
                pendingPings--;
                if (roundTrip != null && roundTrip.isNegative()) {
                    throw new AssertionError(name + " has its answer before it asks");
                }
            });
        }
    }

    @Override
    public void onOpened(Tunnel tunnel) {
        tunnels.put(tunnel, new Standing(simulation.wireOf(this, tunnel.remoteAddress())));
        failByLot();
    }

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        String streamName = String.valueOf(request.requestId());
        SimStream opener = simulation.opener(streamName);
        StreamPlan plan = simulation.scenario().answerTo(streamName);
        if (plan == null) {
            SplittableRandom random = simulation.world().random;
            int chance = random.nextInt(60);
            if (chance == 0) {
                return null;
            } else if (chance == 1) {
                throw new IllegalStateException("on purpose");
            }
            plan = StreamPlan.random(random, settings, simulation.peerSettings(this), true);
        }
        SimStream accepted = new SimStream(simulation, this, streamName, plan);
        accepted.joins(opener);
        streams.add(accepted);
        live.add(accepted);
        simulation.onStreamBegun();
        accepted.begin(stream, wireOf(stream.tunnel()), false, isEnd);
        return accepted;
    }

    @Override
    public void onMessage(Tunnel tunnel, Message message) {
        int number = tunnels.get(tunnel).receivedMessages++;
        if (!(message instanceof Message.Application application)
                || !Integer.toString(number).equals(application.id())) {
            throw new AssertionError(name + " expected message " + number + ", got " + message);
        }
        failByLot();
    }

    /** Fails in a callback of a tunnel, which must cost nothing. */
    private void failByLot() {
        if (simulation.world().random.nextInt(40) == 0) {
            throw new IllegalStateException("on purpose");
        }
    }

    @Override
    public void onDraining(Tunnel tunnel) {
        if (!tunnels.containsKey(tunnel)) {
            throw new AssertionError(name + " drains a tunnel that is not open");
        }
        failByLot();
    }

    @Override
    public void onClosed(Tunnel tunnel, Outcome outcome) {
        if (simulation.world().isTracing()) {
            simulation.world().trace(name + " has lost " + tunnel + ": " + outcome);
        }
        if (tunnels.remove(tunnel) == null) {
            throw new AssertionError(name + " ends a tunnel that is not open");
        }
        ErrorCode code = ErrorCode.of(outcome.code());
        boolean isExpected = code == ErrorCode.SHUTTING_DOWN
                || code == ErrorCode.TIMEOUT && simulation.mayTimeOut()
                || code == ErrorCode.TRANSPORT_LOST && simulation.mayLoseTunnels()
                || code == Simulation.FATAL && simulation.mayLoseTunnels();
        if (!isExpected || tunnel.openStreams() != 0) {
            throw new AssertionError(name + " loses a tunnel with " + tunnel.openStreams() + " streams: " + outcome);
        }
        failByLot();
    }

    private WireModel wireOf(Tunnel tunnel) {
        return tunnels.get(tunnel).wire;
    }

    private void checkIdle() {
        for (Map.Entry<Tunnel, Standing> entry : tunnels.entrySet()) {
            Standing standing = entry.getValue();
            checkHeld(entry.getKey(), standing);
            if (simulation.isWritable(standing.wire)) {
                standing.wire.checkIdle();
                live.removeIf(SimStream::isEnded);
                for (SimStream stream : live) {
                    stream.checkIdle(standing.wire);
                }
            }
        }
    }

    private void checkHeld(Tunnel tunnel, Standing standing) {
        long heldBytes = 0;
        for (SimStream stream : streams) {
            heldBytes += stream.heldBytes(standing.wire);
        }
        if (tunnel.heldBytes() != heldBytes) {
            throw new AssertionError(name + " holds " + heldBytes + " bytes and counts " + tunnel.heldBytes());
        }
    }

    void checkOver() {
        streams.forEach(SimStream::checkOver);
        if (pendingPings != 0) {
            throw new AssertionError(name + " waits for the answers to " + pendingPings + " pings");
        }
        if (memory.usedBytes() != 0 || memory.promisedBytes() != 0) {
            throw new AssertionError(name + " has nothing left, and counts " + memory);
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
