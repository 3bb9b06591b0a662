package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.netty.testing.ScriptedServer;
import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.netty.transport.NettyLoops;
import io.tunnelmux.netty.transport.TlsConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which addresses a name may lead to. */
class UpstreamDialerTest {

    private final NettyLoops loops = NettyLoops.create(1, IoMode.AUTO);
    private final NettyLoop loop = loops.next();
    private final AtomicInteger lookups = new AtomicInteger();

    @AfterEach
    void close() {
        loops.close();
    }

    private CompletableFuture<InetSocketAddress> dial(int port, String... addresses) throws Exception {
        AddressLookup.Names names = name -> {
            lookups.incrementAndGet();
            InetAddress[] found = new InetAddress[addresses.length];
            for (int i = 0; i < found.length; i++) {
                found[i] = InetAddress.getByName(addresses[i]);
            }
            return found;
        };
        UpstreamDialer dialer = new UpstreamDialer(
                loop,
                new Dialer(loop, loops.bootstrap(loop), new AddressLookup(loop, Runnable::run, names)),
                TlsConfig.client(),
                Duration.ofSeconds(10));
        CompletableFuture<InetSocketAddress> dialled = new CompletableFuture<>();
        loop.execute(() -> dialer.dial(new Upstream("name.example", port, false), false, new UpstreamDialer.Listener() {
            @Override
            public void onConnected(UpstreamConnection connection) {
                dialled.complete((InetSocketAddress) connection.channel().remoteAddress());
                connection.close();
            }

            @Override
            public void onConnected(Http2Upstream connection) {
                dialled.completeExceptionally(new AssertionError("nobody asked for HTTP/2"));
            }

            @Override
            public void onUnreachable(IOException cause) {
                dialled.completeExceptionally(cause);
            }
        }));
        return dialled;
    }

    @Test
    void aNameThatLeadsToLinkLocalAddressesLeadsNowhere() throws Exception {
        CompletableFuture<InetSocketAddress> dialled = dial(80, "169.254.169.254", "fe80::1");

        assertThatThrownBy(() -> dialled.get(10, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasMessageContaining("is barred");
    }

    @Test
    void aBarredAddressAmongOthersIsPassedOver() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd)) {
            assertThat(dial(server.port(), "169.254.169.254", "127.0.0.1")
                            .get(10, TimeUnit.SECONDS)
                            .getAddress())
                    .isEqualTo(InetAddress.getByName("127.0.0.1"));
        }
    }

    @Test
    void whatWasCheckedIsWhatIsDialled() throws Exception {
        try (ScriptedServer server = new ScriptedServer(ScriptedServer.Connection::awaitEnd)) {
            dial(server.port(), "127.0.0.1").get(10, TimeUnit.SECONDS);

            assertThat(lookups).hasValue(1);
        }
    }
}
