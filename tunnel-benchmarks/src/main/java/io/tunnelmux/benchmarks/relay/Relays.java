package io.tunnelmux.benchmarks.relay;

import io.tunnelmux.benchmarks.peer.PeerRelay;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Starts all ways to a load server that a comparison has, each with processes of its own, and ends them. Belongs to one thread. */
final class Relays implements AutoCloseable {
    /** For all JVMs the same, so that resident memory can be compared. */
    private static final String JAVA_ARGS = "-Xms64m -Xmx256m";

    private static final String DIRECT = "direct";
    private static final String HAPROXY = "haproxy";
    private static final List<String> PEERS = List.of("rsocket", "grpc", "cbor", "json");

    /** What of a pair of gateway and agent may be reached. */
    private enum Carries {
        ALL,
        STREAMS,
        WEBSOCKETS
    }

    /**
     * A gateway and an agent.
     *
     * @param scheme of the address that the agent dials
     * @param carries what is compared
     * @param options of both
     * @param gatewayOptions of the gateway alone
     */
    private record Pair(String scheme, Carries carries, boolean hasBoringSsl, String options, String gatewayOptions) {
        boolean isSecure() {
            return scheme.equals("wss") || scheme.equals("tls");
        }
    }

    private static final Map<String, Pair> PAIRS = pairs();

    private final Path root;
    private final Path log;
    private final @Nullable Path before;
    private final @Nullable Path otherJava;
    private final String moreJavaArgs;
    private final ChildProcess server;
    private final String upstream;
    private final List<AutoCloseable> children = new ArrayList<>();
    private @Nullable TestCertificate certificate;

    /**
     * @param root the project's
     * @param before another checkout, built, whose gateway and agent are the target {@code before}; or null
     * @param otherJava another JDK, with which gateway and agent are the target {@code ws-other-java}; or null
     * @param moreJavaArgs for gateways and agents
     */
    Relays(Path root, Path log, @Nullable Path before, @Nullable Path otherJava, String moreJavaArgs)
            throws IOException {
        this.root = root;
        this.log = log;
        this.before = before;
        this.otherJava = otherJava;
        this.moreJavaArgs = moreJavaArgs;
        server = ChildProcess.start(log, LoadServer.class, List.of());
        children.add(server);
        upstream = server.readyValue("at");
    }

    private static Map<String, Pair> pairs() {
        Map<String, Pair> pairs = new LinkedHashMap<>();
        pairs.put("ws", new Pair("ws", Carries.ALL, false, "", ""));
        pairs.put("before", new Pair("tcp", Carries.ALL, false, "", ""));
        pairs.put("ws-other-java", new Pair("ws", Carries.ALL, false, "", ""));
        pairs.put("aware", new Pair("ws", Carries.WEBSOCKETS, false, "", "--websocket-mode aware"));
        pairs.put("tcp", new Pair("tcp", Carries.STREAMS, false, "", ""));
        pairs.put("tcp-nio", new Pair("tcp", Carries.STREAMS, false, "--io nio", ""));
        pairs.put("tcp-io_uring", new Pair("tcp", Carries.STREAMS, false, "--io io_uring", ""));
        pairs.put("tls-boringssl", new Pair("tls", Carries.STREAMS, true, "", ""));
        pairs.put("wss-boringssl", new Pair("wss", Carries.STREAMS, true, "", ""));
        pairs.put("wss-jdk", new Pair("wss", Carries.STREAMS, false, "", ""));
        return pairs;
    }

    /** The process behind all of them. */
    long server() {
        return server.pid();
    }

    /** All that there may be, in order. */
    static List<String> names() {
        List<String> names = new ArrayList<>(List.of(DIRECT, HAPROXY));
        names.addAll(PAIRS.keySet());
        names.addAll(PEERS);
        return names;
    }

