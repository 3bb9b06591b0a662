/** Tunnels over WebSocket and TCP, with or without TLS, on the best event loop the platform has. */
package io.tunnelmux.netty.transport;
