/**
 * WebSocket frames (RFC 6455) as what carries a tunnel and what relays messages both need them: read and written in pieces, with nothing copied that need not
 * be. Knows no tunnels and no channels. Not exported.
 */
package io.tunnelmux.netty.websocket;