    /** Starts one; none, for {@code before} and {@code ws-other-java}, if there is no such checkout or JDK. */
    @Nullable
    Target start(String name) throws IOException {
        if (name.equals("before") && before == null || name.equals("ws-other-java") && otherJava == null) {
            return null;
        }
        if (name.equals(DIRECT)) {
            return Target.of(DIRECT, Target.parseAddress(upstream), List.of());
        }
        if (name.equals(HAPROXY)) {
            HaProxy proxies = HaProxy.start(upstream, log);
            children.add(proxies);
            return proxies.target();
        }
        Pair pair = PAIRS.get(name);
        return pair == null ? startPeer(name) : startPair(name, pair);
    }

    private Target startPair(String name, Pair pair) throws IOException {
        // With this very checkout before, it is what JVM options do.
        Programs.Jvm jvm =
                Programs.Jvm.SAME.withArgs(name.equals("before") ? JAVA_ARGS : JAVA_ARGS + ' ' + moreJavaArgs);
        if (name.equals("ws-other-java") && otherJava != null) {
            jvm = jvm.withJava(otherJava.resolve("bin/java").toString());
        }
        if (pair.hasBoringSsl()) {
            jvm = jvm.withClassPath(root.resolve("tunnel-benchmarks/target/boringssl") + "/*");
        }
        Path checkout = name.equals("before") && before != null ? before : root;
        Programs programs = new Programs(checkout, jvm, log);
        InetSocketAddress stream = HaProxy.freeAddress();
        // Clients of HTTP here keep their connection for a whole round.
        String gatewayOptions = "--max-requests-per-connection 1000000000 " + pair.options + ' ' + pair.gatewayOptions
                + " --tcp-listen 127.0.0.1:" + stream.getPort() + "=bench:load";
        String agentOptions = pair.options + " --tcp-target load=" + upstream + " --upstream http://" + upstream;
        if (pair.isSecure()) {
            TestCertificate files = certificate();
            gatewayOptions += " --tls-cert " + files.chain() + " --tls-key " + files.key();
            agentOptions += " --tls-ca " + files.chain();
        }
        ChildProcess gateway = programs.startGateway(gatewayOptions);
        children.add(gateway);
        String path = pair.scheme.startsWith("ws") ? "/tunnel" : "";
        ChildProcess agent =
                programs.startAgent(pair.scheme + "://" + gateway.readyValue("tunnel") + path, agentOptions);
        children.add(agent);
        return target(
                name,
                pair.carries == Carries.WEBSOCKETS ? null : stream,
                pair.carries == Carries.STREAMS ? null : Target.parseAddress(gateway.readyValue("http")),
                gateway,
                agent);
    }

    private Target startPeer(String kind) throws IOException {
        ChildProcess back = peer(kind, "back", "--upstream", upstream);
        ChildProcess front = peer(kind, "front", "--tunnel", back.readyValue("tunnel"));
        return target(kind, Target.parseAddress(front.readyValue("tcp")), null, front, back);
    }

    private ChildProcess peer(String kind, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(ChildProcess.JAVA));
        command.addAll(Programs.words(JAVA_ARGS));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), PeerRelay.class.getName(), kind));
        command.addAll(List.of(args));
        ChildProcess child = ChildProcess.startProgram(log, command);
        children.add(child);
        return child;
    }

    private Target target(
            String name,
            @Nullable InetSocketAddress stream,
            @Nullable InetSocketAddress http,
            ChildProcess front,
            ChildProcess back)
            throws IOException {
        List<Long> pids = List.of(front.pid(), back.pid());
        List<Allocation> allocations = new ArrayList<>();
        for (long pid : pids) {
            Allocation allocation = Allocation.of(pid);
            children.add(allocation);
            allocations.add(allocation);
        }
        return new Target(name, stream, http, pids, allocations);
    }

    private TestCertificate certificate() throws IOException {
        TestCertificate made = certificate;
        if (made == null) {
            made = TestCertificate.make();
            certificate = made;
            children.add(made);
        }
        return made;
    }

    @Override
    public void close() throws IOException {
        for (int i = children.size() - 1; i >= 0; i--) {
            try {
                children.get(i).close();
            } catch (IOException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IOException(e);
            }
        }
    }
}
