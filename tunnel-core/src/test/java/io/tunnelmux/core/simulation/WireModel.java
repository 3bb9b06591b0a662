package io.tunnelmux.core.simulation;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Settings;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What one end of a tunnel may put on the wire, and what it must: the grammar of streams and both credits, kept from nothing but the frames that
 * it has sent and received. The plainest thing that can be right, to hold the real one against.
 */
final class WireModel {

    /** One stream, as seen from this end. */
    static final class Half {
        /** Credit that this end has, and DATA bytes that it has sent. */
        long creditBytes;

        long sentBytes;
        int sentMessages;
        boolean isOpened;
        boolean isOpening;
        boolean isEndSent;
        boolean isOverHere;
        boolean isOverThere;
        boolean isEndReceived;
        boolean isMessageOpen;
        /** DATA bytes that this end has received, that its application has consumed, and that it has granted anew. */
        long receivedBytes;

        long consumedBytes;
        long grantedBytes;
        /** Set once the application has closed the stream, so that what comes is dropped and counts as consumed. */
        boolean isDropping;
    }

    /** Codes that tell of a peer's misbehaviour; there is none here. */
    private static final Set<ErrorCode> ACCUSATIONS = EnumSet.of(
            ErrorCode.PROTOCOL_ERROR,
            ErrorCode.FLOW_CONTROL_ERROR,
            ErrorCode.STREAM_CLOSED,
            ErrorCode.FRAME_TOO_LARGE,
            ErrorCode.CALM_DOWN,
            ErrorCode.UNSUPPORTED);

    private static final int MOST_TURNS_TO_PONG = 2;

    /** How far a tunnel's window may shrink. */
    private static final int LEAST_TUNNEL_BYTES = 256 * 1024;

    private final World world;
    private final String name;
    private final boolean isDialler;
    private final Settings own;
    private final Settings peer;
    private final Limits limits;
    private final Map<Integer, Half> halves = new HashMap<>();
    private long tunnelCreditBytes;
    private long tunnelReceivedBytes;
    private long tunnelGrantedBytes;
    private boolean isHelloSent;
    private boolean isHelloReceived;
    private boolean isFatalSent;
    private int lastOpenedId;
    private int openingId;
    private long pongsOwed;
    private boolean isPongDue;
    private int turnsWithPongDue;
    private boolean isTunnelMessageOpen;

    WireModel(World world, String name, boolean isDialler, Settings own, Settings peer, Limits limits) {
        this.world = world;
        this.name = name;
        this.isDialler = isDialler;
        this.own = own;
        this.peer = peer;
        this.limits = limits;
        tunnelCreditBytes = peer.tunnelWindowBytes();
    }

    Half half(int streamId) {
        return halves.computeIfAbsent(streamId, id -> {
            Half half = new Half();
            half.creditBytes = peer.streamWindowBytes();
            return half;
        });
    }

    long tunnelCreditBytes() {
        return tunnelCreditBytes;
    }

    Settings own() {
        return own;
    }

    Settings peerSettings() {
        return peer;
    }

    boolean isOpen() {
        return isHelloSent && isHelloReceived && !isFatalSent;
    }

    /** Judges a frame that this end writes. */
    void onSent(Frame frame) {
        if (world.isTracing()) {
            world.trace(name + " sends    " + brief(frame));
        }
        require(!isFatalSent, "sends behind its own GOAWAY", frame);
        if (frame instanceof Frame.Hello) {
            require(!isHelloSent && isDialler != isHelloReceived, "HELLO out of turn", frame);
            isHelloSent = true;
            return;
        }
        require(isHelloSent && isHelloReceived || frame instanceof Frame.GoAway, "before HELLO", frame);
        if (frame instanceof Frame.Data data) {
            onDataSent(data);
        } else if (frame instanceof Frame.Open open) {
            onOpenSent(open);
        } else if (frame instanceof Frame.Message message) {
            onMessageSent(message);
        } else if (frame instanceof Frame.Window window) {
            onWindowSent(window);
        } else if (frame instanceof Frame.Close close) {
            Half half = sendable(frame, close.streamId());
            require(!isPongDue, "before the answer to a ping", frame);
            require(!half.isMessageOpen, "CLOSE between pieces", frame);
            half.isOverHere = true;
        } else if (frame instanceof Frame.Cancel cancel) {
            Half half = halves.get(cancel.streamId());
            // It may cross the other side's own end.
            require(half != null && !half.isOverHere, "CANCEL of what is no stream", frame);
            ErrorCode code = ErrorCode.of(cancel.code());
            // This one says what the sender itself wanted to send.
            boolean isOwnFault = code == ErrorCode.FRAME_TOO_LARGE;
            require(isOwnFault || !ACCUSATIONS.contains(code), "accuses the other side", frame);
            half.isOverHere = true;
            openingId = openingId == cancel.streamId() ? 0 : openingId;
        } else if (frame instanceof Frame.Ping ping) {
            require(!ping.isReply() || pongsOwed > 0, "answers no ping", frame);
            pongsOwed = ping.isReply() ? 0 : pongsOwed;
            isPongDue &= !ping.isReply();
            turnsWithPongDue = 0;
        } else if (frame instanceof Frame.GoAway goAway) {
            ErrorCode code = ErrorCode.of(goAway.code());
            require(!ACCUSATIONS.contains(code), "accuses the other side", frame);
            isFatalSent = code != ErrorCode.NO_ERROR && code != ErrorCode.SHUTTING_DOWN;
        } else {
            require(false, "has no business here", frame);
        }
    }

