/**
 * One multiplexed tunnel: many streams over one transport, sharing its bandwidth by credit. Read {@link io.tunnelmux.core.Tunnel}, then {@link
 * io.tunnelmux.core.TunnelStream}, then {@code FrameReceiver} (what the peer may do), then {@code WriteScheduler} (whose turn it is), then {@code SendWindow}
 * and {@code ReceiveWindow} (how much may be under way). {@link io.tunnelmux.core.TunnelClient} keeps a tunnel up, {@link io.tunnelmux.core.TunnelServer} takes
 * them in. {@link io.tunnelmux.core.BlockingStream} is a stream for a thread that may wait, {@link io.tunnelmux.core.MessageExchange} carries requests and
 * answers beside the streams. Knows no sockets.
 */
package io.tunnelmux.core;
