package io.tunnelmux.netty.endtoend;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;

/**
 * How long and how much it takes to be rid of those who only cost. No test: figures are for people. Gateway, agent and both ends share this process.
 *
 * <pre>java -cp … io.tunnelmux.netty.endtoend.Measures</pre>
 */
final class Measures {

    private static final String OTHERS = "GET /other HTTP/1.1\r\nHost: a\r\n\r\n";

    private Measures() {}

    public static void main(String[] arguments) throws Exception {
        try (Chain chain = Chain.start(config -> config.maxRequestsPerConnection(1_000_000))) {
            for (int i = 0; i < 3_000; i++) {
                timeOfOthers(chain); // until everything is compiled
            }
            slowHeads(chain);
            aborts(chain);
            pipelined(chain);
            bomb(chain);
        }
    }

    /** Milliseconds that a request takes which somebody else makes. */
    private static double timeOfOthers(Chain chain) throws IOException {
        long began = System.nanoTime();
        try (RawSocket client = RawSocket.to(chain.gateway().httpAddress())) {
            client.send(OTHERS).message();
        }
        return (System.nanoTime() - began) / 1e6;
    }

    private static String spread(List<Double> values) {
        double[] sorted =
                values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return String.format(
                "p50 %.1f, p99 %.1f, most %.1f (of %d)",
                sorted[sorted.length / 2],
                sorted[(int) (sorted.length * 0.99)],
                sorted[sorted.length - 1],
                sorted.length);
    }

    private static void slowHeads(Chain chain) throws Exception {
        int silent = 1_000;
        int dripping = 400;
        InetSocketAddress address = chain.gateway().httpAddress();
        List<SocketChannel> drippers = new ArrayList<>();
        long[] closedNanos = new long[silent + dripping];
        Selector selector = Selector.open();
        long began = System.nanoTime();
        for (int i = 0; i < silent + dripping; i++) {
            SocketChannel client = SocketChannel.open(address);
            client.configureBlocking(false);
            client.register(selector, SelectionKey.OP_READ, i);
            if (i >= silent) {
                drippers.add(client);
                client.write(ByteBuffer.wrap("GET / HTTP/1.1\r\nHost: a\r\nX: ".getBytes(StandardCharsets.US_ASCII)));
            }
        }
        long opened = System.nanoTime();
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
        timer.scheduleAtFixedRate(() -> drip(drippers), 100, 100, TimeUnit.MILLISECONDS);
        List<Double> others = new ArrayList<>();
        timer.scheduleWithFixedDelay(() -> other(chain, others), 0, 50, TimeUnit.MILLISECONDS);
        int open = silent + dripping;
        ByteBuffer read = ByteBuffer.allocate(4_096);
        while (open > 0 && selector.select(60_000) > 0) {
            for (SelectionKey key : selector.selectedKeys()) {
                int count;
                try {
                    count = ((SocketChannel) key.channel()).read(read.clear());
                } catch (IOException e) {
                    count = -1;
                }
                if (count < 0) {
                    closedNanos[(Integer) key.attachment()] = System.nanoTime();
                    key.channel().close();
                    open--;
                }
            }
            selector.selectedKeys().clear();
        }
        timer.shutdown();
        timer.awaitTermination(10, TimeUnit.SECONDS);
        selector.close();
        long last = Arrays.stream(closedNanos).max().orElseThrow();
        long first = Arrays.stream(closedNanos).min().orElseThrow();
        System.out.printf(
                "slow heads: %d silent and %d dripping clients opened in %.2f s; closed %.2f to %.2f s after the first of them; left open: %d; others meanwhile, ms: %s%n",
                silent,
                dripping,
                (opened - began) / 1e9,
                (first - began) / 1e9,
                (last - began) / 1e9,
                open,
                spread(others));
    }

    private static void drip(List<SocketChannel> drippers) {
        for (SocketChannel dripper : drippers) {
            try {
                dripper.write(ByteBuffer.wrap(new byte[] {'x'}));
            } catch (IOException e) {
                // It was closed: that is what is measured, at its reading side.
                continue;
            }
        }
    }