    /** A turn of the scheduler is over, after which the transport would still take more or not. */
    void onFlushed(boolean isWritable) {
        turnsWithPongDue += isPongDue && isWritable ? 1 : 0;
        require(turnsWithPongDue <= MOST_TURNS_TO_PONG, "does not answer a ping", null);
    }

    private void onDataSent(Frame.Data data) {
        int length = data.payload().length();
        Half half = sendable(data, data.streamId());
        require(!half.isEndSent, "behind END", data);
        require(length <= peer.maxFrameBytes(), "longer than the peer takes", data);
        require(length > 0 || data.isEnd(), "empty", data);
        require(!isPongDue, "before the answer to a ping", data);
        require(!half.isMessageOpen, "between the pieces of a message", data);
        half.creditBytes -= length;
        half.sentBytes += length;
        tunnelCreditBytes -= length;
        require(half.creditBytes >= 0, "beyond the stream's credit", data);
        require(tunnelCreditBytes >= 0, "beyond the tunnel's credit", data);
        half.isEndSent = data.isEnd();
    }

    private void onOpenSent(Frame.Open open) {
        int id = open.streamId();
        require(open.payload().length() <= peer.maxFrameBytes(), "longer than the peer takes", open);
        if (openingId != 0) {
            require(openingId == id, "between the pieces of another OPEN", open);
        } else {
            require((id & 1) == 1 == isDialler && id > lastOpenedId, "no new id", open);
            lastOpenedId = id;
            require(openedHere() < peer.maxStreams(), "more streams than the peer takes", open);
        }
        require(!isPongDue, "before the answer to a ping", open);
        Half half = half(id);
        require(!half.isOpened && !half.isOverHere && !half.isOverThere, "an id twice", open);
        half.isOpening = open.hasMore();
        half.isOpened = !open.hasMore();
        half.isEndSent = open.isEnd() && !open.hasMore();
        openingId = open.hasMore() ? id : 0;
    }

    /** Streams that this end has opened and that have not ended, as far as it knows. */
    private int openedHere() {
        int count = 0;
        for (Map.Entry<Integer, Half> each : halves.entrySet()) {
            Half half = each.getValue();
            boolean isOver = half.isOverHere || half.isOverThere || half.isEndSent && half.isEndReceived;
            count += (each.getKey() & 1) == 1 == isDialler && (half.isOpened || half.isOpening) && !isOver ? 1 : 0;
        }
        return count;
    }

    private void onMessageSent(Frame.Message message) {
        require(message.payload().length() <= peer.maxFrameBytes(), "longer than the peer takes", message);
        require(!isPongDue, "before the answer to a ping", message);
        if (message.streamId() == 0) {
            isTunnelMessageOpen = message.hasMore();
            return;
        }
        Half half = sendable(message, message.streamId());
        require(!half.isEndSent, "behind END", message);
        half.isMessageOpen = message.hasMore();
        half.sentMessages += message.hasMore() ? 0 : 1;
        half.isEndSent = message.isEnd() && !message.hasMore();
    }

    private void onWindowSent(Frame.Window window) {
        if (window.streamId() == 0) {
            tunnelGrantedBytes += window.increment();
            long tunnelWindowBytes = own.tunnelWindowBytes() + tunnelGrantedBytes - tunnelReceivedBytes;
            require(tunnelWindowBytes <= limits.maxTunnelWindowBytes(), "more than the tunnel's ceiling", window);
            return;
        }
        Half half = sendable(window, window.streamId());
        half.grantedBytes += window.increment();
        long windowBytes = own.streamWindowBytes() + growthOf(half);
        require(windowBytes <= limits.maxStreamWindowBytes(), "more than the stream's ceiling", window);
        long growthBytes = 0;
        for (Half each : halves.values()) {
            growthBytes += isOver(each) ? 0 : Math.max(0, growthOf(each));
        }
        long mostBytes = Math.min(limits.growthBytes(), limits.memoryBytes() / 2);
        require(growthBytes <= mostBytes, "more than windows may grow", window);
    }

