package io.tunnelmux.netty.gateway;

import io.netty.handler.ipfilter.IpFilterRuleType;
import io.netty.handler.ipfilter.IpSubnetFilterRule;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The proxies whose word is taken for who their clients are. Going from the nearest hop backwards, the client is the first that is not one of them: what is
 * further away was said by somebody who is not trusted, and is dropped. Immutable; any thread.
 */
final class TrustedProxies {

    /** Nobody is. */
    static final TrustedProxies NONE = new TrustedProxies(List.of());

    private static final String UNKNOWN = "unknown";

    private final List<IpSubnetFilterRule> networks;

    private TrustedProxies(List<IpSubnetFilterRule> networks) {
        this.networks = networks;
    }

    /**
     * Those of these networks.
     *
     * @param networks {@code ADDRESS/BITS}, or an address alone
     * @throws IllegalArgumentException for anything else
     */
    static TrustedProxies of(Collection<String> networks) {
        return new TrustedProxies(networks.stream().map(TrustedProxies::network).toList());
    }

    private static IpSubnetFilterRule network(String text) {
        int slash = text.indexOf('/');
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(slash < 0 ? text : text.substring(0, slash));
        int most = address == null ? 0 : 8 * address.getAddress().length;
        int bits = -1;
        try {
            bits = slash < 0 ? most : Integer.parseInt(text, slash + 1, text.length(), 10);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not ADDRESS/BITS", e);
        }
        if (address == null || bits < 0 || bits > most) {
            throw new IllegalArgumentException("'" + text + "' is not ADDRESS/BITS");
        }
        return new IpSubnetFilterRule(address, bits, IpFilterRuleType.ACCEPT);
    }

    boolean contains(InetAddress address) {
        if (networks.isEmpty()) {
            return false;
        }
        InetSocketAddress asked = new InetSocketAddress(address, 0);
        for (IpSubnetFilterRule network : networks) {
            if (network.matches(asked)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Who has sent a request.
     *
     * @param peer at the other end of the connection
     * @param scheme of the connection
     */
    Client clientOf(RequestHead head, SocketAddress peer, String scheme) {
        if (!(peer instanceof InetSocketAddress inet) || inet.getAddress() == null) {
            return new Client(null, UNKNOWN, UNKNOWN, scheme, head.authority());
        }
        InetAddress address = inet.getAddress();
        String near = NetUtil.toAddressString(address);
        if (contains(address)) {
            List<ForwardedFields.Hop> hops = head.forwarded().hops();
            List<String> chain = new ArrayList<>();
            chain.add(near);
            ForwardedFields.Hop client = null;
            for (int i = hops.size() - 1; i >= 0; i--) {
                ForwardedFields.Hop hop = hops.get(i);
                if (hop.address() == null) {
                    break;
                }
                client = hop;
                chain.add(0, NetUtil.toAddressString(hop.address()));
                if (!contains(hop.address())) {
                    break;
                }
            }
            if (client != null) {
                return new Client(
                        client.address(),
                        chain.get(0),
                        String.join(", ", chain),
                        client.scheme() == null ? scheme : client.scheme(),
                        client.host() == null ? head.authority() : client.host());
            }
        }
        return new Client(address, NetUtil.toSocketAddressString(inet), near, scheme, head.authority());
    }
}
