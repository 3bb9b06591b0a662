package io.tunnelmux.netty.status;

import io.tunnelmux.core.MemoryBudget;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.http.Json;
import java.util.Collection;
import java.util.List;

/** What a {@link StatusListener} shows. Called from its event loop; must not block. */
public interface StatusSource {

    /** Whether what runs here can be sent work. */
    boolean isReady();

    /** What the bytes that all tunnels hold count against. */
    MemoryBudget memoryBudget();

    /** The tunnels that stand now, those that drain as well. */
    Collection<Tunnel> tunnels();

    /**
     * Writes what runs here into an object.
     *
     * @param tunnels what those of {@link #tunnels()} had to report, in the same order
     */
    void describe(Json json, List<TunnelStatus> tunnels);
}
