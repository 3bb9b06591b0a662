package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Bytes, and the frames that they are. A value, for any thread; {@link Vectors} makes them.
 *
 * @param maxFrameBytes longest payload that the reader accepts
 * @param isReceiveOnly whether nobody writes the frames like this
 * @param frames all frames, or those before the breach
 * @param breach null in a valid vector
 * @param framesAfter what follows a breach that costs a stream
 */
public record FrameVector(
        String name,
        int maxFrameBytes,
        boolean isReceiveOnly,
        Payload bytes,
        List<Frame> frames,
        @Nullable Breach breach,
        List<Frame> framesAfter) {

    /** What a reader sees: frames, and the breach in its place if the reader goes on after it. */
    public List<Object> expected() {
        List<Object> expected = new ArrayList<>(frames);
        if (breach != null && !breach.costsTunnel()) {
            expected.add(breach);
        }
        expected.addAll(framesAfter);
        return expected;
    }

    @Override
    public String toString() {
        return name;
    }
}
