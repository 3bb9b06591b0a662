package io.tunnelmux.netty.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes down whole messages as {@code text …} and {@code binary …}, a byte for a char, and of the last one what came; a plus stands for more to come. */
public final class MessageRecorder implements MessageReader.Sink {

    private final List<String> messages = new ArrayList<>();
    private final ByteArrayOutputStream current = new ByteArrayOutputStream();
    private String kind = "";
    private boolean isInMessage;
    private byte[] last = {};
    private int room = Integer.MAX_VALUE;
    private int longestWaste;

    public List<String> messages() {
        List<String> all = new ArrayList<>(messages);
        if (isInMessage) {
            all.add(kind + current.toString(StandardCharsets.ISO_8859_1) + "+");
        }
        return all;
    }

    /** What has come of the last message. */
    public byte[] last() {
        return isInMessage ? current.toByteArray() : last;
    }

    /** The most memory that a part kept beyond its own bytes. */
    public int longestWaste() {
        return longestWaste;
    }

    public boolean isComplete() {
        return !isInMessage;
    }

    /** So many more parts may come. */
    public void room(int parts) {
        room = parts;
    }

    @Override
    public void onPart(ByteBuf taken, boolean isText, boolean isLast) {
        assertThat(taken.isReadable() || isLast)
                .as("no part is empty but the last")
                .isTrue();
        assertThat(room).as("room").isPositive();
        room -= room == Integer.MAX_VALUE ? 0 : 1;
        kind = isText ? "text " : "binary ";
        longestWaste = Math.max(longestWaste, taken.capacity() - taken.readableBytes());
        byte[] bytes = new byte[taken.readableBytes()];
        taken.readBytes(bytes);
        taken.release();
        current.writeBytes(bytes);
        isInMessage = !isLast;
        if (isLast) {
            last = current.toByteArray();
            messages.add(kind + current.toString(StandardCharsets.ISO_8859_1));
            current.reset();
        }
    }

    @Override
    public void onPing(byte[] data) {
        messages.add("ping " + new String(data, StandardCharsets.UTF_8));
    }

    @Override
    public void onPong(byte[] data) {
        messages.add("pong " + new String(data, StandardCharsets.UTF_8));
    }

    @Override
    public void onClose(int code, String reason) {
        messages.add("close " + code + " " + reason);
    }

    @Override
    public boolean hasRoom() {
        return room > 0;
    }
}
