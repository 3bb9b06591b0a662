package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;

/**
 * A WebSocket server that sends every message back. One thread, one read and one write for a message that arrives whole:
 * what it costs is small and the same for every relay before it. {@link #run} belongs to one thread; {@link #close} may
 * come from any.
 */
final class EchoServer implements Runnable, AutoCloseable {
    private final ServerSocketChannel acceptor;
    private final Selector selector;
    private final InetSocketAddress address;
    private volatile boolean closed;

    private EchoServer(ServerSocketChannel acceptor, Selector selector) throws IOException {
        this.acceptor = acceptor;
        this.selector = selector;
        this.address = (InetSocketAddress) acceptor.getLocalAddress();
    }

    /** Listens at {@code address}; port 0 takes a free one. Connections are served once {@link #run} is called. */
    static EchoServer open(InetSocketAddress address) throws IOException {
        ServerSocketChannel acceptor = ServerSocketChannel.open();
        acceptor.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        acceptor.bind(address, 1024);
        acceptor.configureBlocking(false);
        Selector selector = Selector.open();
        acceptor.register(selector, SelectionKey.OP_ACCEPT);
        return new EchoServer(acceptor, selector);
    }

    InetSocketAddress address() {
        return address;
    }

    /** Serves until {@link #close}. */
    @Override
    public void run() {
        try {
            while (!closed) {
                selector.select(this::onReady);
            }
            for (SelectionKey key : new ArrayList<>(selector.keys())) {
                key.channel().close();
            }
            selector.close();
        } catch (IOException e) {
            throw new UncheckedIOException("the echo server's loop", e);
        }
    }

    @Override
    public void close() {
        closed = true;
        selector.wakeup();
    }

    private void onReady(SelectionKey key) {
        if (key.attachment() instanceof EchoConnection connection) {
            connection.onReady();
        } else {
            accept();
        }
    }

    private void accept() {
        try {
            SocketChannel channel = acceptor.accept();
            if (channel == null) {
                return;
            }
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            SelectionKey key = channel.register(selector, SelectionKey.OP_READ);
            key.attach(new EchoConnection(channel, key));
        } catch (IOException e) {
            System.err.println("echo: cannot accept: " + e);
        }
    }
}
