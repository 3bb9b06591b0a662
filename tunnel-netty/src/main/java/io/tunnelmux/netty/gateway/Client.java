package io.tunnelmux.netty.gateway;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Whom a request comes from, as far as is known: behind a trusted proxy, whom that says.
 *
 * @param address null where there is none, as on a socket of the machine itself
 * @param text the address, with its port if that is known; for logs and the agent
 * @param forwardedFor the address and those of the trusted proxies behind it, nearest last
 * @param scheme of what the client asked for: {@code http} or {@code https}
 * @param host what it asked, with a port if it named one; may be empty
 */
record Client(@Nullable InetAddress address, String text, String forwardedFor, String scheme, String host) {}
