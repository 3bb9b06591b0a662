package io.tunnelmux.benchmarks.peer;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Runs one side of a pair until the process is ended. Prints one line once it is ready. */
public final class PeerRelay {
    private static final String USAGE =
            "usage: PeerRelay KIND back --upstream HOST:PORT, or KIND front --tunnel HOST:PORT";

    /** What the arguments ask for. */
    private record Side(PeerKind kind, boolean isFront, InetSocketAddress to) {

        static Side of(List<String> args) {
            if (args.size() != 4) {
                throw new IllegalArgumentException(USAGE);
            }
            PeerKind kind = PeerKind.of(args.get(0));
            boolean isFront = args.get(1).equals("front");
            if (!isFront && !args.get(1).equals("back")) {
                throw new IllegalArgumentException("a side is back or front, not '" + args.get(1) + "'");
            }
            String option = isFront ? "--tunnel" : "--upstream";
            if (!args.get(2).equals(option)) {
                throw new IllegalArgumentException(args.get(1) + " needs " + option + ", not '" + args.get(2) + "'");
            }
            return new Side(kind, isFront, address(option, args.get(3)));
        }

        Peer start() throws IOException {
            return isFront ? kind.front(to) : kind.back(to);
        }
    }

    private PeerRelay() {}

    public static void main(String[] args) throws InterruptedException {
        int exitCode = run(List.of(args));
        if (exitCode != 0) {
            System.exit(exitCode);
        }
    }

    /** {@return 1 if it could not start, 2 for a wrong option; nothing while it runs} */
    static int run(List<String> args) throws InterruptedException {
        Side side;
        try {
            side = Side.of(args);
        } catch (IllegalArgumentException e) {
            System.err.println("peer: " + e.getMessage());
            return 2;
        }
        try (Peer peer = side.start()) {
            String at = peer.address().getAddress().getHostAddress() + ":"
                    + peer.address().getPort();
            System.out.println(side.isFront() ? "front ready tcp=" + at : "back ready tunnel=" + at);
            new CountDownLatch(1).await();
            return 0;
        } catch (IOException e) {
            System.err.println("peer: " + e.getMessage());
            return 1;
        }
    }

    private static InetSocketAddress address(String option, String text) {
        int colon = text.lastIndexOf(':');
        String port = text.substring(colon + 1);
        if (colon < 1 || !port.matches("[0-9]{1,5}") || Integer.parseInt(port) > 65_535) {
            throw new IllegalArgumentException(option + " is HOST:PORT, not '" + text + "'");
        }
        InetSocketAddress address = new InetSocketAddress(text.substring(0, colon), Integer.parseInt(port));
        if (address.isUnresolved()) {
            throw new IllegalArgumentException(option + " names no host that is known: '" + text + "'");
        }
        return address;
    }

    /** A free port of the loopback interface, to listen at. */
    static InetSocketAddress freePort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
}
