package io.tunnelmux.benchmarks.relay;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Half of many downloads through one tunnel stop reading. What becomes of the others, of new requests and of memory, and what the gateway's stall report
 * says. The gateway and the agent are the built programs, as processes of their own. Exit code 1 if something fails, 2 for a wrong option.
 */
public final class StoppedReaders {
    private static final String USAGE = """
            Usage: tunnel-benchmarks/measure-stopped-readers [OPTION]...
            What becomes of downloads and small requests, and of memory, when half of many downloads stop reading. About 2 minutes.
              --downloads N            at once, every second of which stops      (default: 200)
              --seconds S              for which they stop                       (default: 60)
              --java-args ARGS         for gateway and agent                     (default: -Xmx256m)
            Exit code 0: measured. 1: something failed. 2: wrong option. 3: not built (./mvnw -DskipTests package).""";

    private static final Duration SETTLE = Duration.ofSeconds(5);
    private static final int SMALL_REQUESTS = 50;

    private final Path root;
    private final HttpClient client = HttpClient.newHttpClient();
    private final Path log;
    private final int downloads;
    private final int seconds;
    private final String javaArgs;

    private StoppedReaders(Path root, Options options) {
        this.root = root;
        log = options.log();
        downloads = options.number("--downloads", 200, 2, 1_000);
        seconds = options.number("--seconds", 60, (int) SETTLE.toSeconds() + 1, 3_600);
        javaArgs = options.text("--java-args", "-Xmx256m");
    }

    /** The first argument is the project's root. */
    public static void main(String[] args) {
        List<String> all = Arrays.asList(args);
        System.exit(exitCodeOf(Path.of(all.get(0)), all.subList(1, all.size())));
    }

    static int exitCodeOf(Path root, List<String> args) {
        return Options.run("measure-stopped-readers", USAGE, args, options -> new StoppedReaders(root, options)::run);
    }

    private void run() throws IOException, InterruptedException {
        Programs programs = new Programs(root, Programs.Jvm.SAME.withArgs(javaArgs), log);
        String metrics = "127.0.0.1:" + freePort();
        try (ChildProcess bulk = ChildProcess.start(log, BulkServer.class, List.of());
                ChildProcess gateway = programs.startGateway("--metrics-listen " + metrics);
                ChildProcess agent = programs.startAgent(
                        "ws://" + gateway.readyValue("tunnel") + "/tunnel",
                        "--upstream http://127.0.0.1:" + bulk.readyLine())) {
            String http = gateway.readyValue("http");
            measure(
                    Target.parseAddress(http),
                    URI.create("http://" + http + "/small"),
                    URI.create("http://" + metrics + "/status"),
                    gateway,
                    agent);
        }
    }

    private void measure(InetSocketAddress front, URI small, URI status, ChildProcess gateway, ChildProcess agent)
            throws IOException, InterruptedException {
        List<Download> all = new ArrayList<>();
        for (int i = 0; i < downloads; i++) {
            all.add(Download.start(front));
        }
        List<Download> stopping = new ArrayList<>();
        List<Download> going = new ArrayList<>();
        for (int i = 0; i < downloads; i++) {
            (i % 2 == 0 ? stopping : going).add(all.get(i));
        }
        pause(SETTLE);
        double goingBefore = megabytesPerSecond(going, SETTLE.multipliedBy(2));
        double stoppingBefore = megabytesPerSecond(stopping, SETTLE.multipliedBy(2));
        System.out.printf(
                Locale.ROOT,
                "before:  all %d read: these %d get %.1f MB/s, those %d %.1f MB/s; %s%n",
                downloads,
                going.size(),
                goingBefore,
                stopping.size(),
                stoppingBefore,
                residentMebibytes(gateway, agent));
        System.out.println("         " + smallRequests(small));
        stopping.forEach(Download::stop);
        pause(SETTLE);
        double goingMeanwhile =
                megabytesPerSecond(going, Duration.ofSeconds(seconds).minus(SETTLE));
        System.out.printf(
                Locale.ROOT,
                "stopped: %d read no more for %d s: these %d get %.1f MB/s, %.2f of before; %s%n",
                stopping.size(),
                seconds,
                going.size(),
                goingMeanwhile,
                goingMeanwhile / goingBefore,
                residentMebibytes(gateway, agent));
        System.out.println("         " + smallRequests(small));
        System.out.println("         the gateway's stall report: " + stalls(status));
        stopping.forEach(Download::goOn);
        pause(SETTLE);
        double stoppingAfter = megabytesPerSecond(stopping, SETTLE.multipliedBy(2));
        double goingAfter = megabytesPerSecond(going, SETTLE.multipliedBy(2));
        System.out.printf(
                Locale.ROOT,
                "after:   all read again: these %d get %.1f MB/s, those %d %.1f MB/s; %s%n",
                going.size(),
                goingAfter,
                stopping.size(),
                stoppingAfter,
                residentMebibytes(gateway, agent));
        all.forEach(Download::close);
    }

    private static double megabytesPerSecond(List<Download> some, Duration time)
            throws IOException, InterruptedException {
        long began = System.nanoTime();
        long before = bytesOf(some);
        pause(time);
        return (bytesOf(some) - before) * 1e3 / (System.nanoTime() - began);
    }

    private static long bytesOf(List<Download> some) throws IOException {
        long bytes = 0;
        for (Download download : some) {
            bytes += download.bytes();
        }
        return bytes;
    }

    private static void pause(Duration time) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(time.toNanos());
    }

    private String smallRequests(URI small) throws IOException, InterruptedException {
        List<Long> micros = new ArrayList<>();
        for (int i = 0; i < SMALL_REQUESTS; i++) {
            long began = System.nanoTime();
            HttpResponse<Void> response =
                    client.send(HttpRequest.newBuilder(small).build(), HttpResponse.BodyHandlers.discarding());
            if (response.statusCode() != 200) {
                throw new IOException("a small request was answered " + response.statusCode());
            }
            micros.add((System.nanoTime() - began) / 1000);
        }
        micros.sort(null);
        return String.format(
                Locale.ROOT,
                "%d new requests one by one: median %.1f ms, slowest %.1f ms",
                SMALL_REQUESTS,
                micros.get(SMALL_REQUESTS / 2) / 1e3,
                micros.get(SMALL_REQUESTS - 1) / 1e3);
    }

    private String stalls(URI status) throws IOException, InterruptedException {
        HttpResponse<String> response =
                client.send(HttpRequest.newBuilder(status).build(), HttpResponse.BodyHandlers.ofString());
        Map<String, Integer> byCause = new TreeMap<>();
        JsonNode tunnels = new ObjectMapper().readTree(response.body()).at("/agents/0/tunnels");
        long heldBytes = 0;
        for (JsonNode tunnel : tunnels) {
            heldBytes += tunnel.get("held_bytes").asLong();
            for (JsonNode stream : tunnel.get("streams")) {
                byCause.merge(stream.at("/receiving/waits_for").asText(), 1, Integer::sum);
            }
        }
        return byCause + ", the tunnel holds " + heldBytes / 1024 + " KiB";
    }

    private static String residentMebibytes(ChildProcess gateway, ChildProcess agent) throws IOException {
        return "resident: gateway " + residentMebibytes(gateway) + " MiB, agent " + residentMebibytes(agent) + " MiB";
    }

    private static long residentMebibytes(ChildProcess process) throws IOException {
        return ProcessMemory.residentBytes(List.of(process.pid())) >> 20;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
