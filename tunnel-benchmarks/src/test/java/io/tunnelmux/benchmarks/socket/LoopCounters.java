package io.tunnelmux.benchmarks.socket;

import com.sun.management.ThreadMXBean;
import io.tunnelmux.core.Tunnel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** What the thread of a tunnel's loop has done since it began. Any thread may ask. */
final class LoopCounters {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Path PROC = Path.of("/proc");
    private static final Path THREAD_SELF = PROC.resolve("thread-self");
    private static final long PATIENCE_SECONDS = 30;

    private final Thread thread;
    private final Path io;

    private LoopCounters(Thread thread, Path io) {
        this.thread = thread;
        this.io = io;
    }

    /** Whether this system counts reads and writes by thread. */
    static boolean countsCalls() {
        return Files.isReadable(THREAD_SELF.resolve("io"));
    }

    static LoopCounters of(Tunnel tunnel) throws Exception {
        CompletableFuture<LoopCounters> found = new CompletableFuture<>();
        tunnel.loop().execute(() -> {
            try {
                Path self = countsCalls() ? PROC.resolve(Files.readSymbolicLink(THREAD_SELF)) : THREAD_SELF;
                found.complete(new LoopCounters(Thread.currentThread(), self.resolve("io")));
            } catch (IOException e) {
                found.completeExceptionally(e);
            }
        });
        return found.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    long threadId() {
        return thread.getId();
    }

    /** Bytes of heap. */
    long allocatedBytes() {
        return THREADS.getThreadAllocatedBytes(thread.getId());
    }

    /** Calls of {@code read} and {@code write} and their kin, but not of {@code recv} and {@code send}, which is what the JDK's sockets are not. */
    long calls() throws IOException {
        return counter("syscr") + writes();
    }

    /** Calls of {@code write} and its kin. */
    long writes() throws IOException {
        return counter("syscw");
    }

    private long counter(String name) throws IOException {
        for (String line : Files.readAllLines(io)) {
            if (line.startsWith(name + ": ")) {
                return Long.parseLong(line.substring(name.length() + 2));
            }
        }
        throw new IOException("no " + name + " in " + io);
    }
}
