package io.tunnelmux.benchmarks.relay;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * What a stream and a tunnel that rest cost each program, sockets and all: bytes of heap, and bytes of resident memory. What rests is open, has carried a message each way,
 * and nothing of it waits. Gateway and agent are processes with their defaults, but for the heap.
 *
 * <p>Heap is what can be reached after a full collection, compared with before. Resident is that, and what the process has come to have in main memory beside its heap:
 * the heap's own pages are there from the start ({@code AlwaysPreTouch}), as when the collector takes which of them says nothing of what rests. What the JVM's
 * native code has freed is given back first, and the least of several looks counts. What the first
 * connections make and all later ones share (code, classes, pools) is made before, by others that come and go a few at a time. Memory of the kernel's is not counted.
 *
 * <p>Exit code 1 if something fails, 2 for a wrong option.
 */
public final class IdleFootprint {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/measure-idle [OPTION]...
            Memory of streams and tunnels that rest, by program, as a table. About 2 minutes.
              --streams N            of each kind, up to 4,000                (default: 3000)
              --tunnels N            up to 4,000                              (default: 1000)
              --classes N            that take most, of each row              (default: 0)
              --only LIST            of tcp,zero-copy,aware,tunnel            (default: all)
              --json FILE            results (default: tunnel-benchmarks/target/idle.json)
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: not built (./mvnw -DskipTests package).""";

    private static final String HEAP = "-Xms256m -Xmx256m -XX:+AlwaysPreTouch";
    private static final List<String> MODES = List.of("zero-copy", "aware");
    private static final int TUNNELS_OF_AGENT = 4;
    /** A listener takes no more than 1,000. */
    private static final int LISTENERS = 4;

    private static final int WARM_UP_ROUNDS = 8;
    private static final int WARM_UP_AT_ONCE = 250;
    private static final int MESSAGE_BYTES = 1024;
    /** A compiler at work has tens of megabytes for a moment. */
    private static final int LOOKS = 6;

    private static final int LOOK_MILLIS = 1_000;
    private static final Duration DEADLINE = Duration.ofSeconds(10);

    private final Path root;
    private final Path log;
    private final int streams;
    private final int tunnels;
    private final int classes;
    private final List<String> only;
    private final Random random = new Random();
    private final List<Row> rows = new ArrayList<>();
    private final Path json;

    /** What one that rests takes of a program. */
    private record Row(String kind, String program, double heapBytes, double residentBytes) {}

    private IdleFootprint(Path root, Options options) {
        this.root = root;
        log = options.log();
        streams = options.number("--streams", 3_000, 1, 4_000);
        tunnels = options.number("--tunnels", 1_000, 1, 4_000);
        classes = options.number("--classes", 0, 0, 1_000);
        only = options.some("--only", List.of("tcp", "zero-copy", "aware", "tunnel"));
        json = Path.of(options.text(
                "--json", root.resolve("tunnel-benchmarks/target/idle.json").toString()));
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        List<String> all = Arrays.asList(args);
        Path root = Path.of(all.get(0));
        System.exit(Options.run(
                "measure-idle", USAGE, all.subList(1, all.size()), options -> new IdleFootprint(root, options)::run));
    }

    private void run() throws IOException, InterruptedException {
        try (ChildProcess server = ChildProcess.start(log, LoadServer.class, List.of())) {
            String upstream = server.readyValue("at");
            if (isWanted("tcp")) {
                tcpStreams(upstream);
            }
            for (String mode : MODES) {
                if (isWanted(mode)) {
                    webSockets(mode, upstream);
                }
            }
        }
        if (isWanted("tunnel")) {
            idleTunnels();
        }
        System.out.println("| one that rests | program | heap, B | resident, B |");
        System.out.println("| --- | --- | --- | --- |");
        rows.forEach(row -> System.out.printf(
                Locale.ROOT, "| %s | %s | %.0f | %.0f |%n", row.kind, row.program, row.heapBytes, row.residentBytes));
        writeJson();
    }

    private void writeJson() throws IOException {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ArrayNode list = mapper.createArrayNode();
        for (Row row : rows) {
            list.addObject()
                    .put("kind", row.kind)
                    .put("program", row.program)
                    .put("heapBytes", row.heapBytes)
                    .put("residentBytes", row.residentBytes);
        }
        Files.createDirectories(json.toAbsolutePath().getParent());
        mapper.writeValue(json.toFile(), list);
    }

    private boolean isWanted(String kind) {
        return only.contains(kind);
    }

    private void tcpStreams(String upstream) throws IOException, InterruptedException {
        List<String> listeners = new ArrayList<>();
        for (int i = 0; i < LISTENERS; i++) {
            listeners.add("127.0.0.1:" + HaProxy.freeAddress().getPort());
        }
        Programs programs = new Programs(root, Programs.Jvm.SAME.withArgs(HEAP), log);
        String options = "--tcp-listen " + String.join("=bench ", listeners) + "=bench";
        try (ChildProcess gateway = programs.startGateway(options);
                ChildProcess agent = programs.startAgent(
                        tunnelOf(gateway), "--tcp-target echo=" + upstream + " --connections " + TUNNELS_OF_AGENT)) {
            List<Target> targets = listeners.stream()
                    .map(address -> new Target("tcp", Target.parseAddress(address), null, List.of(), List.of()))
                    .toList();
            streamsTo("TCP", targets, gateway, agent);
        }
    }

    private static String tunnelOf(ChildProcess gateway) throws IOException {
        return "ws://" + gateway.readyValue("tunnel") + "/tunnel";
    }

    private void webSockets(String mode, String upstream) throws IOException, InterruptedException {
        Programs programs = new Programs(root, Programs.Jvm.SAME.withArgs(HEAP), log);
        try (ChildProcess gateway = programs.startGateway("--websocket-mode " + mode);
                ChildProcess agent = programs.startAgent(
                        tunnelOf(gateway), "--upstream http://" + upstream + " --connections " + TUNNELS_OF_AGENT)) {
            Target target =
                    new Target(mode, null, Target.parseAddress(gateway.readyValue("http")), List.of(), List.of());
            streamsTo("WebSocket, " + mode, List.of(target), gateway, agent);
        }
    }

    /** An agent that has yet to connect is waited for by the gateway, or not at all by a listener of TCP. */
    private void streamsTo(String name, List<Target> targets, ChildProcess gateway, ChildProcess agent)
            throws IOException, InterruptedException {
        System.err.println(streams + " that rest, " + name);
        awaitReady(targets.get(0));
        for (int i = 0; i < WARM_UP_ROUNDS; i++) {
            openAll(targets, WARM_UP_AT_ONCE, () -> {});
        }
        Map<String, Long> jvms = new LinkedHashMap<>();
        jvms.put("gateway", gateway.pid());
        jvms.put("agent", agent.pid());
        Map<String, State> before = states(jvms);
        openAll(targets, streams, () -> compare(name, before, states(jvms), streams));
    }

    private void awaitReady(Target target) throws IOException, InterruptedException {
        long end = System.nanoTime() + DEADLINE.toNanos();
        while (true) {
            try {
                openAll(List.of(target), 1, () -> {});
                return;
            } catch (IOException e) {
                if (System.nanoTime() - end > 0) {
                    throw e;
                }
            }
        }
    }

    private void idleTunnels() throws IOException, InterruptedException {
        System.err.println(tunnels + " tunnels that rest");
        Path jar = Programs.requireBuilt(root.resolve("examples/gateway/target/tunnel-gateway.jar"));
        String token = Programs.newToken();
        List<String> command = new ArrayList<>(List.of(ChildProcess.JAVA));
        command.addAll(Programs.words(HEAP));
        command.addAll(List.of("-jar", jar.toString(), "--token", token));
        command.addAll(List.of("--listen", "127.0.0.1:0", "--tunnel-listen", "127.0.0.1:0"));
        try (ChildProcess gateway = ChildProcess.startProgram(log, command);
                ChildProcess agents = ChildProcess.start(log, IdleTunnels.class, List.of(tunnelOf(gateway), token))) {
            for (int i = 0; i < WARM_UP_ROUNDS; i++) {
                agents.ask("open " + WARM_UP_AT_ONCE);
                agents.ask("close");
            }
            Map<String, Long> jvms = Map.of("gateway", gateway.pid());
            Map<String, State> before = states(jvms);
            agents.ask("open " + tunnels);
            compare("tunnel", before, states(jvms), tunnels);
        }
    }

    /** Something that may fail. */
    private interface Step {
        void run() throws IOException, InterruptedException;
    }

    /** Runs {@code rested} while connections are open that have had an answer each. */
    private void openAll(List<Target> targets, int count, Step rested) throws IOException, InterruptedException {
        List<LoadConnection> clients = new ArrayList<>();
        try (Selector selector = Selector.open()) {
            for (int i = 0; i < count; i++) {
                Target target = targets.get(i % targets.size());
                LoadConnection client = open(target, selector);
                clients.add(client);
                client.send();
                awaitAnswer(target, selector, client);
            }
            rested.run();
            for (LoadConnection client : clients) {
                client.close(DEADLINE);
            }
        } finally {
            clients.forEach(LoadConnection::abandon);
        }
    }

    private LoadConnection open(Target target, Selector selector) throws IOException {
        if (target.stream() != null) {
            return StreamClient.echo(target.name(), target.stream(), MESSAGE_BYTES, DEADLINE, selector, random);
        }
        InetSocketAddress front = Objects.requireNonNull(target.http());
        return WebSocketClient.open(target.name(), front, MESSAGE_BYTES, DEADLINE, selector, random);
    }

    private static void awaitAnswer(Target target, Selector selector, LoadConnection client) throws IOException {
        boolean isAnswered = false;
        while (!isAnswered) {
            if (selector.select(DEADLINE.toMillis()) == 0) {
                throw new IOException(target.name() + " gave no sign of life for " + DEADLINE);
            }
            for (SelectionKey key : selector.selectedKeys()) {
                isAnswered |= key.attachment() == client && client.onReady() >= 0;
            }
            selector.selectedKeys().clear();
        }
    }

    /** What a process has. */
    private record State(HeapHistogram heap, long residentBytes) {}

    private static Map<String, State> states(Map<String, Long> jvms) throws IOException, InterruptedException {
        Map<String, State> states = new LinkedHashMap<>();
        for (Map.Entry<String, Long> jvm : jvms.entrySet()) {
            HeapHistogram heap = HeapHistogram.of(jvm.getValue());
            states.put(jvm.getKey(), new State(heap, leastResidentBytes(jvm.getValue())));
        }
        return states;
    }

    private static long leastResidentBytes(long jvm) throws IOException, InterruptedException, InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < LOOKS; i++) {
            Thread.sleep(LOOK_MILLIS);
            HeapHistogram.trimNative(jvm);
            least = Math.min(least, ProcessMemory.residentBytes(List.of(jvm)));
        }
        return least;
    }

    private void compare(String name, Map<String, State> before, Map<String, State> after, int count) {
        after.forEach((program, state) -> {
            State old = Objects.requireNonNull(before.get(program));
            HeapHistogram heap = state.heap.since(old.heap);
            double heapBytes = heap.bytes() / (double) count;
            double residentBytes = heapBytes + (state.residentBytes - old.residentBytes) / (double) count;
            rows.add(new Row(name, program, heapBytes, residentBytes));
            if (classes > 0) {
                System.out.println(name + ", " + program);
                heap.largest(classes, count).forEach(System.out::println);
            }
        });
    }
}
