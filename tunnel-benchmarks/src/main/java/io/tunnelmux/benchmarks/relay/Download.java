package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A client that reads {@code /bulk} and throws it away, in a thread of its own, until it is closed. */
final class Download implements AutoCloseable {
    private static final int CHUNK_BYTES = 128 * 1024;
    private static final byte[] REQUEST =
            "GET /bulk HTTP/1.1\r\nHost: bench\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1);

    private final SocketChannel channel;
    private final Thread thread;
    private volatile long bytes;
    private volatile boolean isStopped;
    private volatile boolean isClosed;
    private volatile @Nullable IOException failure;

    private Download(SocketChannel channel) {
        this.channel = channel;
        thread = new Thread(this::read, "download");
        thread.setDaemon(true);
    }

    static Download start(InetSocketAddress address) throws IOException {
        Download download = new Download(SocketChannel.open(address));
        download.channel.write(ByteBuffer.wrap(REQUEST));
        download.thread.start();
        return download;
    }

    /**
     * Bytes that have come so far, the head among them.
     *
     * @throws IOException if it has ended, which it never should
     */
    long bytes() throws IOException {
        IOException end = failure;
        if (end != null) {
            throw end;
        }
        return bytes;
    }

    /** Reads no more until {@link #goOn}. */
    void stop() {
        isStopped = true;
    }

    void goOn() {
        isStopped = false;
        LockSupport.unpark(thread);
    }

    private void read() {
        ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
        try {
            for (int count = channel.read(chunk); count >= 0; count = channel.read(chunk.clear())) {
                bytes += count;
                while (isStopped && !isClosed) {
                    LockSupport.park(this);
                }
            }
            failure = new IOException("a download ended");
        } catch (IOException e) {
            if (!isClosed) {
                failure = e;
            }
        }
    }

    @Override
    public void close() {
        isClosed = true;
        goOn();
        try {
            channel.close();
        } catch (IOException e) {
            failure = e;
        }
    }
}
