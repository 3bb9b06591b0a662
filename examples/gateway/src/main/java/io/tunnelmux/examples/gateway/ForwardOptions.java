package io.tunnelmux.examples.gateway;

import io.tunnelmux.examples.common.Values;
import io.tunnelmux.netty.gateway.GatewayConfig;
import io.tunnelmux.netty.gateway.TcpForward;
import io.tunnelmux.netty.gateway.UdpForward;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** The options on what is passed on that is not HTTP. */
final class ForwardOptions {

    @Option(
            names = "--tcp-listen",
            paramLabel = "HOST:PORT=AGENT[:TARGET]",
            arity = "1..*",
            converter = Tcp.class,
            description =
                    "where TCP connections come in, and for which agent; TARGET is a name that the agent knows, or HOST:PORT as"
                            + " the agent sees them; without it they go to the agent's only target")
    private List<TcpForward> tcp = new ArrayList<>();

    @Option(
            names = "--udp-listen",
            paramLabel = "HOST:PORT=AGENT[:TARGET]",
            arity = "1..*",
            converter = Udp.class,
            description =
                    "where datagrams come in, and for which agent; TARGET is a name that the agent knows; without it they go to the"
                            + " agent's only target for datagrams")
    private List<UdpForward> udp = new ArrayList<>();

    @Option(
            names = "--udp-idle-timeout",
            paramLabel = "TIME",
            description =
                    "forget who has sent datagrams, when for so long none has come from there or gone there (60s)")
    private Duration udpIdleTimeout = UdpForward.DEFAULT_IDLE_TIMEOUT;

    /** Whether there is anything to pass on. */
    boolean isAny() {
        return !tcp.isEmpty() || !udp.isEmpty();
    }

    void addTo(GatewayConfig.Builder config) {
        tcp.forEach(config::tcpForward);
        udp.forEach(forward -> config.udpForward(forward.withIdleTimeout(udpIdleTimeout)));
    }

    /**
     * Reads {@code HOST:PORT=AGENT[:TARGET]}.
     *
     * @throws IllegalArgumentException with a message for people
     */
    static TcpForward tcp(String text) {
        Parts parts = Parts.of(text);
        TcpForward forward = TcpForward.of(parts.listen, parts.agentId);
        if (parts.isAddress()) {
            InetSocketAddress to = Values.target(parts.target);
            return forward.withHost(to.getHostString(), to.getPort());
        }
        return parts.target.isEmpty() ? forward : forward.withTarget(parts.target);
    }

    /** As {@link #tcp}, but for a target that is an address. */
    static UdpForward udp(String text) {
        Parts parts = Parts.of(text);
        if (parts.isAddress()) {
            throw new IllegalArgumentException("'" + text + "': a target for datagrams is a name");
        }
        UdpForward forward = UdpForward.of(parts.listen, parts.agentId);
        return parts.target.isEmpty() ? forward : forward.withTarget(parts.target);
    }

    /**
     * What stands in an option.
     *
     * @param target empty if there is none
     */
    private record Parts(InetSocketAddress listen, String agentId, String target) {

        static Parts of(String text) {
            int equals = text.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("'" + text + "' is not HOST:PORT=AGENT[:TARGET]");
            }
            InetSocketAddress listen = Values.address(text.substring(0, equals));
            String destination = text.substring(equals + 1);
            int colon = destination.indexOf(':');
            if (colon == destination.length() - 1) {
                throw new IllegalArgumentException("'" + text + "' is not HOST:PORT=AGENT[:TARGET]");
            }
            return colon < 0
                    ? new Parts(listen, destination, "")
                    : new Parts(listen, destination.substring(0, colon), destination.substring(colon + 1));
        }

        boolean isAddress() {
            return target.indexOf(':') >= 0;
        }
    }

    /** For picocli, which makes one. */
    static final class Tcp implements ITypeConverter<TcpForward> {
        private final ITypeConverter<TcpForward> reader = Values.converter(ForwardOptions::tcp);

        @Override
        public TcpForward convert(String text) throws Exception {
            return reader.convert(text);
        }
    }

    /** For picocli, which makes one. */
    static final class Udp implements ITypeConverter<UdpForward> {
        private final ITypeConverter<UdpForward> reader = Values.converter(ForwardOptions::udp);

        @Override
        public UdpForward convert(String text) throws Exception {
            return reader.convert(text);
        }
    }
}
