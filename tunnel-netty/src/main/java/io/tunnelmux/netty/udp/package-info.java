/** Datagrams, which the gateway and the agent send and receive alike: {@link io.tunnelmux.netty.udp.UdpSocket}, and the units of a stream that they are. */
package io.tunnelmux.netty.udp;
