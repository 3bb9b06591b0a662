package io.tunnelmux.netty.relay;

/** Told what a {@link StreamPressure} moves. On its loop; must not throw. */
public interface FlowMeter {

    /** The channel has brought bytes for the stream. */
    void onToStream(int bytes);

    /** The stream has brought bytes for the channel. */
    void onToChannel(int bytes);

    /**
     * Bytes that were looked at have gone out: to the tunnel's transport, or to the channel's socket. In each direction one piece is looked at at a time.
     *
     * @param nanos since they came
     */
    void onTaken(boolean isToStream, long nanos);
}
