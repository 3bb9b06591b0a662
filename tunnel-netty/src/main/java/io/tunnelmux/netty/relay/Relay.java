package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.tunnelmux.core.StreamHandler;
import java.time.Duration;

/** A stream joined to a channel: the handler of the stream from then on. All calls on the channel's loop. */
public interface Relay extends StreamHandler {

    /** Takes bytes as if the channel had just received them. Takes {@code bytes}. */
    void toStream(ByteBuf bytes);

    /** Cuts both, with {@code TIMEOUT}, when for so long nothing has moved between them, see {@link StreamPressure#watch}. */
    void cutWhenIdle(Duration limit);
}