    private static void other(Chain chain, List<Double> times) {
        try {
            times.add(timeOfOthers(chain));
        } catch (IOException e) {
            System.out.println("another client failed: " + e);
        }
    }

    private static void aborts(Chain chain) throws Exception {
        int burst = 2_000;
        int wave = 500;
        AtomicInteger busy = new AtomicInteger();
        List<Double> others = new ArrayList<>();
        long began = System.nanoTime();
        long lastAbort = 0;
        for (int done = 0; done < burst; done += wave) {
            CountDownLatch arrived = new CountDownLatch(wave);
            chain.upstream().answers(server -> {
                server.message();
                busy.incrementAndGet();
                arrived.countDown();
                server.end();
                busy.decrementAndGet();
            });
            List<RawSocket> clients = new ArrayList<>();
            for (int i = 0; i < wave; i++) {
                clients.add(
                        RawSocket.to(chain.gateway().httpAddress()).send("GET /aborted HTTP/1.1\r\nHost: a\r\n\r\n"));
            }
            arrived.await();
            for (RawSocket client : clients) {
                client.reset();
            }
            lastAbort = System.nanoTime();
        }
        while (busy.get() > 0) {
            Thread.onSpinWait();
        }
        long idle = System.nanoTime();
        chain.upstream().answers(RawUpstream::ok);
        for (int i = 0; i < 100; i++) {
            others.add(timeOfOthers(chain));
        }
        System.out.printf(
                "aborts: %d requests in %.2f s, %d under way at once, all given up; upstream idle %.0f ms after the last; others then, ms: %s%n",
                burst, (lastAbort - began) / 1e9, wave, (idle - lastAbort) / 1e6, spread(others));
    }

    private static void pipelined(Chain chain) throws Exception {
        int requests = 200_000;
        AtomicBoolean isOver = new AtomicBoolean();
        List<Double> others = new ArrayList<>();
        Thread other = new Thread(() -> {
            while (!isOver.get()) {
                other(chain, others);
            }
        });
        long taken = chain.taken("", new CountDownLatch(0), OTHERS, 64L << 20);
        long began = System.nanoTime();
        try (RawSocket client = RawSocket.to(chain.gateway().httpAddress())) {
            Thread writer = new Thread(() -> send(client, requests));
            writer.start();
            other.start();
            for (int i = 0; i < requests; i++) {
                client.message();
            }
            writer.join();
        }
        long ended = System.nanoTime();
        isOver.set(true);
        other.join();
        System.out.printf(
                "pipelined: of a client that does not read, %d bytes are taken, all buffers of the kernel and its answers included; %d requests of one that does are answered in %.1f s; others meanwhile, ms: %s%n",
                taken, requests, (ended - began) / 1e9, spread(others));
    }

    private static void send(RawSocket client, int requests) {
        try {
            for (int i = 0; i < requests; i += 100) {
                client.send(OTHERS.repeat(100));
            }
        } catch (IOException e) {
            System.out.println("pipelining failed: " + e);
        }
    }

    private static void bomb(Chain chain) throws Exception {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream packer = new GZIPOutputStream(packed)) {
            byte[] nothing = new byte[1 << 20];
            for (int i = 0; i < 256; i++) {
                packer.write(nothing);
            }
        }
        String bytes = packed.toString(StandardCharsets.ISO_8859_1);
        chain.upstream()
                .answers("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + bytes.length() + "\r\n\r\n"
                        + bytes);
        Runtime.getRuntime().gc();
        long before = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        long began = System.nanoTime();
        boolean isSame;
        try (RawSocket client = RawSocket.to(chain.gateway().httpAddress())) {
            isSame = client.send("GET /bomb HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
                    .message()
                    .body()
                    .equals(bytes);
        }
        long ended = System.nanoTime();
        long after = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        System.out.printf(
                "bomb: 256 MiB, packed into %d bytes, passed %s in %d ms; heap %d MB more, those of both ends included%n",
                bytes.length(),
                isSame ? "as they are" : "CHANGED",
                Duration.ofNanos(ended - began).toMillis(),
                (after - before) >> 20);
    }
}
