package io.tunnelmux.netty.relay;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What waits of a WebSocket's pings and pongs for a side that takes nothing: the last one each, which is all that need be answered. One thread. */
final class OwedControls {

    private byte @Nullable [] ping;
    private byte @Nullable [] pong;

    /** Puts one in place of the last of its kind. Takes {@code data}. */
    void add(MessageTap.Control control, byte[] data) {
        switch (control) {
            case PING -> ping = data;
            case PONG -> pong = data;
        }
    }

    /** Hands over what waits. False if that is nothing. */
    boolean pay(Consumer<byte[]> pings, Consumer<byte[]> pongs) {
        byte[] owedPing = ping;
        byte[] owedPong = pong;
        ping = null;
        pong = null;
        if (owedPing != null) {
            pings.accept(owedPing);
        }
        if (owedPong != null) {
            pongs.accept(owedPong);
        }
        return owedPing != null || owedPong != null;
    }
}
