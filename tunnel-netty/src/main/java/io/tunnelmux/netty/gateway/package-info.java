/**
 * The end that clients reach: takes requests in, picks an agent, and sends them through its tunnel. Start with {@link
 * io.tunnelmux.netty.gateway.Gateway} and {@link io.tunnelmux.netty.gateway.GatewayConfig}; a request's way is {@code ClientConnection} (one
 * client), {@code Exchange} (one request and its response) and, after an upgrade, {@link io.tunnelmux.netty.relay.StreamRelay}.
 */
package io.tunnelmux.netty.gateway;
