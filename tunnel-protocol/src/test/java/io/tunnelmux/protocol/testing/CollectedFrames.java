package io.tunnelmux.protocol.testing;

import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects what a decoder delivers: frames with payloads copied to the heap and released, and a {@link Breach} for each that costs
 * a stream. {@link #joined()} puts the pieces of one DATA together again, so that the result does not depend on how the bytes
 * came.
 *
 * <p>For one thread, the one that decodes.
 */
public final class CollectedFrames implements FrameHandler {

    private final List<Object> seen = new ArrayList<>();

    /** Frames and breaches as delivered. */
    public List<Object> asDelivered() {
        return List.copyOf(seen);
    }

    /** Only the frames, as delivered. */
    public List<Frame> frames() {
        return seen.stream()
                .filter(Frame.class::isInstance)
                .map(Frame.class::cast)
                .toList();
    }

    /**
     * Frames and breaches, with each run of DATA that one stream got in succession put together while MORE says that it goes on. DATA
     * that bore MORE on the wire is joined with its successor too: compare with {@link #join} of what is expected.
     */
    public List<Object> joined() {
        return join(seen);
    }

    /** See {@link #joined()}. */
    public static List<Object> join(List<?> frames) {
        List<Object> joined = new ArrayList<>();
        for (Object next : frames) {
            int last = joined.size() - 1;
            if (next instanceof Frame.Data data
                    && last >= 0
                    && joined.get(last) instanceof Frame.Data before
                    && before.streamId() == data.streamId()
                    && before.hasMore()) {
                ByteArrayOutputStream bytes = new ByteArrayOutputStream();
                bytes.writeBytes(before.payload().toByteArray());
                bytes.writeBytes(data.payload().toByteArray());
                int flags = before.flags() & Frame.FLAG_TEXT | data.flags() & ~Frame.FLAG_TEXT;
                joined.set(last, new Frame.Data(data.streamId(), Payload.of(bytes.toByteArray()), flags));
            } else {
                joined.add(next);
            }
        }
        return joined;
    }

    private static Payload heap(Payload payload) {
        Payload copy = Payload.of(payload.toByteArray());
        payload.release();
        return copy;
    }

    @Override
    public void onData(Frame.Data frame) {
        seen.add(new Frame.Data(frame.streamId(), heap(frame.payload()), frame.flags()));
    }

    @Override
    public void onOpen(Frame.Open frame) {
        seen.add(new Frame.Open(frame.streamId(), heap(frame.payload()), frame.flags()));
    }

    @Override
    public void onMessage(Frame.Message frame) {
        seen.add(new Frame.Message(frame.streamId(), heap(frame.payload()), frame.flags()));
    }

    @Override
    public void onWindow(Frame.Window frame) {
        seen.add(frame);
    }

    @Override
    public void onClose(Frame.Close frame) {
        seen.add(frame);
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        seen.add(frame);
    }

    @Override
    public void onPing(Frame.Ping frame) {
        seen.add(frame);
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        seen.add(frame);
    }

    @Override
    public void onHello(Frame.Hello frame) {
        seen.add(new Frame.Hello(heap(frame.payload()), frame.isReply()));
    }

    @Override
    public void onAck(Frame.Ack frame) {
        seen.add(frame);
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        seen.add(frame);
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        seen.add(Breach.of(breach));
    }
}
