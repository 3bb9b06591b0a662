package io.tunnelmux.examples.quickstart;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Whether answers through the tunnel are what the upstream sent, as the JDK's HTTP client sees them. */
final class Checks {

    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int MESSAGE_BYTES = 1_000_000;
    private static final int EVENTS = 5;
    private static final int CLOSE_CODE = 4_242;

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT)
            .build();
    private final String authority;

    Checks(InetSocketAddress gateway) {
        authority = gateway.getAddress().getHostAddress() + ":" + gateway.getPort();
    }

    boolean hello() throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(request("/").build(), HttpResponse.BodyHandlers.ofString());
        return response.statusCode() == 200 && response.body().equals("Hello from behind the tunnel.\n");
    }

    boolean notFound() throws IOException, InterruptedException {
        return client.send(request("/nothing").build(), HttpResponse.BodyHandlers.discarding())
                        .statusCode()
                == 404;
    }

    /** A body of known length, and one of which nobody knows the length. */
    boolean echo() throws IOException, InterruptedException {
        byte[] body = Pattern.bytes(0, MESSAGE_BYTES);
        HttpRequest known = request("/echo")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        HttpRequest unknown = request("/echo")
                .POST(HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofByteArray(body)))
                .build();
        for (HttpRequest request : List.of(known, unknown)) {
            byte[] answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray())
                    .body();
            if (!Arrays.equals(answer, body)) {
                return false;
            }
        }
        return true;
    }

    boolean events() throws IOException, InterruptedException {
        HttpResponse<Stream<String>> response =
                client.send(request("/events?n=" + EVENTS).build(), HttpResponse.BodyHandlers.ofLines());
        String data = response.body().filter(line -> line.startsWith("data: ")).collect(Collectors.joining(","));
        String expected = IntStream.rangeClosed(1, EVENTS)
                .mapToObj(number -> "data: event " + number)
                .collect(Collectors.joining(","));
        return data.equals(expected);
    }

    /** A text, a long binary message, and a close with a code and a reason. */
    boolean webSocket() throws InterruptedException, ExecutionException, TimeoutException {
        Listener listener = new Listener();
        WebSocket socket = client.newWebSocketBuilder()
                .connectTimeout(TIMEOUT)
                .buildAsync(URI.create("ws://" + authority + "/ws"), listener)
                .get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        byte[] bytes = Pattern.bytes(0, MESSAGE_BYTES);
        socket.sendText("Gr\u00fc\u00dfe", true).get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        socket.sendBinary(ByteBuffer.wrap(bytes), true).get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        boolean isEchoed = Arrays.equals(listener.binary.get(TIMEOUT.toSeconds(), TimeUnit.SECONDS), bytes);
        socket.sendClose(CLOSE_CODE, "so long").get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        String closed = listener.closed.get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        return isEchoed && listener.text.toString().equals("Gr\u00fc\u00dfe") && closed.equals(CLOSE_CODE + " so long");
    }

    private HttpRequest.Builder request(String target) {
        return HttpRequest.newBuilder(URI.create("http://" + authority + target))
                .timeout(TIMEOUT);
    }

    private static final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private final CompletableFuture<byte[]> binary = new CompletableFuture<>();
        private final CompletableFuture<String> closed = new CompletableFuture<>();

        @Override
        public @Nullable CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean isLast) {
            text.append(data);
            socket.request(1);
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean isLast) {
            byte[] part = new byte[data.remaining()];
            data.get(part);
            bytes.writeBytes(part);
            if (isLast) {
                binary.complete(bytes.toByteArray());
            }
            socket.request(1);
            return null;
        }

        @Override
        public @Nullable CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            closed.complete(code + " " + reason);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable cause) {
            binary.completeExceptionally(cause);
            closed.completeExceptionally(cause);
        }
    }
}
