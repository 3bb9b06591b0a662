package io.tunnelmux.core.simulation;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.protocol.Settings;
import java.util.SplittableRandom;

/**
 * What a side allows beyond its {@link Settings}, without telling the other.
 *
 * @param growthBytes of all windows of a tunnel's streams together
 * @param memoryBytes of all tunnels of the side
 */
record Limits(int maxStreamWindowBytes, int maxTunnelWindowBytes, long growthBytes, long memoryBytes) {

    private static final long MUCH_BYTES = 64 * 1024 * 1024;
    private static final int[] GROWTH = {0, 10_000, 100_000, 1_000_000};
    private static final long[] STREAM_FACTOR = {1, 1, 2, 5, 100};
    private static final long[] TUNNEL_FACTOR = {1, 1, 2, 20};

    /** Windows stay as they are, and memory is ample. */
    static Limits fixed(Settings settings) {
        return new Limits(settings.streamWindowBytes(), settings.tunnelWindowBytes(), 0, MUCH_BYTES);
    }

    /** Limits by lot. */
    static Limits random(SplittableRandom random, Settings settings) {
        long stream = settings.streamWindowBytes() * STREAM_FACTOR[random.nextInt(STREAM_FACTOR.length)];
        long tunnel = settings.tunnelWindowBytes() * TUNNEL_FACTOR[random.nextInt(TUNNEL_FACTOR.length)];
        long odd = random.nextInt(3) == 0 ? random.nextInt(5_000) : 0;
        return new Limits(
                (int) Math.min(Integer.MAX_VALUE, stream + odd),
                (int) Math.min(Integer.MAX_VALUE, tunnel + odd),
                GROWTH[random.nextInt(GROWTH.length)],
                random.nextInt(4) == 0 ? 1_000 + random.nextInt(150_000) : MUCH_BYTES);
    }

    /** Whether streams may have to be ended for want of memory. */
    boolean isMemoryShort() {
        return memoryBytes < MUCH_BYTES;
    }

    void applyTo(TunnelConfig.Builder config, MemoryBudget memory) {
        config.maxStreamWindowBytes(maxStreamWindowBytes)
                .maxTunnelWindowBytes(maxTunnelWindowBytes)
                .maxGrowthBytes(growthBytes)
                .memoryBudget(memory);
    }
}
