package io.tunnelmux.netty.agent;

import io.netty.util.NetUtil;
import io.tunnelmux.netty.transport.NettyLoop;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Finds the addresses that may be dialled for one host, for one loop. A name is looked up once for each connection, and what was found is what is dialled,
 * without those that are barred, see {@link BarredAddresses}. The same holds for an address in place of a name.
 */
final class AddressLookup {

    /** Told once, on the loop, after the call has returned. */
    interface Listener {
        /** @param addresses at least one */
        void onFound(List<InetAddress> addresses);

        /** @param cause what went wrong; its message says so for people */
        void onNotFound(IOException cause);
    }

    /** Finds the addresses of a name; may block. */
    @FunctionalInterface
    interface Names {
        InetAddress[] find(String name) throws UnknownHostException;
    }

    private final NettyLoop loop;
    private final Executor lookups;
    private final Names names;

    /** @param lookups where names are looked up, which may block; may reject */
    AddressLookup(NettyLoop loop, Executor lookups) {
        this(loop, lookups, InetAddress::getAllByName);
    }

    AddressLookup(NettyLoop loop, Executor lookups, Names names) {
        this.loop = loop;
        this.lookups = lookups;
        this.names = names;
    }

    /** Begins to look. */
    void find(String host, Listener listener) {
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
        if (literal == null) {
            lookUp(host, listener);
        } else {
            loop.execute(() -> tell(listener, literal));
        }
    }

    private void lookUp(String host, Listener listener) {
        try {
            lookups.execute(() -> {
                try {
                    InetAddress[] found = names.find(host);
                    loop.execute(() -> tell(listener, found));
                } catch (UnknownHostException e) {
                    loop.execute(() -> listener.onNotFound(new IOException("no address is known for " + host, e)));
                }
            });
        } catch (RejectedExecutionException e) {
            loop.execute(() -> listener.onNotFound(new IOException("too many names are being looked up", e)));
        }
    }

    private static void tell(Listener listener, InetAddress... found) {
        List<InetAddress> allowed = new ArrayList<>(found.length);
        InetAddress barred = null;
        for (InetAddress address : found) {
            if (BarredAddresses.contain(address)) {
                barred = address;
            } else {
                allowed.add(address);
            }
        }
        if (!allowed.isEmpty()) {
            listener.onFound(allowed);
        } else if (barred != null) {
            listener.onNotFound(new ConnectException("address " + barred.getHostAddress() + " is barred"));
        } else {
            listener.onNotFound(new ConnectException("no address to connect to"));
        }
    }
}
