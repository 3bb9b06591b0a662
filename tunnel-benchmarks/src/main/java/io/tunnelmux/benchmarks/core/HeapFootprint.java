package io.tunnelmux.benchmarks.core;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Tells what idle streams and idle tunnels hold on the heap, and fails if that is more than it may be. A stream is idle when it is open, has carried some
 * bytes, and nothing waits. Both ends are in this JVM, and what is told is for one of them. Handlers are shared and so not counted, which is what an
 * application adds; neither are buffers of sockets.
 */
public final class HeapFootprint {

    private static final int MOST_BYTES_PER_STREAM = 1_024;
    private static final int MOST_BYTES_PER_TUNNEL = 32 * 1_024;
    private static final int TUNNELS = 1_000;
    private static final int DEFAULT_STREAMS = 100_000;
    private static final int TUNNELS_AFTER_A_PEAK = 20;
    private static final int COLLECTIONS = 2;

    private HeapFootprint() {}

    /** Takes the number of streams, 100,000 if it is not given. Ends the JVM with 1 if a limit is passed. */
    public static void main(String[] args) {
        int streams = args.length == 0 ? DEFAULT_STREAMS : Integer.parseInt(args[0]);
        long perTunnel = bytesPerTunnel();
        long perStream = bytesPerStream(streams);
        long afterwards = bytesPerTunnelThatHadStreams(streams / TUNNELS_AFTER_A_PEAK);
        System.out.println(
                "bytes of heap, one end, JVM with -Xmx " + (Runtime.getRuntime().maxMemory() >> 20) + " MiB:");
        System.out.println("  an idle stream, of " + streams + ": " + perStream + ", at most " + MOST_BYTES_PER_STREAM);
        System.out.println("  an idle tunnel, of " + TUNNELS + ": " + perTunnel + ", at most " + MOST_BYTES_PER_TUNNEL);
        System.out.println("  an idle tunnel that has had " + streams / TUNNELS_AFTER_A_PEAK + " streams at once: "
                + afterwards + ", at most " + MOST_BYTES_PER_TUNNEL);
        if (perStream > MOST_BYTES_PER_STREAM
                || perTunnel > MOST_BYTES_PER_TUNNEL
                || afterwards > MOST_BYTES_PER_TUNNEL) {
            System.exit(1);
        }
    }

    private static long bytesPerTunnel() {
        CallerLoop loop = new CallerLoop();
        Sink sink = new Sink();
        TunnelPair.connect(loop, TunnelConfig.DEFAULTS, sink);
        List<TunnelPair> pairs = new ArrayList<>(TUNNELS);
        long before = usedBytes();
        for (int i = 0; i < TUNNELS; i++) {
            pairs.add(TunnelPair.connect(loop, TunnelConfig.DEFAULTS, sink));
        }
        long used = usedBytes() - before;
        return used / pairs.size() / 2;
    }

    private static long bytesPerStream(int count) {
        CallerLoop loop = new CallerLoop();
        TunnelPair pair = TunnelPair.connect(loop, configFor(count), new Sink());
        long before = usedBytes();
        List<TunnelStream> streams = openStreams(loop, pair, count);
        int listBytes = 5 * count;
        long used = usedBytes() - before - listBytes;
        if (pair.gateway().openStreams() != streams.size()) {
            throw new IllegalStateException(pair.gateway().openStreams() + " streams are open");
        }
        return used / count / 2;
    }

    private static long bytesPerTunnelThatHadStreams(int count) {
        CallerLoop loop = new CallerLoop();
        List<TunnelPair> pairs = new ArrayList<>(TUNNELS_AFTER_A_PEAK);
        long before = usedBytes();
        for (int i = 0; i < TUNNELS_AFTER_A_PEAK; i++) {
            TunnelPair pair = TunnelPair.connect(loop, configFor(count), new Sink());
            openStreams(loop, pair, count).forEach(TunnelStream::end);
            loop.runUntilIdle();
            if (pair.gateway().openStreams() != 0) {
                throw new IllegalStateException(pair.gateway().openStreams() + " streams are open");
            }
            pairs.add(pair);
        }
        long used = usedBytes() - before;
        return used / pairs.size() / 2;
    }

    private static TunnelConfig configFor(int streams) {
        return TunnelConfig.builder()
                .settings(Settings.builder().maxStreams(streams).build())
                .build();
    }

    private static List<TunnelStream> openStreams(CallerLoop loop, TunnelPair pair, int count) {
        List<TunnelStream> streams = new ArrayList<>(count);
        Sink sink = new Sink();
        for (int i = 0; i < count; i++) {
            TunnelStream stream = pair.gateway().open(TunnelPair.REQUEST, false, sink);
            for (int j = 0; j < 3; j++) {
                stream.write(Payload.of(new byte[64]));
            }
            streams.add(stream);
            loop.runUntilIdle();
        }
        return streams;
    }

    private static long usedBytes() {
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
        }
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }
}
