package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;

/**
 * What stands behind all relays: gives back what it gets, gives without end, or takes, as the client's first byte asks ({@link ServedConnection}). One thread, one
 * read and one write for a message that arrives whole: what it costs is small and the same for every relay before it. {@link #run} belongs to one thread;
 * {@link #close} may come from any.
 */
final class LoadServer implements Runnable, AutoCloseable {
    private final ServerSocketChannel acceptor;
    private final Selector selector;
    private final InetSocketAddress address;
    private volatile boolean closed;

    private LoadServer(ServerSocketChannel acceptor, Selector selector) throws IOException {
        this.acceptor = acceptor;
        this.selector = selector;
        this.address = (InetSocketAddress) acceptor.getLocalAddress();
    }

    /** Listens at {@code address}; port 0 takes a free one. Connections are served once {@link #run} is called. */
    static LoadServer open(InetSocketAddress address) throws IOException {
        ServerSocketChannel acceptor = ServerSocketChannel.open();
        acceptor.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        acceptor.bind(address, 1024);
        acceptor.configureBlocking(false);
        Selector selector = Selector.open();
        acceptor.register(selector, SelectionKey.OP_ACCEPT);
        return new LoadServer(acceptor, selector);
    }

    /** Listens on a free port of the loopback interface, prints the address, and serves until the process ends. */
    public static void main(String[] args) throws IOException {
        LoadServer server = open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        System.out.println("load-server ready at=127.0.0.1:" + server.address().getPort());
        server.run();
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
        if (key.attachment() instanceof ServedConnection connection) {
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
            key.attach(new ServedConnection(channel, key));
        } catch (IOException e) {
            System.err.println("load server: cannot accept: " + e);
        }
    }
}
