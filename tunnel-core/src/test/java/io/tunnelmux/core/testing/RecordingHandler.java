package io.tunnelmux.core.testing;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what came on one stream, and consumes it at once or when told to: {@code new RecordingHandler().stopsConsuming()} is a reader that has
 * stopped. What comes after the end of the stream is an {@link AssertionError}.
 *
 * <p>For one thread, that of the loop.
 */
public final class RecordingHandler implements StreamHandler {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final List<Message> messages = new ArrayList<>();
    private boolean consumes = true;
    private boolean isEnded;
    private @Nullable TunnelStream source;
    private int unconsumed;
    private int writableCalls;
    private @Nullable Outcome outcome;

    /** Keeps credit back from here on, until {@link #consume}. */
    public RecordingHandler stopsConsuming() {
        consumes = false;
        return this;
    }

    /** Grants credit for all that came, and from now on for what comes. */
    public void consume() {
        consumes = true;
        int bytesNow = unconsumed;
        unconsumed = 0;
        if (source != null) {
            source.consumed(bytesNow);
        }
    }

    /** How many bytes came and were not consumed. */
    public int unconsumed() {
        return unconsumed;
    }

    /** All bytes that came. */
    public byte[] bytes() {
        return bytes.toByteArray();
    }

    /** All messages that came. */
    public List<Message> messages() {
        return List.copyOf(messages);
    }

    /** Whether the peer's half has ended. */
    public boolean isEnded() {
        return isEnded;
    }

    /** How often it was told that there is room again. */
    public int writableCalls() {
        return writableCalls;
    }

    /** How the stream ended, or null if it has not. */
    public @Nullable Outcome outcome() {
        return outcome;
    }

    @Override
    public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
        requireOpen();
        messages.add(message);
        isEnded = isEnd;
    }

    @Override
    public void onData(TunnelStream stream, Frame.Data data) {
        requireOpen();
        source = stream;
        int length = data.payload().length();
        bytes.writeBytes(data.payload().toByteArray());
        data.payload().release();
        isEnded = data.isEnd();
        if (consumes) {
            stream.consumed(length);
        } else {
            unconsumed += length;
        }
    }

    @Override
    public void onWritable(TunnelStream stream) {
        requireOpen();
        writableCalls++;
    }

    @Override
    public void onClosed(TunnelStream stream, Outcome newOutcome) {
        requireOpen();
        outcome = newOutcome;
    }

    private void requireOpen() {
        if (outcome != null) {
            throw new AssertionError("a callback after the end");
        }
    }
}
