package io.tunnelmux.netty.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.transport.IoMode;
import io.tunnelmux.netty.transport.NettyLoops;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressLookupTest {

    private final NettyLoops loops = NettyLoops.create(1, IoMode.NIO);

    @AfterEach
    void close() {
        loops.close();
    }

    /** What comes of looking for {@code host}, whose addresses are {@code known}: them, or what was wrong. */
    private String find(String host, String... known) throws Exception {
        AddressLookup lookup = new AddressLookup(loops.next(), Runnable::run, name -> {
            if (known.length == 0) {
                throw new UnknownHostException(name);
            }
            InetAddress[] addresses = new InetAddress[known.length];
            for (int i = 0; i < known.length; i++) {
                addresses[i] = InetAddress.getByName(known[i]);
            }
            return addresses;
        });
        return find(lookup, host);
    }

    private static String find(AddressLookup lookup, String host) throws Exception {
        CompletableFuture<String> found = new CompletableFuture<>();
        lookup.find(host, new AddressLookup.Listener() {
            @Override
            public void onFound(List<InetAddress> addresses) {
                found.complete(Arrays.toString(
                        addresses.stream().map(InetAddress::getHostAddress).toArray()));
            }

            @Override
            public void onNotFound(IOException cause) {
                found.complete(String.valueOf(cause.getMessage()));
            }
        });
        return found.get(10, TimeUnit.SECONDS);
    }

    @Test
    void namesMeanAllOfTheirAddressesInOrder() throws Exception {
        assertThat(find("db.example", "10.0.0.2", "10.0.0.1", "fd00::1"))
                .isEqualTo("[10.0.0.2, 10.0.0.1, fd00:0:0:0:0:0:0:1]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "224.0.0.1", "ff02::1"})
    void someAddressesAreBarredBehindANameAndInItsPlace(String barred) throws Exception {
        String literal = InetAddress.getByName(barred).getHostAddress();

        assertThat(find("metadata.example", barred)).isEqualTo("address " + literal + " is barred");
        assertThat(find("metadata.example", barred, "10.0.0.1")).isEqualTo("[10.0.0.1]");
        assertThat(find(barred)).isEqualTo("address " + literal + " is barred");
    }

    @Test
    void whatIsNotFoundSaysSo() throws Exception {
        assertThat(find("gone.example")).isEqualTo("no address is known for gone.example");
    }

    @Test
    void tooManyAtOnceAreNotFound() throws Exception {
        Executor full = task -> {
            throw new RejectedExecutionException("full");
        };

        assertThat(find(new AddressLookup(loops.next(), full), "db.example"))
                .isEqualTo("too many names are being looked up");
    }
}
