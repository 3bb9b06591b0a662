package io.tunnelmux.core;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.testing.TunnelVector;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The application that a vector asks for: it takes, holds or refuses, and remembers. */
final class VectorApplication implements TunnelHandler {

    private final TunnelVector.Application kind;
    private final Map<Integer, Seen> streams = new HashMap<>();
    private @Nullable Tunnel tunnel;

    VectorApplication(TunnelVector.Application kind) {
        this.kind = kind;
    }

    /** What came on one stream; 0 is the tunnel. */
    static final class Seen {
        final Deque<Told> messages = new ArrayDeque<>();
        final ByteArrayOutputStream data = new ByteArrayOutputStream();

        @Nullable
        TunnelStream stream;

        @Nullable
        String openedWith;

        boolean isEnd;

        @Nullable
        Outcome outcome;
    }

    /** A message that came. */
    record Told(String type, boolean isEnd) {}

    Tunnel tunnel() {
        if (tunnel == null) {
            throw new AssertionError("no tunnel is open");
        }
        return tunnel;
    }

    Seen seen(int streamId) {
        return streams.computeIfAbsent(streamId, id -> new Seen());
    }

    TunnelStream stream(int streamId) {
        TunnelStream stream = seen(streamId).stream;
        if (stream == null) {
            throw new AssertionError("no stream " + streamId);
        }
        return stream;
    }

    void opens(int streamId, Message message, boolean isEnd) {
        Seen seen = seen(streamId);
        TunnelStream stream = tunnel().open(message, isEnd, new Handler(seen, true));
        if (stream.id() != streamId) {
            throw new AssertionError("stream " + stream.id() + " was opened, and not " + streamId);
        }
        seen.stream = stream;
    }

    @Override
    public void onOpened(Tunnel opened) {
        tunnel = opened;
    }

    @Override
    public @Nullable StreamHandler onStream(TunnelStream stream, Message request, boolean isEnd) {
        boolean isKnown = !(request instanceof Message.Application);
        if (kind == TunnelVector.Application.REFUSES || !isKnown) {
            return null;
        }
        Seen seen = seen(stream.id());
        seen.stream = stream;
        seen.openedWith = request.type();
        return new Handler(seen, kind == TunnelVector.Application.TAKES);
    }

    @Override
    public void onMessage(Tunnel from, Message message) {
        seen(0).messages.add(new Told(message.type(), false));
    }

    @Override
    public void onClosed(Tunnel closed, Outcome outcome) {
        seen(0).outcome = outcome;
    }

    private record Handler(Seen seen, boolean takes) implements StreamHandler {

        @Override
        public void onMessage(TunnelStream stream, Message message, boolean isEnd) {
            seen.messages.add(new Told(message.type(), isEnd));
        }

        @Override
        public void onData(TunnelStream stream, Frame.Data data) {
            int length = data.payload().length();
            seen.data.writeBytes(data.payload().toByteArray());
            seen.isEnd = data.isEnd();
            data.payload().release();
            if (takes) {
                stream.consumed(length);
            }
        }

        @Override
        public void onWritable(TunnelStream stream) {}

        @Override
        public void onClosed(TunnelStream stream, Outcome outcome) {
            seen.outcome = outcome;
        }
    }
}
