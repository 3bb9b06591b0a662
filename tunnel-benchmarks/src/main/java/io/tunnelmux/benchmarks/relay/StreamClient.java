package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;

/**
 * A client with one message under way at a time, whose answer has a length that is known: bytes that come back over plain TCP, or an HTTP request. Of every answer
 * the first eight bytes and the last one are checked, of every 1,024th all. Belongs to one thread.
 */
final class StreamClient implements LoadConnection {
    private static final int WHOLE_CHECK_EVERY = 1024;
    private static final int MAX_HEAD_BYTES = 16 * 1024;

    private final SocketChannel channel;
    private final SelectionKey key;
    private final String target;
    private final boolean isNumbered;
    private final ByteBuffer out;
    /** What must come back. */
    private final ByteBuffer expected;
    /** Its position is behind what has come. */
    private final ByteBuffer answer;
    /** Bytes in front of what must come back; not known before the first answer. */
    private int headBytes;

    private long number;
    private long sentAtNanos;

    private StreamClient(
            SocketChannel channel,
            Selector selector,
            String target,
            boolean isNumbered,
            ByteBuffer out,
            ByteBuffer expected,
            int headBytes)
            throws IOException {
        this.channel = channel;
        this.key = channel.register(selector, SelectionKey.OP_READ, this);
        this.target = target;
        this.isNumbered = isNumbered;
        this.out = out;
        this.expected = expected;
        this.headBytes = headBytes;
        answer = ByteBuffer.allocateDirect(expected.capacity() + (headBytes < 0 ? MAX_HEAD_BYTES : 0) + 1);
    }

    /**
     * Connects, and says that it wants back what it sends.
     *
     * @param messageBytes at least 8
     */
    static StreamClient echo(
            String target,
            InetSocketAddress address,
            int messageBytes,
            Duration deadline,
            Selector selector,
            Random random)
            throws IOException {
        byte[] payload = new byte[messageBytes];
        random.nextBytes(payload);
        SocketChannel channel = connect(target, address, deadline);
        channel.write(ByteBuffer.wrap(new byte[] {ServedConnection.WANTS_ECHO}));
        channel.configureBlocking(false);
        ByteBuffer message = ByteBuffer.allocateDirect(messageBytes).put(0, payload);
        return new StreamClient(channel, selector, target, true, message, message.duplicate(), 0);
    }

    /** Connects, for GET requests that are answered with so many bytes. */
    static StreamClient http(
            String target, InetSocketAddress address, int bodyBytes, Duration deadline, Selector selector)
            throws IOException {
        SocketChannel channel = connect(target, address, deadline);
        channel.configureBlocking(false);
        byte[] request = ("GET /" + bodyBytes + " HTTP/1.1\r\nHost: " + address.getHostString() + ":"
                        + address.getPort() + "\r\nAccept: */*\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer out = ByteBuffer.allocateDirect(request.length).put(0, request);
        return new StreamClient(channel, selector, target, false, out, Pattern251.of(bodyBytes), -1);
    }

    static SocketChannel connect(String target, InetSocketAddress address, Duration deadline) throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.socket().connect(address, Math.toIntExact(deadline.toMillis()));
            return channel;
        } catch (IOException e) {
            channel.close();
            throw new IOException("cannot connect to " + target + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void send() throws IOException {
        number++;
        if (isNumbered) {
            out.putLong(0, number);
        }
        out.clear();
        sentAtNanos = System.nanoTime();
        write();
    }

    @Override
    public long onReady() throws IOException {
        // An echo may begin to come while the message still goes.
        if (out.hasRemaining()) {
            write();
        }
        if (channel.read(answer) < 0) {
            throw new IOException(target + " closed the connection at message " + number);
        }
        if (headBytes < 0) {
            findHead();
        }
        if (headBytes < 0 || answer.position() < headBytes + expected.capacity()) {
            return -1;
        }
        long nanos = System.nanoTime() - sentAtNanos;
        check();
        answer.clear();
        if (!isNumbered) {
            headBytes = -1;
        }
        return nanos;
    }

    private void findHead() throws IOException {
        for (int i = 0; i <= answer.position() - Integer.BYTES; i++) {
            if (answer.getInt(i) == 0x0d0a0d0a) {
                headBytes = i + Integer.BYTES;
                return;
            }
        }
        if (answer.position() >= MAX_HEAD_BYTES) {
            throw new IOException(target + " gave no HTTP answer");
        }
    }

    private void check() throws IOException {
        int length = expected.capacity();
        int last = length - 1;
        boolean same = answer.position() == headBytes + length
                && answer.get(headBytes + last) == expected.get(last)
                && (length < Long.BYTES || answer.getLong(headBytes) == expected.getLong(0));
        if (same && number % WHOLE_CHECK_EVERY == 1) {
            same = answer.slice(headBytes, length).equals(expected.duplicate().clear());
        }
        if (!same) {
            throw new IOException(target + " gave back other bytes than it should, message " + number);
        }
    }

    private void write() throws IOException {
        channel.write(out);
        int interest = SelectionKey.OP_READ | (out.hasRemaining() ? SelectionKey.OP_WRITE : 0);
        if (interest != key.interestOps()) {
            key.interestOps(interest);
        }
    }

    @Override
    public void close(Duration deadline) throws IOException {
        key.cancel();
        channel.close();
    }

    @Override
    public void abandon() {
        try {
            channel.close();
        } catch (IOException e) {
            System.err.println(target + ": cannot close: " + e);
        }
    }
}
