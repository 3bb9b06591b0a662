package io.tunnelmux.benchmarks.socket;

import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A round trip on one connection to an echo server, straight or through gateway and agent, over sockets of 127.0.0.1. All are threads of this JVM. Neither client
 * nor server makes garbage, so that what is told is the garbage of gateway and agent together; the client checks what comes back, the same whichever way it came.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class SocketBenchmark {

    /** How the bytes get to the echo server. */
    public enum Way {
        /** Without anything between. */
        DIRECT,
        /** As a connection that the gateway forwards. */
        TCP,
        /** As a WebSocket in zero-copy mode. */
        WEBSOCKET
    }

    @Param({"DIRECT", "TCP", "WEBSOCKET"})
    public Way way;

    /** Bytes of a message. */
    @Param({"64", "1024", "16384"})
    public int size;

    private LoopbackServer echo;
    private LoopbackServer upgradingEcho;
    private LoopbackRelay relay;
    private EchoCaller caller;

    @Setup
    public void connect() throws IOException, InterruptedException, ExecutionException, TimeoutException {
        LoopbackServer target = LoopbackServer.start(LoopbackServer::echo);
        LoopbackServer upgradingTarget = LoopbackServer.start(LoopbackServer::upgradeAndEcho);
        LoopbackRelay relays = LoopbackRelay.start(IoMode.AUTO, upgradingTarget.address(), List.of(target.address()));
        caller = switch (way) {
            case DIRECT -> EchoCaller.connect(target.address(), size);
            case TCP -> EchoCaller.connect(relays.tcpAddress(0), size);
            case WEBSOCKET -> EchoCaller.upgrade(relays.httpAddress(), size);
        };
        echo = target;
        upgradingEcho = upgradingTarget;
        relay = relays;
    }

    @Benchmark
    public byte roundTrip() throws IOException {
        return caller.roundTrip();
    }

    @TearDown
    public void close() throws IOException {
        caller.close();
        relay.close();
        echo.close();
        upgradingEcho.close();
    }
}
