package io.tunnelmux.netty.relay;

import io.netty.channel.Channel;

/**
 * Whether a channel is read from: as long as nobody holds it back. Several may, each for a reason of its own; reading goes on when the
 * last one lets go. To be called on the channel's loop.
 */
public final class ReadGate {

    /** The stream behind the channel is full. Other reasons are the caller's own, one bit each. */
    public static final int STREAM_FULL = 1;

    private final Channel channel;
    private int holds;

    /** A gate that is open. Nobody else may change the channel's {@code autoRead} from now on. */
    public ReadGate(Channel channel) {
        this.channel = channel;
    }

    /** Stops reading for this reason; further calls do nothing. Bytes that were read already still come. */
    public void hold(int reason) {
        if (holds == 0) {
            channel.config().setAutoRead(false);
        }
        holds |= reason;
    }

    /** The reason has gone; reading goes on, unless there is another. */
    public void release(int reason) {
        if ((holds & reason) != 0) {
            holds &= ~reason;
            if (holds == 0) {
                channel.config().setAutoRead(true);
            }
        }
    }

    /** Whether nobody holds the channel back. */
    public boolean isOpen() {
        return holds == 0;
    }
}
