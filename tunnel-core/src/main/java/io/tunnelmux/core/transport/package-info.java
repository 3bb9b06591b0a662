/** What carries a tunnel: the transport, the loop that owns it, and the pair of transports that needs no network. */
package io.tunnelmux.core.transport;
