package io.tunnelmux.protocol.testing;

import java.lang.reflect.Method;

/** Counts what the current thread allocates, garbage or not. Any thread, each for itself. */
public final class AllocatedBytes {

    private static final int RUNS = 10;

    private AllocatedBytes() {}

    /**
     * Runs {@code action} some times and tells how many bytes this thread allocated in the most frugal run (the first ones load classes),
     * with the few that the counting itself costs.
     */
    public static long by(Runnable action) {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < RUNS; i++) {
            long before = ofThisThread();
            action.run();
            least = Math.min(least, ofThisThread() - before);
        }
        return least;
    }

    /** By reflection, so that no module has to require the JDK's management for its tests' sake. */
    private static long ofThisThread() {
        try {
            Object threads = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getThreadMXBean")
                    .invoke(null);
            Method count =
                    Class.forName("com.sun.management.ThreadMXBean").getMethod("getThreadAllocatedBytes", long.class);
            return (long) count.invoke(threads, Thread.currentThread().getId());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JVM does not count allocations", e);
        }
    }
}
