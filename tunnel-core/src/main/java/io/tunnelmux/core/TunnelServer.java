package io.tunnelmux.core;

import io.tunnelmux.core.transport.AcceptHandler;
import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.protocol.Hello;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The gateway's end of tunnels: shakes hands on each transport that an acceptor hands to it, and gives the tunnels that come of it to a {@link
 * TunnelHandler}.
 *
 * <p>Without state of its own; any thread.
 */
public final class TunnelServer implements AcceptHandler {

    private static final Logger LOG = LoggerFactory.getLogger(TunnelServer.class);

    private final TunnelConfig config;
    private final HelloVerifier verifier;
    private final TunnelHandler handler;
    private final Hello template;

    /**
     * @param verifier asked once per tunnel whether its agent may have one
     * @param handler told of all tunnels, each on its own loop
     */
    public TunnelServer(TunnelConfig config, HelloVerifier verifier, TunnelHandler handler) {
        this.config = config;
        this.verifier = verifier;
        this.handler = Objects.requireNonNull(handler, "the tunnels' handler");
        template = Hello.builder()
                .role(Hello.Role.GATEWAY)
                .sessionId("none yet")
                .capabilities(config.capabilities())
                .settings(config.settings())
                .metadata(config.metadata())
                .build();
    }

    @Override
    public void onAccepted(Transport transport, @Nullable String token) {
        Handshake handshake = new Handshake.Acceptor(template, config.messageFormat(), verifier, token);
        new Tunnel(transport, config, handshake, handler, new Log()).start();
    }

    private static final class Log implements Tunnel.Owner {

        @Override
        public void onOpened(Tunnel tunnel) {
            LOG.info("tunnel opened agent_id={} peer={}", tunnel.peer().agentId(), tunnel.remoteAddress());
        }

        @Override
        public void onDraining(Tunnel tunnel) {
            LOG.info("tunnel draining agent_id={} peer={}", tunnel.peer().agentId(), tunnel.remoteAddress());
        }

        @Override
        public void onEnded(Tunnel tunnel, Outcome outcome) {
            LOG.info("tunnel ended peer={} outcome=\"{}\"", tunnel.remoteAddress(), outcome);
        }
    }
}
