import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Runs the built gateway and agent as processes, the way their users do, with an HTTP server of the JDK behind them; then the quickstart. Needs a JDK and nothing
 * else: {@code java .ci/Smoke.java}.
 */
public final class Smoke {

    private static final String TOKEN = "smoke-token-0123456789";
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final List<Process> STARTED = new ArrayList<>();

    private Smoke() {}

    public static void main(String[] args) throws Exception {
        HttpServer upstream = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        upstream.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = (exchange.getRequestURI() + " " + sha256(body)).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        upstream.start();
        try {
            checkPrograms("http://127.0.0.1:" + upstream.getAddress().getPort());
            checkBadOptions();
            checkQuickstart();
        } finally {
            upstream.stop(0);
            STARTED.forEach(Process::destroyForcibly);
        }
        System.out.println("smoke: all well");
    }

    private static void checkPrograms(String upstream) throws Exception {
        Process gateway = start(
                "gateway", "--listen", "127.0.0.1:0", "--tunnel-listen", "127.0.0.1:0", "--token", TOKEN, "--default-agent", "demo");
        String[] ready = readyLine(gateway, "gateway ready ").split("http=| tunnel=");
        URI front = URI.create("http://" + ready[1] + "/some/path?q=1");
        check("without an agent", get(front).statusCode(), 503);

        Process agent = start(
                "agent", "--gateway", "ws://" + ready[2] + "/tunnel", "--agent-id", "demo", "--token", TOKEN, "--upstream", upstream);
        check("the agent's ready line", readyLine(agent, "agent ready "), "agent ready agent_id=demo");
        check("GET", get(front).body(), "/some/path?q=1 " + sha256(new byte[0]));
        byte[] upload = new byte[10_000_000];
        new Random(1).nextBytes(upload);
        check("POST of 10 MB", send(HttpRequest.newBuilder(front).POST(HttpRequest.BodyPublishers.ofByteArray(upload))).body(),
                "/some/path?q=1 " + sha256(upload));

        check("the agent's exit code after SIGTERM", terminate(agent), 0);
        check("the gateway's exit code after SIGTERM", terminate(gateway), 0);
    }

    private static void checkBadOptions() throws Exception {
        for (String program : List.of("gateway", "agent")) {
            check("the " + program + "'s exit code for a bad option", exitCode(start(program, "--no-such-option")), 2);
        }
    }

    private static void checkQuickstart() throws Exception {
        Process quickstart = new ProcessBuilder(java(), "-jar", "examples/quickstart/target/quickstart.jar")
                .inheritIO()
                .start();
        STARTED.add(quickstart);
        if (!quickstart.waitFor(5, TimeUnit.MINUTES)) {
            throw new AssertionError("the quickstart does not end");
        }
        check("the quickstart's exit code", quickstart.exitValue(), 0);
    }

    private static Process start(String program, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                java(), "-Xmx256m", "-jar", "examples/" + program + "/target/tunnel-" + program + ".jar"));
        command.addAll(List.of(options));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        STARTED.add(process);
        return process;
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    private static String readyLine(Process process, String beginning) throws Exception {
        BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = CompletableFuture.supplyAsync(() -> firstLine(output)).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        check("begins with " + beginning, line.startsWith(beginning), true);
        return line;
    }

    private static String firstLine(BufferedReader output) {
        try {
            return String.valueOf(output.readLine());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static HttpResponse<String> get(URI uri) throws Exception {
        return send(HttpRequest.newBuilder(uri));
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HttpClient.newHttpClient().send(request.timeout(PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static int terminate(Process process) throws Exception {
        process.destroy();
        return exitCode(process);
    }

    private static int exitCode(Process process) throws Exception {
        if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new AssertionError("does not end: " + process.info());
        }
        return process.exitValue();
    }

    private static void check(String what, Object actual, Object expected) {
        if (!actual.equals(expected)) {
            throw new AssertionError(what + ": " + actual + ", expected " + expected);
        }
        System.out.println("smoke: " + what + " ok");
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }
}
