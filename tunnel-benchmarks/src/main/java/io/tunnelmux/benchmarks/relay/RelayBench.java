package io.tunnelmux.benchmarks.relay;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The parts of the whole-process benchmark that are Java. Exit code 2 and one line for a wrong option, 1 and one line if a
 * target fails.
 */
public final class RelayBench {
    private static final String USAGE = """
            Usage: java -cp benchmarks.jar io.tunnelmux.benchmarks.relay.RelayBench COMMAND
              echo [--listen HOST:PORT]      WebSocket echo server; prints "echo ready HOST:PORT"; runs until it is ended
              free-ports N                   prints N ports that nobody listens on just now
              load --target NAME=HOST:PORT[,pid=N]... [--target ...]   pid: relays whose processor time is counted
                   [--baseline NAME ...] [--sizes 64,1024,16384] [--connections 1] [--rounds 7] [--warm-up 2]
                   [--seconds 2] [--path /] [--seed N] [--json FILE]""";

    private RelayBench() {}

    public static void main(String[] args) {
        int exitCode = 0;
        try {
            run(args.length == 0 ? "" : args[0], Arrays.asList(args).subList(Math.min(1, args.length), args.length));
        } catch (IllegalArgumentException e) {
            System.err.println("relay-bench: " + e.getMessage());
            exitCode = 2;
        } catch (IOException e) {
            System.err.println("relay-bench: " + e.getMessage());
            exitCode = 1;
        }
        System.exit(exitCode);
    }

    private static void run(String command, List<String> args) throws IOException {
        switch (command) {
            case "echo" -> echo(args);
            case "free-ports" -> freePorts(args);
            case "load" -> load(args);
            default ->
                throw new IllegalArgumentException(command.isEmpty() ? USAGE : "no command " + command + "\n" + USAGE);
        }
    }

    private static void echo(List<String> args) throws IOException {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        for (int i = 0; i < args.size(); i += 2) {
            if (!args.get(i).equals("--listen")) {
                throw new IllegalArgumentException("no option " + args.get(i));
            }
            address = Target.parseAddress(value(args, i));
        }
        try (EchoServer server = EchoServer.open(address)) {
            InetSocketAddress bound = server.address();
            System.out.println("echo ready " + bound.getAddress().getHostAddress() + ":" + bound.getPort());
            server.run();
        }
    }

    private static void freePorts(List<String> args) throws IOException {
        int count = args.size() == 1 ? Integer.parseInt(args.get(0)) : 1;
        List<ServerSocket> sockets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        }
        for (ServerSocket socket : sockets) {
            System.out.println(socket.getLocalPort());
            socket.close();
        }
    }

    private static void load(List<String> args) throws IOException {
        List<Target> targets = new ArrayList<>();
        List<String> baselines = new ArrayList<>();
        List<Integer> sizes = List.of(64, 1024, 16_384);
        int connections = 1;
        int rounds = 7;
        int warmUp = 2;
        Duration round = Duration.ofSeconds(2);
        String path = "/";
        long seed = System.nanoTime();
        Path json = null;
        for (int i = 0; i < args.size(); i += 2) {
            String value = value(args, i);
            switch (args.get(i)) {
                case "--target" -> targets.add(Target.parse(value));
                case "--baseline" -> baselines.add(value);
                case "--sizes" ->
                    sizes = Arrays.stream(value.split(","))
                            .map(Integer::valueOf)
                            .toList();
                case "--connections" -> connections = Integer.parseInt(value);
                case "--rounds" -> rounds = Integer.parseInt(value);
                case "--warm-up" -> warmUp = Integer.parseInt(value);
                case "--seconds" -> round = Duration.ofMillis(Math.round(Double.parseDouble(value) * 1000));
                case "--path" -> path = value;
                case "--seed" -> seed = Long.parseLong(value);
                case "--json" -> json = Path.of(value);
                default -> throw new IllegalArgumentException("no option " + args.get(i));
            }
        }
        if (targets.isEmpty()) {
            throw new IllegalArgumentException("no --target");
        }
        Load load = new Load(sizes, connections, warmUp, rounds, round, path);
        Report report = new Report(Comparison.run(load, targets, new Random(seed)), baselines);
        System.out.print(report.table());
        if (json != null) {
            report.writeJson(json);
        }
    }

    static String value(List<String> args, int index) {
        if (index + 1 >= args.size()) {
            throw new IllegalArgumentException(args.get(index) + " needs a value");
        }
        return args.get(index + 1);
    }
}
