package io.tunnelmux.netty.udp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import io.netty.channel.uring.IoUringDatagramChannel;
import io.tunnelmux.netty.transport.IoMode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is done with the socket below a channel without asking the channel, which would not do it. On the channel's loop. */
abstract class KernelSocket {

    /** @param mode never {@link IoMode#AUTO} */
    static KernelSocket of(IoMode mode) {
        return mode == IoMode.NIO ? new OfJdk() : new OfLinux(mode);
    }

    abstract Channel newChannel();

    /** Restricts the socket to a peer, if nothing speaks against it. The channel is to know nothing of it. */
    abstract void connect(Channel channel, InetSocketAddress peer) throws IOException;

    /** Sends a datagram of no bytes at once; false if the kernel takes nothing now. */
    abstract boolean sendEmpty(Channel channel, InetSocketAddress to) throws IOException;

    private static final class OfJdk extends KernelSocket {
        private @Nullable DatagramChannel socket;

        @Override
        Channel newChannel() {
            try {
                socket = DatagramChannel.open();
                return new NioDatagramChannel(socket);
            } catch (IOException e) {
                throw new ChannelException(e);
            }
        }

        @Override
        void connect(Channel channel, InetSocketAddress peer) {
            // The JDK sends no datagram without bytes on a socket that is connected.
        }

        @Override
        boolean sendEmpty(Channel channel, InetSocketAddress to) throws IOException {
            Objects.requireNonNull(socket).send(ByteBuffer.allocate(0), to);
            return true;
        }
    }

    /** Netty's native transports, whose classes need not be there. */
    private static final class OfLinux extends KernelSocket {
        private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(1);

        private final IoMode mode;

        OfLinux(IoMode mode) {
            this.mode = mode;
        }

        @Override
        Channel newChannel() {
            return mode == IoMode.IO_URING ? new IoUringDatagramChannel() : new EpollDatagramChannel();
        }

        @Override
        void connect(Channel channel, InetSocketAddress peer) throws IOException {
            socketOf(channel).connect(peer);
        }

        @Override
        boolean sendEmpty(Channel channel, InetSocketAddress to) throws IOException {
            socketOf(channel).sendTo(NOTHING, 0, 0, to.getAddress(), to.getPort());
            return true;
        }

        private static Socket socketOf(Channel channel) {
            return (Socket) ((UnixChannel) channel).fd();
        }
    }
}
