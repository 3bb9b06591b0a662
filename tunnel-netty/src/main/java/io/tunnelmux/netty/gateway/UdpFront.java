package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.http.Json;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.udp.UdpSocket;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the datagrams of one {@link UdpForward} come in: one socket for all of its clients, told apart by address. A client's stream is opened by its first
 * datagram; it ends when none has come or gone for a while. One that the agent ended for a reason is not opened again at once.
 *
 * <p>On the socket's loop, where nothing else is said.
 */
final class UdpFront implements UdpSocket.Receiver {

    private static final Logger LOG = LoggerFactory.getLogger(UdpFront.class);

    /** Who is ended with an error stays so long without a stream: whoever sends on would have one opened and refused with each datagram. */
    private static final long PENANCE_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** While the gateway goes down, whoever rests so long is not waited for. */
    private static final long DRAIN_IDLE_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Who is turned away is told of so often at most. */
    private static final long TOLD_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);
    /** What may be on its way to streams of other loops, over all clients. */
    private static final int MAX_CROSSING_BYTES = 1024 * 1024;
    /** What the objects of a datagram take, about. */
    private static final int DATAGRAM_COST_BYTES = 256;

    private final UdpForward forward;
    private final NettyLoops loops;
    private final NettyLoop loop;
    private final AgentRegistry registry;
    private final Recorder recorder;
    /** In the order in which they last moved something. */
    private final Map<InetSocketAddress, UdpClient> clients = new LinkedHashMap<>(16, 0.75f, true);
    /** Who was ended with an error, and until when; in that order. */
    private final Map<InetSocketAddress, Long> penitents = new LinkedHashMap<>();

    private final AtomicInteger crossingBytes = new AtomicInteger();
    private final AtomicInteger open = new AtomicInteger();
    private final LongAdder accepted = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final CompletableFuture<@Nullable Void> drained = new CompletableFuture<>();
    private volatile @Nullable UdpSocket socket;
    private volatile @Nullable InetSocketAddress address;
    private boolean isDraining;
    private long idleNanos;
    private long toldNanos;
    private TunnelLoop.@Nullable Timer timer;

    UdpFront(UdpForward forward, NettyLoops loops, AgentRegistry registry, Recorder recorder) {
        this.recorder = recorder;
        this.forward = forward;
        this.loops = loops;
        this.registry = registry;
        loop = loops.next();
        idleNanos = forward.idleTimeout().toNanos();
        toldNanos = loop.nanoTime() - TOLD_EVERY_NANOS;
    }

    UdpForward forward() {
        return forward;
    }

    NettyLoop loop() {
        return loop;
    }

    /** Where it listens, or is to listen. Any thread. */
    InetSocketAddress address() {
        InetSocketAddress bound = address;
        return bound == null ? forward.address() : bound;
    }

    /** Any thread. */
    CompletionStage<InetSocketAddress> start() {
        return UdpSocket.open(loops, loop, forward.address(), this).thenApply(opened -> {
            socket = opened;
            address = opened.address();
            LOG.info(
                    "forwarding protocol=udp listen={} agent_id={} target=\"{}\"",
                    Recorder.text(opened.address()),
                    forward.agentId(),
                    forward.to());
            return opened.address();
        });
    }

    @Override
    public void onDatagram(ByteBuf bytes, InetSocketAddress from) {
        long now = loop.nanoTime();
        UdpClient client = clients.get(from);
        if (client == null) {
            client = accept(from, now);
        }
        if (client == null) {
            bytes.release();
            dropped.increment();
        } else if (!client.toAgent(bytes, now)) {
            dropped.increment();
        }
    }

    private @Nullable UdpClient accept(InetSocketAddress from, long now) {
        if (penitents.containsKey(from)) {
            return null;
        }
        if (isDraining) {
            return refuse(from, now, "going down");
        }
        if (clients.size() + penitents.size() >= forward.maxClients()) {
            return refuse(from, now, forward.maxClients() + " clients");
        }
        Tunnel tunnel = registry.choose(forward.agentId(), loop, null);
        if (tunnel == null) {
            return refuse(from, now, "no agent");
        }
        if (!tunnel.peer().capabilities().contains(Capabilities.UDP)) {
            return refuse(from, now, "the agent forwards no UDP");
        }
        UdpClient client = new UdpClient(this, from, now);
        clients.put(from, client);
        open.set(clients.size());
        accepted.increment();
        client.open(tunnel);
        schedule();
        return client;
    }

    private @Nullable UdpClient refuse(InetSocketAddress from, long now, String why) {
        refused.increment();
        // Whoever is refused may send on without end.
        if (now - toldNanos >= TOLD_EVERY_NANOS) {
            toldNanos = now;
            recorder.onRefused(Recorder.UDP_REFUSED, from, forward.agentId() + ", " + forward.to() + ": " + why);
        }
        return null;
    }

    /** What the agent is asked for. */
    Message.UdpTunnelStart request(InetSocketAddress client) {
        return new Message.UdpTunnelStart(
                ProxyRequestFactory.nextId(),
                forward.to().destination(),
                null,
                0,
                Forwards.text(client),
                0,
                forward.idleTimeout().toMillis());
    }

    /** Whether bytes may go to a stream now: there is no limit on its own loop, and on others that of what is on its way there. */
    boolean crosses(TunnelStream stream, int bytes) {
        TunnelLoop target = stream.tunnel().loop();
        if (target == loop) {
            return true;
        }
        int cost = bytes + DATAGRAM_COST_BYTES;
        if (crossingBytes.get() + cost > MAX_CROSSING_BYTES) {
            return false;
        }
        crossingBytes.addAndGet(cost);
        // Runs right before the bytes get there.
        target.execute(() -> crossingBytes.addAndGet(-cost));
        return true;
    }

    /** Something has come for a client; returns when. */
    long touched(UdpClient client) {
        clients.get(client.address());
        return loop.nanoTime();
    }

    /** Takes {@code bytes}. */
    void toClient(ByteBuf bytes, InetSocketAddress client) {
        UdpSocket to = socket;
        if (to == null || !to.send(bytes, client)) {
            dropped.increment();
        }
    }

    void dropped(int datagrams) {
        dropped.add(datagrams);
    }

    @Override
    public void onFailure(IOException cause) {
        dropped.increment();
        LOG.debug("datagram lost listen={} cause=\"{}\"", Recorder.text(address()), cause.toString());
    }

    /**
     * A client's stream has ended.
     *
     * @param outcome as {@link ExchangeEnd#outcome}
     * @param detail for people
     */
    void onEnded(UdpClient client, String outcome, String detail) {
        long now = loop.nanoTime();
        if (clients.remove(client.address(), client) && !outcome.equals(ExchangeEnd.COMPLETE)) {
            refuse(client.address(), now, detail);
            penitents.put(client.address(), now + PENANCE_NANOS);
        }
        open.set(clients.size());
        schedule();
        if (recorder.isAccessLogged()) {
            recorder.access(
                    "protocol=udp listen={} target=\"{}\" agent_id={} client={} bytes_in={} bytes_out={} ms={} outcome={} trace_id=- detail=\"{}\"",
                    Recorder.text(address()),
                    forward.to(),
                    forward.agentId(),
                    Recorder.text(client.address()),
                    client.receivedBytes(),
                    client.sentBytes(),
                    TimeUnit.NANOSECONDS.toMillis(now - client.beganNanos()),
                    outcome,
                    detail);
        }
        completeIfDrained();
    }

    // What time does.

    private void schedule() {
        if (timer != null) {
            return;
        }
        long now = loop.nanoTime();
        long next = Long.MAX_VALUE;
        if (!clients.isEmpty()) {
            next = clients.values().iterator().next().movedNanos() + idleNanos - now;
        }
        if (!penitents.isEmpty()) {
            next = Math.min(next, penitents.values().iterator().next() - now);
        }
        if (next != Long.MAX_VALUE) {
            timer = loop.schedule(this::sweep, Math.max(0, next));
        }
    }

    private void sweep() {
        timer = null;
        long now = loop.nanoTime();
        penitents.values().removeIf(until -> until - now <= 0);
        Iterator<UdpClient> eldestFirst = clients.values().iterator();
        while (eldestFirst.hasNext()) {
            UdpClient client = eldestFirst.next();
            if (now - client.movedNanos() < idleNanos) {
                break;
            }
            eldestFirst.remove();
            client.endIdle();
        }
        open.set(clients.size());
        schedule();
        completeIfDrained();
    }

    /**
     * Takes nobody more in; who is there may go on as long as something moves. Any thread.
     *
     * @return completes when all have gone
     */
    CompletionStage<@Nullable Void> drain() {
        loop.execute(() -> {
            isDraining = true;
            idleNanos = Math.min(idleNanos, DRAIN_IDLE_NANOS);
            penitents.clear();
            if (timer != null) {
                timer.cancel();
                timer = null;
            }
            schedule();
            completeIfDrained();
        });
        return drained;
    }

    private void completeIfDrained() {
        if (isDraining && clients.isEmpty()) {
            UdpSocket bound = socket;
            if (bound != null) {
                bound.close();
            }
            drained.complete(null);
        }
    }

    /** Writes members of an object that was begun. Any thread. */
    void describe(Json json) {
        json.put("protocol", "udp").put("listen", Forwards.text(address())).put("agent_id", forward.agentId());
        forward.to().describe(json);
        json.put("open", open.get())
                .put("accepted", accepted.sum())
                .put("refused", refused.sum())
                .put("dropped_datagrams", dropped.sum());
    }
}
