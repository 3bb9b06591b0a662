package io.tunnelmux.netty.relay;

import io.netty.buffer.ByteBuf;
import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.protocol.Payload;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** Tells of each message of a {@link MessageRelay} once it is whole. On its loop. */
public final class MessageWatch implements MessageTap {

    /** What stands in a close frame's code if there is none. */
    private static final int NO_CODE = 1_005;

    /** Chooses the messages whose beginning is shown. Any thread. */
    @FunctionalInterface
    public interface Sampler {

        /** Shows nothing. */
        Sampler NONE = () -> 0;

        /** How many bytes of the message that begins now are shown. */
        int nextBytes();
    }

    private final Sampler sampler;
    private final Consumer<RelayedMessage> told;
    private final Side fromChannel;
    private final Side fromStream;

    /**
     * @param isAtGateway whether the channel is a client's, and not an upstream's
     * @param told must not throw
     */
    public MessageWatch(boolean isAtGateway, Sampler sampler, Consumer<RelayedMessage> told) {
        this.sampler = sampler;
        this.told = told;
        fromChannel = new Side(isAtGateway ? Direction.TO_AGENT : Direction.FROM_AGENT);
        fromStream = new Side(isAtGateway ? Direction.FROM_AGENT : Direction.TO_AGENT);
    }

    @Override
    public void onPart(boolean isFromChannel, boolean isText, ByteBuf lent, boolean isLast) {
        side(isFromChannel).add(isText, lent, isLast);
    }

    @Override
    public void onControl(boolean isFromChannel, Control control, int bytes) {
        RelayedMessage.Kind kind = control == Control.PING ? RelayedMessage.Kind.PING : RelayedMessage.Kind.PONG;
        told.accept(new RelayedMessage(side(isFromChannel).direction, kind, bytes, 0, Payload.EMPTY));
    }

    @Override
    public void onClose(boolean isFromChannel, int code, String reason) {
        boolean isEmpty = code == NO_CODE;
        int bytes = isEmpty ? 0 : Short.BYTES + reason.getBytes(StandardCharsets.UTF_8).length;
        told.accept(new RelayedMessage(
                side(isFromChannel).direction, RelayedMessage.Kind.CLOSE, bytes, isEmpty ? 0 : code, Payload.EMPTY));
    }

    private Side side(boolean isFromChannel) {
        return isFromChannel ? fromChannel : fromStream;
    }

    /** The message that is under way in one direction. */
    private final class Side {
        private static final byte[] NONE = {};

        private final Direction direction;
        private boolean isInMessage;
        private long bytes;
        private byte[] sample = NONE;
        private int sampledBytes;

        Side(Direction direction) {
            this.direction = direction;
        }

        void add(boolean isText, ByteBuf part, boolean isLast) {
            if (!isInMessage) {
                bytes = 0;
                sampledBytes = 0;
                int wanted = sampler.nextBytes();
                sample = wanted == 0 ? NONE : new byte[wanted];
            }
            int length = part.readableBytes();
            int count = Math.min(length, sample.length - sampledBytes);
            part.getBytes(part.readerIndex(), sample, sampledBytes, count);
            sampledBytes += count;
            bytes += length;
            isInMessage = !isLast;
            if (isLast) {
                RelayedMessage.Kind kind = isText ? RelayedMessage.Kind.TEXT : RelayedMessage.Kind.BINARY;
                Payload shown = sampledBytes == 0 ? Payload.EMPTY : Payload.of(Arrays.copyOf(sample, sampledBytes));
                sample = NONE;
                told.accept(new RelayedMessage(direction, kind, bytes, 0, shown));
            }
        }
    }
}
