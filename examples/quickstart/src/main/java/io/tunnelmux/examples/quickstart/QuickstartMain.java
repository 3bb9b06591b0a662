package io.tunnelmux.examples.quickstart;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * A gateway, an agent and an upstream in one process, over real sockets: checks that what comes through the tunnel is what was sent, and
 * measures what the way through it costs. Ends with 0 if every answer was right.
 */
public final class QuickstartMain {

    private static final int EXIT_WRONG = 1;
    private static final int EXIT_USAGE = 2;
    private static final int SMALL_BYTES = 64;
    private static final int LARGE_BYTES = 16 * 1024;
    private static final int CHECKS = 5;
    private static final int COMPARISONS = 7;

    private static final String USAGE = """
            Usage: java -jar quickstart.jar [--serve | --help]

            Starts an upstream, a gateway and an agent in this process, sends requests and WebSocket
            messages straight to the upstream and through the tunnel, checks the answers and prints
            what both cost. Takes less than a minute.

              --serve   stays up instead, and says where to point curl and a WebSocket client
              --help    shows this
            """;

    private final PrintStream out = System.out;

    private QuickstartMain() {}

    /** @param args see {@code --help} */
    public static void main(String[] args) throws Exception {
        String option = args.length == 0 ? "" : args[0];
        if (args.length > 1 || !List.of("", "--serve", "--help").contains(option)) {
            System.err.println(
                    "quickstart: there is no such option: " + String.join(" ", args) + " (--help shows them)");
            System.exit(EXIT_USAGE);
        } else if (option.equals("--help")) {
            System.out.print(USAGE);
        } else if (option.equals("--serve")) {
            new QuickstartMain().serve();
        } else {
            System.exit(new QuickstartMain().compare() ? 0 : EXIT_WRONG);
        }
    }

    private void serve() throws Exception {
        try (DemoUpstream upstream = new DemoUpstream();
                DemoTunnel tunnel = new DemoTunnel(upstream.address())) {
            String direct = "127.0.0.1:" + upstream.address().getPort();
            String gateway = "127.0.0.1:" + tunnel.address().getPort();
            out.println("quickstart ready http=" + gateway + " upstream=" + direct);
            out.println();
            out.println("Through the tunnel (and at " + direct + " without it):");
            out.println("  curl http://" + gateway + "/");
            out.println("  curl --data 'hello' http://" + gateway + "/echo");
            out.println("  curl -N 'http://" + gateway + "/events?n=20'");
            out.println("  curl -o /dev/null 'http://" + gateway + "/bytes?n=1000000000'");
            out.println("  websocat ws://" + gateway + "/ws        (echoes; any WebSocket client will do)");
            out.println();
            out.println("Ctrl-C ends it.");
            out.flush();
            new CountDownLatch(1).await();
        }
    }

    private boolean compare() throws Exception {
        Progress progress = new Progress(out, CHECKS + COMPARISONS);
        try (DemoUpstream upstream = new DemoUpstream();
                DemoTunnel tunnel = new DemoTunnel(upstream.address())) {
            out.println("upstream at port " + upstream.address().getPort() + ", gateway at port "
                    + tunnel.address().getPort() + ", an agent between them");
            boolean isRight = check(progress, tunnel.address());
            Comparison comparison = new Comparison(progress);
            List<Comparison.RoundTrips> roundTrips = roundTrips(comparison, upstream.address(), tunnel.address());
            List<Comparison.Throughput> throughputs = throughputs(comparison, upstream.address(), tunnel.address());
            Report.print(out, roundTrips, throughputs);
            isRight &= comparison.isAllRight();
            out.println(isRight ? "Every answer was right." : "SOME ANSWERS WERE WRONG.");
            out.flush();
            return isRight;
        }
    }

    @FunctionalInterface
    private interface Check {
        boolean run() throws Exception;
    }

    private static boolean check(Progress progress, InetSocketAddress gateway) throws Exception {
        Checks checks = new Checks(gateway);
        boolean isRight = check(progress, "GET", checks::hello);
        isRight &= check(progress, "GET of nothing", checks::notFound);
        isRight &= check(progress, "POST of 1 MB", checks::echo);
        isRight &= check(progress, "server-sent events", checks::events);
        isRight &= check(progress, "WebSocket", checks::webSocket);
        return isRight;
    }

    private static boolean check(Progress progress, String what, Check check) throws Exception {
        progress.begin(what);
        boolean isRight = check.run();
        progress.done(isRight ? "right" : "WRONG");
        return isRight;
    }

    private static List<Comparison.RoundTrips> roundTrips(
            Comparison comparison, InetSocketAddress upstream, InetSocketAddress gateway) throws Exception {
        List<Comparison.RoundTrips> results = new ArrayList<>();
        try (Echo direct = new HttpWireClient(upstream);
                Echo tunnel = new HttpWireClient(gateway)) {
            comparison.warmUp(direct, tunnel, SMALL_BYTES);
            results.add(comparison.roundTrips("HTTP, 64 B", direct, tunnel, SMALL_BYTES));
            results.add(comparison.roundTrips("HTTP, 16 KiB", direct, tunnel, LARGE_BYTES));
        }
        try (Echo direct = new WebSocketWireClient(upstream);
                Echo tunnel = new WebSocketWireClient(gateway)) {
            results.add(comparison.roundTrips("WebSocket, 64 B", direct, tunnel, SMALL_BYTES));
            results.add(comparison.roundTrips("WebSocket, 16 KiB", direct, tunnel, LARGE_BYTES));
        }
        return results;
    }

    private static List<Comparison.Throughput> throughputs(
            Comparison comparison, InetSocketAddress upstream, InetSocketAddress gateway) throws Exception {
        List<Comparison.Throughput> results = new ArrayList<>();
        try (HttpWireClient direct = new HttpWireClient(upstream);
                HttpWireClient tunnel = new HttpWireClient(gateway)) {
            results.add(comparison.throughput("download", direct::download, tunnel::download));
            results.add(comparison.throughput("upload", direct::upload, tunnel::upload));
        }
        return results;
    }
}
