package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * A connection that is as full as it can be, down, up, or both with what comes back. The last byte of every read is checked. Belongs to one thread.
 */
final class BulkConnection {
    private static final int READ_BYTES = 256 * 1024;

    /** Which way. */
    enum Way {
        DOWN(ServedConnection.WANTS_BULK),
        UP(ServedConnection.WANTS_NOTHING),
        ECHO(ServedConnection.WANTS_ECHO);

        private final byte wanted;

        Way(byte wanted) {
            this.wanted = wanted;
        }
    }

    private final SocketChannel channel;
    private final SelectionKey key;
    private final String target;
    private final Way way;
    private final ByteBuffer in;
    private final ByteBuffer out;
    private long received;
    private long sent;

    private BulkConnection(String target, Way way, SocketChannel channel, SelectionKey key, ByteBuffer in) {
        this.target = target;
        this.way = way;
        this.channel = channel;
        this.key = key;
        this.in = in;
        out = way == Way.DOWN ? ByteBuffer.allocate(0) : Pattern251.chunk();
    }

    /**
     * Connects, and begins. It is the attachment of its own selection key.
     *
     * @param scratch what is read goes there; may be shared by all of a thread
     */
    static BulkConnection open(
            String target, InetSocketAddress address, Way way, Duration deadline, Selector selector, ByteBuffer scratch)
            throws IOException {
        SocketChannel channel = StreamClient.connect(target, address, deadline);
        channel.write(ByteBuffer.wrap(new byte[] {way.wanted}));
        channel.configureBlocking(false);
        int interest = (way == Way.UP ? 0 : SelectionKey.OP_READ) | (way == Way.DOWN ? 0 : SelectionKey.OP_WRITE);
        SelectionKey key = channel.register(selector, interest);
        BulkConnection connection = new BulkConnection(target, way, channel, key, scratch);
        key.attach(connection);
        return connection;
    }

    static ByteBuffer newScratch() {
        return ByteBuffer.allocateDirect(READ_BYTES);
    }

    /** Bytes that have come, or where none ever come, that the socket has taken. */
    long bytes() {
        return way == Way.UP ? sent : received;
    }

    void onReady() throws IOException {
        if (key.isReadable()) {
            int count = channel.read(in.clear());
            if (count < 0) {
                throw new IOException(target + " closed a bulky connection");
            }
            received += count;
            if (count > 0 && in.get(count - 1) != Pattern251.at(received - 1)) {
                throw new IOException(target + " gave other bytes than it should, before " + received);
            }
        }
        if (key.isWritable()) {
            sent += channel.write(out);
            if (!out.hasRemaining()) {
                out.clear();
            }
        }
    }

    /** Lets go of the socket without a word: of what has no end there is no good one. */
    void abandon() {
        try {
            channel.close();
        } catch (IOException e) {
            System.err.println(target + ": cannot close: " + e);
        }
    }
}
