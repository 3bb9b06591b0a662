package io.tunnelmux.netty.gateway;

import io.tunnelmux.core.TunnelConfig;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.RecordingTunnelHandler;
import io.tunnelmux.core.testing.TunnelPair;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Settings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Admission to an agent with real tunnels, in virtual time. */
final class AdmissionRig {

    static final String AGENT = "demo";

    final VirtualLoop loop = new VirtualLoop();
    /** Those that were let in, in the order in which they were. */
    final List<Guest> inside = new ArrayList<>();

    /** What was told of breakers. */
    final List<String> circuits = new ArrayList<>();

    final AgentRegistry registry;
    final RequestAdmission admission;

    AdmissionRig(AdmissionConfig limits) {
        registry = new AgentRegistry(TokenAuthenticator.of("a-token-for-tests"), limits, loop::nanoTime);
        admission = new RequestAdmission(
                limits, registry, loop::nanoTime, (route, state) -> circuits.add(route + " " + state));
    }

    /** A tunnel of an instance of its own, which takes the place of others. */
    TunnelPair connect(int maxStreams) {
        TunnelConfig agent = TunnelConfig.builder()
                .settings(Settings.builder().maxStreams(maxStreams).build())
                .build();
        TunnelHandler handler = new RecordingTunnelHandler((stream, request, isEnd) -> new RecordingHandler());
        TunnelPair pair = TunnelPair.open(
                new TunnelPair.End(loop, TunnelConfig.DEFAULTS, registry.handler()),
                new TunnelPair.End(loop, agent, handler));
        loop.runUntilIdle();
        return pair;
    }

    void lose(TunnelPair pair) {
        pair.lose();
        loop.runUntilIdle();
    }

    Guest guest() {
        return guest(Route.to(AGENT), null);
    }

    Guest guest(Route route, @Nullable InetAddress client) {
        Guest guest = new Guest(route, client);
        guest.visit.enter(loop);
        loop.runUntilIdle();
        return guest;
    }

    List<Guest> guests(int count) {
        List<Guest> guests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            guests.add(guest());
        }
        return guests;
    }

    void advance(Duration time) {
        loop.advance(time);
    }

    static InetAddress address(String text) {
        return new InetSocketAddress(text, 0).getAddress();
    }

    /** One that wants to be let in. */
    final class Guest implements Visit.Visitor {

        final Visit visit;
        io.tunnelmux.core.@Nullable Tunnel tunnel;

        @Nullable
        ProxyError refusal;

        private Guest(Route route, @Nullable InetAddress client) {
            visit = new Visit(admission, route, "/path", client, this);
        }

        @Override
        public void onTunnel(io.tunnelmux.core.Tunnel chosen) {
            if (refusal != null) {
                throw new AssertionError("let in after " + refusal);
            }
            tunnel = chosen;
            inside.add(this);
        }

        @Override
        public void onNoTunnel(ProxyError told) {
            if (refusal != null) {
                throw new AssertionError("refused twice");
            }
            refusal = told;
        }

        boolean isInside() {
            return tunnel != null && refusal == null;
        }

        boolean isWaiting() {
            return tunnel == null && refusal == null;
        }

        @Nullable
        String refusedWith() {
            return refusal == null ? null : refusal.code();
        }

        void ends() {
            visit.end();
            loop.runUntilIdle();
        }
    }
}
