package io.tunnelmux.benchmarks.relay;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Two HAProxys in a row, one thread each, in TCP mode: about what three TCP hops can cost at least. */
final class HaProxy implements AutoCloseable {
    private static final String CONFIG = """
            global
              nbthread 1
              maxconn 4096
            defaults
              mode tcp
              timeout connect 5s
              timeout client 1h
              timeout server 1h
            listen relay
              bind 127.0.0.1:%d
              server next %s
            """;

    private final ChildProcess inner;
    private final ChildProcess outer;
    private final InetSocketAddress front;

    private HaProxy(ChildProcess inner, ChildProcess outer, InetSocketAddress front) {
        this.inner = inner;
        this.outer = outer;
        this.front = front;
    }

    /** Starts both. What each takes for granted is in a file that is gone once it has read it. */
    static HaProxy start(String upstream, Path log) throws IOException {
        requireInstalled();
        InetSocketAddress innerFront = freeAddress();
        ChildProcess inner = hop(innerFront, upstream, log);
        try {
            InetSocketAddress front = freeAddress();
            return new HaProxy(inner, hop(front, "127.0.0.1:" + innerFront.getPort(), log), front);
        } catch (IOException e) {
            inner.close();
            throw e;
        }
    }

    private static void requireInstalled() throws IOException {
        String path = System.getenv().getOrDefault("PATH", "");
        boolean isThere = Arrays.stream(path.split(File.pathSeparator))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, "haproxy")));
        if (!isThere) {
            throw new IOException("haproxy is not on the PATH, apt-get install haproxy");
        }
    }

    private static ChildProcess hop(InetSocketAddress front, String next, Path log) throws IOException {
        Path config = Files.createTempFile("haproxy", ".cfg");
        try {
            Files.writeString(config, CONFIG.formatted(front.getPort(), next));
            return ChildProcess.startListening(log, List.of("haproxy", "-db", "-f", config.toString()), front);
        } finally {
            Files.delete(config);
        }
    }

    /** Where nobody listens just now. */
    static InetSocketAddress freeAddress() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return new InetSocketAddress(InetAddress.getLoopbackAddress(), socket.getLocalPort());
        }
    }

    Target target() {
        return Target.of("haproxy", front, List.of(inner.pid(), outer.pid()));
    }

    @Override
    public void close() {
        outer.close();
        inner.close();
    }
}