    /** By how much what the other end may send, and what the application has not consumed of what it sent, is more than the first window. */
    private static long growthOf(Half half) {
        return half.grantedBytes - (half.isDropping ? half.receivedBytes : half.consumedBytes);
    }

    private static boolean isOver(Half half) {
        return half.isOverHere || half.isOverThere || half.isEndSent && half.isEndReceived;
    }

    private Half sendable(Frame frame, int id) {
        Half half = halves.get(id);
        require(half != null && half.isOpened, "for a stream that is not open", frame);
        require(!half.isOverHere && !half.isOverThere, "for a stream that is over", frame);
        return half;
    }

    /** Notes a frame that has reached this end. */
    void onReceived(Frame frame) {
        if (world.isTracing()) {
            world.trace(name + " receives " + brief(frame));
        }
        if (frame instanceof Frame.Hello) {
            isHelloReceived = true;
        } else if (frame instanceof Frame.Data data) {
            int length = data.payload().length();
            tunnelReceivedBytes += length;
            Half half = half(data.streamId());
            half.receivedBytes += length;
            half.isEndReceived |= data.isEnd();
        } else if (frame instanceof Frame.Open open) {
            Half half = half(open.streamId());
            half.isOpened = true;
            half.isEndReceived |= open.isEnd() && !open.hasMore();
        } else if (frame instanceof Frame.Message message && message.streamId() != 0) {
            half(message.streamId()).isEndReceived |= message.isEnd() && !message.hasMore();
        } else if (frame instanceof Frame.Window window) {
            if (window.streamId() == 0) {
                tunnelCreditBytes += window.increment();
            } else {
                half(window.streamId()).creditBytes += window.increment();
            }
        } else if (frame instanceof Frame.Close close) {
            onOverThere(close.streamId());
        } else if (frame instanceof Frame.Cancel cancel) {
            onOverThere(cancel.streamId());
        } else if (frame instanceof Frame.Ping ping && !ping.isReply()) {
            pongsOwed++;
            isPongDue = true;
        } else if (frame instanceof Frame.GoAway goAway) {
            halves.forEach((id, half) -> {
                half.isOverThere |= (id & 1) == 1 == isDialler && id > goAway.lastStreamId();
                openingId = id == openingId && half.isOverThere ? 0 : openingId;
            });
        }
    }

    private void onOverThere(int streamId) {
        half(streamId).isOverThere = true;
        openingId = openingId == streamId ? 0 : openingId;
    }

    /** Judges an end that has nothing more to do, and a transport that would take more: has it done all that it owes? */
    void checkIdle() {
        if (!isOpen()) {
            return;
        }
        require(!isPongDue, "owes the answer to a ping", null);
        require(openingId == 0, "has sent half an OPEN", null);
        require(!isTunnelMessageOpen, "has sent half a message on the tunnel", null);
        long keptBytes = tunnelReceivedBytes - tunnelGrantedBytes;
        int leastWindowBytes = Math.min(own.tunnelWindowBytes(), LEAST_TUNNEL_BYTES);
        require(
                keptBytes < own.tunnelWindowBytes() - leastWindowBytes / 2,
                () -> "keeps back credit of the tunnel: " + keptBytes);
        halves.forEach((id, half) -> {
            boolean wantsMore = !half.isOverHere && !half.isOverThere && !half.isEndReceived && !half.isDropping;
            long bytes = half.consumedBytes - half.grantedBytes;
            require(
                    !wantsMore || bytes < own.streamWindowBytes() / 2,
                    () -> "keeps back credit of stream " + id + ": " + bytes);
        });
    }

    private void require(boolean holds, String what, Object frame) {
        if (!holds) {
            throw new AssertionError(name + ": " + what + (frame == null ? "" : ": " + brief((Frame) frame)));
        }
    }

    /** Says what is wrong only where something is. */
    private void require(boolean holds, Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(name + ": " + what.get());
        }
    }

    private static String brief(Frame frame) {
        if (frame instanceof Frame.Data data) {
            return "DATA " + data.streamId() + " of " + data.payload().length() + flags(data.flags());
        } else if (frame instanceof Frame.Open open) {
            return "OPEN " + open.streamId() + " of " + open.payload().length() + flags(open.flags());
        } else if (frame instanceof Frame.Message message) {
            return "MESSAGE " + message.streamId() + " of " + message.payload().length() + flags(message.flags());
        } else if (frame instanceof Frame.Hello hello) {
            return "HELLO of " + hello.payload().length();
        }
        return frame.toString();
    }

    private static String flags(int flags) {
        return ((flags & Frame.FLAG_END) != 0 ? " END" : "") + ((flags & Frame.FLAG_MORE) != 0 ? " MORE" : "");
    }
}
