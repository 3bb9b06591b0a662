package io.tunnelmux.netty.transport;

import io.tunnelmux.netty.websocket.WebSocketKeys;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Takes connections, reads one request from each, and does with it what a test says. */
final class FakeGateway implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 30;

    private final ServerSocket listening;
    private final LinkedBlockingQueue<RawConnection.Head> requests = new LinkedBlockingQueue<>();
    private final Behaviour behaviour;

    /** What to do with a connection, which is closed afterwards. */
    interface Behaviour {
        void handle(RawConnection connection, RawConnection.Head request) throws Exception;
    }

    FakeGateway(Behaviour behaviour) throws IOException {
        this.behaviour = behaviour;
        listening = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Thread thread = new Thread(this::serve, "fake-gateway");
        thread.setDaemon(true);
        thread.start();
    }

    /** Answers every request with these lines, in which KEY stands for the right answer to the key. */
    static FakeGateway answering(String... lines) throws IOException {
        return new FakeGateway((connection, request) -> {
            String accept = WebSocketKeys.acceptOf(request.only("Sec-WebSocket-Key"));
            connection.send(String.join("\r\n", lines).replace("KEY", accept) + "\r\n\r\n");
            connection.readToEnd();
        });
    }

    int port() {
        return listening.getLocalPort();
    }

    /** The next request that came. */
    RawConnection.Head request() throws InterruptedException {
        RawConnection.Head request = requests.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (request == null) {
            throw new AssertionError("no request came");
        }
        return request;
    }

    int requestCount() {
        return requests.size();
    }

    @Override
    public void close() throws IOException {
        listening.close();
    }

    private void serve() {
        try {
            while (true) {
                Socket socket = listening.accept();
                try (RawConnection connection = new RawConnection(socket)) {
                    RawConnection.Head request = connection.readHead();
                    requests.add(request);
                    behaviour.handle(connection, request);
                } catch (Exception e) {
                    // The dialler went away, which is its right; what it made of us is for the test to see.
                    continue;
                }
            }
        } catch (IOException e) {
            // Closed: the test is over.
            return;
        }
    }
}
