package io.tunnelmux.core.simulation;

import io.tunnelmux.core.Backoff;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelClient;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelServer;
import io.tunnelmux.core.testing.BytePipe;
import io.tunnelmux.core.transport.Connector;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An agent and a gateway, all that they have with each other, and all that happens to it: one {@link Scenario}, played to its end. {@link #run} throws
 * an {@link AssertionError} where anything is not as it must be.
 */
final class Simulation implements Connector {

    /** What a side ends a tunnel with that it is tired of. */
    static final ErrorCode FATAL = ErrorCode.OVERLOADED;

    private static final IOException CUT = new IOException("cut");
    private static final int MOST_STEPS = 3_000_000;
    private static final long MOST_NANOS = TimeUnit.MINUTES.toNanos(20);
    private static final long MILLI = 1_000_000;
    /** After so long, a simulation with a consumer that has stopped for ever is ended. */
    private static final long PATIENCE_NANOS = 30_000 * MILLI;

    private static final int MOST_TRIES = 400;
    private static final String GATEWAY = "sim://gateway";

    private final World world;
    private final PayloadTracker tracker = new PayloadTracker();
    private final Scenario scenario;
    private final SimPeer agent;
    private final SimPeer gateway;
    private final TunnelServer server;
    private final TunnelClient client;
    private final List<Line> lines = new ArrayList<>();
    private final Map<String, SimStream> openers = new HashMap<>();
    /** The gateway's: the agent is not observed, which must make no difference. */
    private final SimBooks books = new SimBooks();

    private final byte[] scratch = new byte[Settings.HIGHEST_MAX_FRAME_BYTES];
    private int liveStreams;
    private int pendingOpenings;
    private @Nullable Consumer<BytePipe> firstLine;
    private boolean mayLose;
    private boolean mayTimeOut;
    private boolean isWaitingForStuck;
    private boolean isClosing;
    private boolean isClientClosed;

    /** One transport between the two. */
    private record Line(BytePipe pipe, WatchedTransport agentEnd, WatchedTransport gatewayEnd) {}

    /** Whatever this seed brings. */
    Simulation(long seed, boolean isTracing) {
        this(new World(seed, isTracing), Scenario::random);
    }

    /**
     * A certain scenario; chance decides the rest.
     *
     * @param firstLine what to do with the first line that is made
     */
    Simulation(long seed, boolean isTracing, Scenario scenario, Consumer<BytePipe> firstLine) {
        this(new World(seed, isTracing), random -> scenario);
        this.firstLine = firstLine;
        mayLose = true;
        mayTimeOut = true;
    }

    private Simulation(World world, Function<SplittableRandom, Scenario> scenarios) {
        this.world = world;
        SplittableRandom random = world.random;
        scenario = scenarios.apply(random);
        agent = new SimPeer(this, "agent", scenario.agentSettings(), scenario.agentLimits());
        gateway = new SimPeer(this, "gateway", scenario.gatewaySettings(), scenario.gatewayLimits());
        server = new TunnelServer(config(gateway), (hello, token) -> null, gateway);
        client = TunnelClient.builder(this)
                .gateways(List.of(URI.create(GATEWAY)))
                .agentId("simulated")
                .config(config(agent))
                .handler(agent)
                .backoff(new Backoff(Duration.ofMillis(20), Duration.ofMillis(500), random.split()))
                .build();
    }

    private TunnelConfig config(SimPeer side) {
        TunnelConfig.Builder config = TunnelConfig.builder()
                .settings(side.settings())
                .messageFormat(scenario.messageFormat())
                .handshakeTimeout(Duration.ofMinutes(2));
        side.limits().applyTo(config, side.memory());
        if (side == gateway) {
            config.observer(books);
        }
        return config.build();
    }

    /** Plays the scenario. */
    void run() {
        if (world.isTracing()) {
            world.trace(scenario.toString());
        }
        scenario.openings().forEach(this::plan);
        scenario.tunnelMessages().forEach(this::plan);
        scenario.pings().forEach(this::plan);
        scenario.faults().forEach(fault -> world.after(fault.atNanos(), null, () -> inflict(fault)));
        client.start();
        for (int steps = 0; world.step(); steps++) {
            if (steps > MOST_STEPS || world.nowNanos() > MOST_NANOS) {
                throw new AssertionError("does not come to its end: " + liveStreams + " streams, " + pendingOpenings
                        + " to open, " + steps + " steps, " + world.nowNanos() / MILLI + " ms");
            }
            if (!isClosing && liveStreams == 0 && pendingOpenings == 0) {
                closeAll();
            }
            if (isClientClosed && isEverythingOver()) {
                checkTimers();
            }
        }
        checkOver();
    }

    private void plan(Scenario.Opening opening) {
        pendingOpenings++;
        SimPeer side = opening.byAgent() ? agent : gateway;
        World.Loop loop = opening.plan().isOffLoop() ? null : side.loop();
        world.after(opening.atNanos(), loop, () -> open(opening, side, loop, 0));
    }

    private void open(Scenario.Opening opening, SimPeer side, World.@Nullable Loop loop, int tries) {
        Message.HttpHead head =
                new Message.HttpHead("POST", "/" + "x".repeat(opening.pathLength()), null, null, null, Headers.EMPTY);
        Message request = new Message.ProxyRequest(
                opening.name(), head, Message.Upgrade.NONE, Message.Destination.ANY, 0, null, null);
        if (isClosing || tries > MOST_TRIES || side.opens(opening.name(), opening.plan(), request, opening.isEnd())) {
            pendingOpenings--;
        } else {
            world.after(25 * MILLI, loop, () -> open(opening, side, loop, tries + 1));
        }
    }

    private void plan(Scenario.TunnelMessage message) {
        SimPeer side = message.byAgent() ? agent : gateway;
        World.Loop loop = message.isOffLoop() ? null : side.loop();
        world.after(message.atNanos(), loop, () -> side.sendsMessage(message.bytes()));
    }

    private void plan(Scenario.Ping ping) {
        World.Loop loop = (ping.ofAgent() ? agent : gateway).loop();
        world.after(ping.atNanos(), loop, () -> {
            if (ping.isOwn()) {
                (ping.ofAgent() ? agent : gateway).pings();
            } else if (!lines.isEmpty()) {
                Line line = lines.get(lines.size() - 1);
                (ping.ofAgent() ? line.agentEnd : line.gatewayEnd).receivePing(-ping.atNanos());
            }
        });
    }

    private void inflict(Scenario.Fault fault) {
        Line line = lines.isEmpty() ? null : lines.get(lines.size() - 1);
        Tunnel tunnel = (fault.byAgent() ? agent : gateway).current();
        if (world.isTracing()) {
            world.trace(fault + " on " + tunnel);
        }
        mayLose = true;
        switch (fault.kind()) {
            case CUT -> {
                if (line != null) {
                    line.pipe.lose(CUT, fault.firstNanos(), fault.secondNanos());
                }
            }
            case CUT_AT_BYTE -> {
                if (line != null && fault.byAgent()) {
                    long bytes = line.pipe.arrivedAtRight() + fault.bytes();
                    line.pipe.whenArrivedAtRight(bytes, () -> line.pipe.lose(CUT, 0, 0));
                } else if (line != null) {
                    long bytes = line.pipe.arrivedAtLeft() + fault.bytes();
                    line.pipe.whenArrivedAtLeft(bytes, () -> line.pipe.lose(CUT, 0, 0));
                }
            }
            case CUT_IN_SILENCE -> {
                mayTimeOut = true;
                if (line != null) {
                    line.pipe.lose(CUT, fault.byAgent() ? fault.firstNanos() : -1, -1);
                }
            }
            case DRAIN -> {
                if (tunnel != null) {
                    tunnel.drain("drained by lot", Duration.ofNanos(fault.firstNanos()));
                }
            }
            case CLOSE -> {
                if (tunnel != null) {
                    tunnel.close(FATAL, "closed by lot");
                }
            }
            case STOP -> closeAll();
        }
    }

    private void closeAll() {
        if (isClosing) {
            return;
        }
        isClosing = true;
        mayLose = true;
        client.close(Duration.ofSeconds(3)).thenRun(() -> isClientClosed = true);
    }

    private boolean isEverythingOver() {
        if (agent.hasTunnels() || gateway.hasTunnels()) {
            return false;
        }
        for (Line line : lines) {
            if (!line.pipe.isOver()) {
                return false;
            }
        }
        return true;
    }

    private void checkTimers() {
        int timers = agent.loop().pendingTimers() + gateway.loop().pendingTimers();
        if (timers != 0) {
            throw new AssertionError(timers + " timers are left behind");
        }
    }

    private void checkOver() {
        agent.checkOver();
        gateway.checkOver();
        books.checkOver();
        if (!isClientClosed || !isEverythingOver() || liveStreams != 0) {
            throw new AssertionError("nothing happens any more, and it is not over: " + liveStreams + " streams");
        }
        if (tracker.alive() != 0) {
            throw new AssertionError(tracker.alive() + " payloads are not released");
        }
    }

    // What the two sides ask.

    World world() {
        return world;
    }

    Scenario scenario() {
        return scenario;
    }

    PayloadTracker tracker() {
        return tracker;
    }

    /** Room for the payload of one frame; what it holds is of use until the next one comes. */
    byte[] scratch() {
        return scratch;
    }

    SimPeer otherThan(SimPeer side) {
        return side == agent ? gateway : agent;
    }

    Settings peerSettings(SimPeer side) {
        return otherThan(side).settings();
    }

    boolean mayLoseTunnels() {
        return mayLose;
    }

    boolean mayTimeOut() {
        return mayTimeOut;
    }

    WireModel wireOf(SimPeer side, String address) {
        Line line = lines.get(Integer.parseInt(address));
        return (side == agent ? line.agentEnd : line.gatewayEnd).wire();
    }

    boolean isWritable(WireModel wire) {
        for (Line line : lines) {
            if (line.agentEnd.wire() == wire) {
                return line.agentEnd.isWritable();
            } else if (line.gatewayEnd.wire() == wire) {
                return line.gatewayEnd.isWritable();
            }
        }
        return false;
    }

    void onOpener(String name, SimStream stream) {
        openers.put(name, stream);
        onStreamBegun();
    }

    SimStream opener(String name) {
        SimStream opener = openers.get(name);
        if (opener == null) {
            throw new AssertionError("a stream that nobody opened: " + name);
        }
        return opener;
    }

    void onStreamBegun() {
        liveStreams++;
    }

    /** A stream has begun that may never end by itself. */
    void onStuck() {
        if (!isWaitingForStuck) {
            isWaitingForStuck = true;
            world.after(PATIENCE_NANOS, null, this::closeAll);
        }
    }

    void onStreamEnded() {
        liveStreams--;
    }

    // The agent's way to the gateway.

    @Override
    public TunnelLoop loop() {
        return agent.loop();
    }

    @Override
    public CompletionStage<Transport> connect(URI address, @Nullable String token) {
        CompletableFuture<Transport> attempt = new CompletableFuture<>();
        long nanos = world.random.nextLong(5 * MILLI);
        if (world.random.nextInt(12) == 0) {
            Duration retryAfter = world.random.nextBoolean() ? Duration.ofMillis(40) : null;
            TunnelException refusal = new TunnelException(ErrorCode.OVERLOADED, "by lot", retryAfter, null);
            world.after(nanos, agent.loop(), () -> attempt.completeExceptionally(refusal));
        } else {
            world.after(nanos, agent.loop(), () -> attempt.complete(connected()));
        }
        return attempt;
    }

    private Transport connected() {
        int plannedBytes = scenario.plannedBytes();
        RandomLine up = new RandomLine(world.random, tracker, plannedBytes, scenario.mostStallNanos());
        RandomLine down = new RandomLine(world.random, tracker, plannedBytes, scenario.mostStallNanos());
        BytePipe pipe = new BytePipe(agent.loop().forTransport(), gateway.loop().forTransport(), up, down);
        if (world.isTracing()) {
            world.trace("connected, up " + up + ", down " + down);
        }
        if (firstLine != null && lines.isEmpty()) {
            firstLine.accept(pipe);
        }
        String address = Integer.toString(lines.size());
        Line line = new Line(pipe, watched(pipe.left(), agent, address), watched(pipe.right(), gateway, address));
        lines.add(line);
        world.after(world.random.nextLong(MILLI), gateway.loop(), () -> server.onAccepted(line.gatewayEnd, null));
        return line.agentEnd;
    }

    private WatchedTransport watched(Transport end, SimPeer side, String address) {
        WireModel wire = new WireModel(
                world, side + "/" + address, side == agent, side.settings(), peerSettings(side), side.limits());
        return new WatchedTransport(end, side.loop(), wire, address);
    }

    /** The last things that happened, oldest first. */
    String traced() {
        return world.traced();
    }
}
