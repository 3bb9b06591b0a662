package io.tunnelmux.core.testing;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Message;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Remembers what happened on a tunnel, and takes its streams as a test says, for instance all of them with
 * {@code (stream, request, isEnd) -> new RecordingHandler()}.
 *
 * <p>Told on the loop; any thread may look.
 */
public final class RecordingTunnelHandler implements TunnelHandler {

    /** Who handles a stream that the peer opens; null refuses it. See {@link TunnelHandler#onStream}. */
    @FunctionalInterface
    public interface Acceptance {
        @Nullable
        StreamHandler accept(TunnelStream stream, Message request, boolean isEnd);
    }

    private final Acceptance acceptance;
    private final List<Message> messages = new CopyOnWriteArrayList<>();
    private volatile boolean isDraining;
    private volatile @Nullable Outcome outcome;

    /** Refuses all streams. */
    public RecordingTunnelHandler() {
        this((stream, request, isEnd) -> null);
    }

    /** Takes streams like this. */
    public RecordingTunnelHandler(Acceptance acceptance) {
        this.acceptance = acceptance;
    }

    /** The messages that came on the tunnel itself. */
    public List<Message> messages() {
        return List.copyOf(messages);
    }

    /** Whether the peer takes no more streams. */
    public boolean isDraining() {
        return isDraining;
    }

    /** How the tunnel ended, or null if it has not. */
    public @Nullable Outcome outcome() {
        return outcome;
    }

    @Override
    public void onOpened(Tunnel tunnel) {}

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        return acceptance.accept(stream, request, isEnd);
    }

    @Override
    public void onMessage(Tunnel tunnel, Message message) {
        messages.add(message);
    }

    @Override
    public void onDraining(Tunnel tunnel) {
        isDraining = true;
    }

    @Override
    public void onClosed(Tunnel tunnel, Outcome newOutcome) {
        if (outcome != null) {
            throw new AssertionError("a second end");
        }
        outcome = newOutcome;
    }
}
