package io.tunnelmux.core.testing;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A TCP relay that makes a way long: all that comes goes on after a given time, in order, in each direction. It keeps half-close (END behind the bytes, just as late)
 * and reset. It slows nothing down below about 1.1 Gbit/s: what is under way in one direction of one connection may come to that rate times the delay, and
 * a sender that is faster waits. Sockets have the buffers that the kernel gives them, which on a way of no length hold nobody up.
 *
 * <p>Two threads for each direction of a connection. {@link #close} may be called by any thread.
 */
public final class DelayRelay implements Closeable {

    /** What a direction lets through, in bytes per second. */
    private static final long RATE = 137_500_000;

    private static final int LEAST_BUFFER_BYTES = 256 * 1024;
    private static final int MOST_READ_BYTES = 256 * 1024;
    /** What comes within so short a time goes on together. */
    private static final long TOGETHER_NANOS = 100_000;

    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final ServerSocketChannel server;
    private final InetSocketAddress to;
    private final long delayNanos;
    private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

    private DelayRelay(ServerSocketChannel server, InetSocketAddress to, long delayNanos) {
        this.server = server;
        this.to = to;
        this.delayNanos = delayNanos;
    }

    /**
     * Begins to accept.
     *
     * @param listen port 0 is any that is free
     * @param delay of each direction
     * @throws IOException if it cannot listen there
     */
    public static DelayRelay start(InetSocketAddress listen, InetSocketAddress to, Duration delay) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        try {
            server.bind(listen);
        } catch (IOException e) {
            server.close();
            throw e;
        }
        DelayRelay relay = new DelayRelay(server, to, delay.toNanos());
        thread("accept", relay::accept);
        return relay;
    }

    /** Where it listens. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.socket().getLocalSocketAddress();
    }

    /** Stops to accept, and cuts all connections. */
    @Override
    public void close() throws IOException {
        server.close();
        open.forEach(DelayRelay::reset);
    }

    private void accept() {
        while (server.isOpen()) {
            try {
                relay(server.accept());
            } catch (IOException e) {
                // Closed, or one connection failed while it came: the next one may do better.
                if (server.isOpen()) {
                    System.err.println("delay relay: " + e);
                }
            }
        }
    }

    private void relay(SocketChannel near) throws IOException {
        open.add(near);
        SocketChannel far = SocketChannel.open();
        try {
            far.connect(to);
        } catch (IOException e) {
            far.close();
            drop(near);
            return;
        }
        open.add(far);
        near.setOption(StandardSocketOptions.TCP_NODELAY, true);
        far.setOption(StandardSocketOptions.TCP_NODELAY, true);
        AtomicInteger directions = new AtomicInteger(2);
        new Direction(near, far, directions).start();
        new Direction(far, near, directions).start();
        if (!server.isOpen()) {
            drop(near);
            drop(far);
        }
    }

    private void drop(SocketChannel channel) {
        open.remove(channel);
        reset(channel);
    }

    private static void reset(SocketChannel channel) {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            channel.close();
        } catch (IOException e) {
            // It was closed already, which is all that was asked for.
            return;
        }
    }

    private static void thread(String name, Runnable task) {
        Thread thread = new Thread(task, "delay-relay-" + name + "-" + NUMBER.incrementAndGet());
        thread.setDaemon(true);
        thread.start();
    }

    /** Bytes that lie in the ring behind those of the run before, and go on together. */
    private static final class Run {
        private final long firstNanos;
        private int bytes;
        private long dueNanos;

        Run(long nowNanos) {
            firstNanos = nowNanos;
        }
    }

    /** One direction: a reader that fills a ring, and a writer that empties it when the time has come. */
    private final class Direction {

        private final SocketChannel from;
        private final SocketChannel into;
        private final AtomicInteger directions;
        private final ByteBuffer ring;
        private final ReentrantLock lock = new ReentrantLock();
        private final Condition changed = lock.newCondition();
        private final ArrayDeque<Run> runs = new ArrayDeque<>();
        private int usedBytes;
        /** When the end goes on; what comes behind it is nothing. */
        private long endNanos;

        private boolean isEnded;
        private boolean isBroken;

        Direction(SocketChannel from, SocketChannel into, AtomicInteger directions) {
            this.from = from;
            this.into = into;
            this.directions = directions;
            long bytes = RATE * TimeUnit.NANOSECONDS.toMicros(delayNanos) / 1_000_000;
            ring = ByteBuffer.allocateDirect((int) Math.min(Integer.MAX_VALUE, Math.max(LEAST_BUFFER_BYTES, bytes)));
        }

        void start() {
            thread("read", this::read);
            thread("write", this::write);
        }

        private void read() {
            ByteBuffer view = ring.duplicate();
            int position = 0;
            boolean isReset = false;
            try {
                while (true) {
                    int room = awaitRoom();
                    view.limit(position + Math.min(Math.min(room, MOST_READ_BYTES), ring.capacity() - position));
                    view.position(position);
                    int bytes = from.read(view);
                    if (bytes < 0) {
                        break;
                    }
                    position = (position + bytes) % ring.capacity();
                    came(bytes);
                }
            } catch (IOException e) {
                isReset = true;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                isReset = true;
            }
            ended(isReset);
        }

        private int awaitRoom() throws InterruptedException {
            lock.lock();
            try {
                while (usedBytes == ring.capacity()) {
                    changed.await();
                }
                return ring.capacity() - usedBytes;
            } finally {
                lock.unlock();
            }
        }

        private void came(int bytes) {
            lock.lock();
            try {
                long nowNanos = System.nanoTime();
                Run last = runs.peekLast();
                if (last == null || nowNanos - last.firstNanos > TOGETHER_NANOS) {
                    last = new Run(nowNanos);
                    runs.addLast(last);
                }
                last.bytes += bytes;
                last.dueNanos = nowNanos + delayNanos;
                usedBytes += bytes;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        private void ended(boolean isReset) {
            lock.lock();
            try {
                isEnded = true;
                isBroken |= isReset;
                endNanos = System.nanoTime() + delayNanos;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        private void write() {
            ByteBuffer view = ring.duplicate();
            int position = 0;
            try {
                for (Run run = next(); run != null; run = next()) {
                    for (int rest = run.bytes; rest > 0; ) {
                        view.limit(position + Math.min(rest, ring.capacity() - position));
                        view.position(position);
                        int bytes = into.write(view);
                        rest -= bytes;
                        position = (position + bytes) % ring.capacity();
                        free(bytes);
                    }
                }
                if (isBroken) {
                    drop(into);
                } else {
                    into.shutdownOutput();
                }
            } catch (IOException e) {
                // Whoever sends is to notice; its reader wakes up, and finds its socket closed.
                drop(from);
                free(ring.capacity());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (directions.decrementAndGet() == 0) {
                closeBoth();
            }
        }

        private void closeBoth() {
            open.remove(from);
            open.remove(into);
            try {
                from.close();
                into.close();
            } catch (IOException e) {
                System.err.println("delay relay: " + e);
            }
        }

        /** The next run, when its time has come; null at the end, when its time has come. */
        private Run next() throws InterruptedException {
            lock.lock();
            try {
                while (true) {
                    Run first = runs.peekFirst();
                    if (first == null && !isEnded) {
                        changed.await();
                        continue;
                    }
                    long waitNanos = (first == null ? endNanos : first.dueNanos) - System.nanoTime();
                    if (waitNanos <= 0) {
                        return runs.pollFirst();
                    }
                    changed.awaitNanos(waitNanos);
                }
            } finally {
                lock.unlock();
            }
        }

        private void free(int bytes) {
            lock.lock();
            try {
                usedBytes = Math.max(0, usedBytes - bytes);
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** {@code --listen HOST:PORT --to HOST:PORT --delay 50ms}: relays until the process is ended. */
    public static void main(String[] args) throws InterruptedException {
        String listen = "127.0.0.1:0";
        String to = "";
        String delay = "";
        try {
            for (int i = 0; i < args.length; i += 2) {
                String value = i + 1 < args.length ? args[i + 1] : "";
                switch (args[i]) {
                    case "--listen" -> listen = value;
                    case "--to" -> to = value;
                    case "--delay" -> delay = value;
                    default -> throw new IllegalArgumentException("no option " + args[i]);
                }
            }
            DelayRelay relay = start(address(listen), address(to), duration(delay));
            InetSocketAddress at = relay.address();
            System.out.println("delay relay ready listen=" + at.getAddress().getHostAddress() + ":" + at.getPort());
            System.out.flush();
        } catch (IllegalArgumentException e) {
            System.err.println("delay relay: " + e.getMessage() + " (--listen HOST:PORT --to HOST:PORT --delay 50ms)");
            System.exit(2);
        } catch (IOException e) {
            System.err.println("delay relay: cannot listen on " + listen + ": " + e.getMessage());
            System.exit(1);
        }
        new CountDownLatch(1).await();
    }

    private static InetSocketAddress address(String text) {
        URI uri = URI.create("tcp://" + text);
        if (uri.getHost() == null || uri.getPort() < 0) {
            throw new IllegalArgumentException("'" + text + "' is not HOST:PORT");
        }
        return new InetSocketAddress(uri.getHost(), uri.getPort());
    }

    private static Duration duration(String text) {
        Matcher matcher = Pattern.compile("([0-9]{1,5})(ms|s)").matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is no delay like 50ms");
        }
        long amount = Long.parseLong(matcher.group(1));
        return matcher.group(2).equals("s") ? Duration.ofSeconds(amount) : Duration.ofMillis(amount);
    }
}
