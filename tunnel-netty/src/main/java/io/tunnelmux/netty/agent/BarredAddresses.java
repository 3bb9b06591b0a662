package io.tunnelmux.netty.agent;

import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;

/**
 * Addresses that are never dialled, since whoever can change what a name stands for, or which target is asked for, would reach with them what is kept for the machine alone:
 * link-local ones, where clouds keep credentials for their machines, also where IPv6 only wraps them; and multicast.
 */
final class BarredAddresses {

    /** What comes before an IPv4 address in its last four bytes: of IPv4-compatible addresses, of those that SIIT and NAT64 translate (RFC 6052). */
    private static final byte[][] WRAPPERS = {
        new byte[12],
        {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1},
        {0, 0x64, (byte) 0xff, (byte) 0x9b, 0, 0, 0, 0, 0, 0, 0, 0},
    };
    /** 2002:v4:v4::, RFC 3056. */
    private static final byte[] SIX_TO_FOUR = {0x20, 0x02};
    /** {@code fd00:ec2::254}: what 169.254.169.254 is to Amazon's machines without IPv4. */
    private static final byte[] AMAZON_METADATA = {
        (byte) 0xfd, 0, 0x0e, (byte) 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54
    };

    private BarredAddresses() {}

    /** @throws IllegalArgumentException if the host is an address literal, and barred */
    static void requireOther(String host) {
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
        if (literal != null) {
            requireOther(literal);
        }
    }

    /** @throws IllegalArgumentException if the address is barred */
    static void requireOther(InetAddress address) {
        if (contain(address)) {
            throw new IllegalArgumentException(
                    "link-local and multicast addresses are barred: " + address.getHostAddress());
        }
    }

    static boolean contain(InetAddress address) {
        if (address.isLinkLocalAddress() || address.isMulticastAddress()) {
            return true;
        }
        return address instanceof Inet6Address && containWide(address.getAddress());
    }

    private static boolean containWide(byte[] address) {
        if (Arrays.equals(address, AMAZON_METADATA)) {
            return true;
        }
        if (startsWith(address, SIX_TO_FOUR)) {
            return containNarrow(address, SIX_TO_FOUR.length);
        }
        for (byte[] wrapper : WRAPPERS) {
            if (startsWith(address, wrapper)) {
                return containNarrow(address, wrapper.length);
            }
        }
        return false;
    }

    /** As {@link Inet4Address} has it: 169.254.0.0/16 and 224.0.0.0/4. */
    private static boolean containNarrow(byte[] address, int from) {
        return address[from] == (byte) 169 && address[from + 1] == (byte) 254 || (address[from] & 0xf0) == 0xe0;
    }

    private static boolean startsWith(byte[] address, byte[] prefix) {
        return Arrays.equals(address, 0, prefix.length, prefix, 0, prefix.length);
    }
}
