package io.tunnelmux.core.transport;

import java.net.URI;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Dials a gateway; every transport that it makes is owned by one loop, the connector's. Implementations bound the time of an attempt
 * themselves.
 *
 * <p>Any thread may call.
 */
public interface Connector {

    /** The loop of all transports from here. */
    TunnelLoop loop();

    /**
     * Opens a transport to {@code gateway}.
     *
     * @param gateway for instance {@code wss://gateway.example/tunnel}
     * @param token a bearer token, or null if the gateway wants none; never logged
     * @return completes on the loop; fails with a {@link TunnelException} that says whether the gateway refused
     *     (and for how long) or could not be reached
     */
    CompletionStage<Transport> connect(URI gateway, @Nullable String token);
}
