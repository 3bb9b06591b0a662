package io.tunnelmux.netty.transport;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Looks up the addresses of hosts as the platform does, on a thread of its own, since that blocks and may do so for long. Any thread.
 */
final class HostResolver {
    private static final int MAX_THREADS = 4;
    private static final int MAX_WAITING = 64;
    private static final long IDLE_SECONDS = 10;

    private static final Executor LOOKUPS = lookups();

    private HostResolver() {}

    private static Executor lookups() {
        ThreadPoolExecutor executor = new ThreadPoolExecutor(
                MAX_THREADS,
                MAX_THREADS,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(MAX_WAITING),
                task -> {
                    Thread thread = new Thread(task, "tunnelmux-resolver");
                    thread.setDaemon(true);
                    return thread;
                });
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    /**
     * The addresses of a host, at least one.
     *
     * @param host a name, or an address, which is not looked up
     * @return completes on some thread; fails with an {@link UnknownHostException}
     */
    static CompletableFuture<List<InetAddress>> resolve(String host) {
        byte[] address = NetUtil.createByteArrayFromIpAddressString(host);
        try {
            if (address != null) {
                return CompletableFuture.completedFuture(List.of(InetAddress.getByAddress(host, address)));
            }
            return CompletableFuture.supplyAsync(() -> lookUp(host), LOOKUPS);
        } catch (UnknownHostException | RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static List<InetAddress> lookUp(String host) {
        try {
            return List.of(InetAddress.getAllByName(host));
        } catch (UnknownHostException e) {
            throw new CompletionException(e);
        }
    }
}
