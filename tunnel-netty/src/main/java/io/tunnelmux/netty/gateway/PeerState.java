package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollSocketChannel;

/**
 * What the kernel knows of a peer that has gone while its last bytes have not been read. A socket that is not read from shows neither the
 * end behind those bytes nor a reset, but on Linux the state of its connection can be asked for. Elsewhere the end is noticed when
 * reading goes on, or when something is written.
 */
final class PeerState {

    private static final int TCP_ESTABLISHED = 1;

    private PeerState() {}

    /** Whether the peer has certainly ended its side, or all of the connection. */
    static boolean hasEnded(Channel channel) {
        if (channel instanceof EpollSocketChannel socket && socket.isOpen()) {
            try {
                return socket.tcpInfo().state() != TCP_ESTABLISHED;
            } catch (ChannelException e) {
                // There is no connection to be asked about any more.
                return true;
            }
        }
        return false;
    }
}
