package io.tunnelmux.netty.transport;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.ProtocolException;
import org.jspecify.annotations.Nullable;

/** How the frames of a tunnel lie on a connection, and how its two sides take leave there. One connection's; one thread. */
interface Binding {

    /** Where frames are gathered, with the room in front that {@link #frame} needs. */
    OutboundBatch newBatch(ByteBufAllocator allocator);

    /**
     * Reads on, and tells the {@link NettyTransport} what there was. Takes {@code taken}, also when it throws.
     *
     * @throws ProtocolException if the peer broke a rule; the tunnel pays
     */
    void read(ByteBuf taken);

    /** Makes a batch that is not empty ready to be sent. */
    void frame(OutboundBatch batch);

    /** What is owed to the peer at this level, once, or null if nothing is. */
    @Nullable
    ByteBuf takeReply(ByteBufAllocator allocator);

    /** What this side says last, of its own accord; null where the end of what it sends says it. */
    @Nullable
    ByteBuf goodbye(ByteBufAllocator allocator, ErrorCode code, String reason);

    /** What this side says last, after the peer has said goodbye; null as above. */
    @Nullable
    ByteBuf echo(ByteBufAllocator allocator);

    /** Whether the end of what the peer sends is its goodbye, if a GOAWAY came before; else it always is the loss of the connection. */
    boolean endsWithInput();

    /** What people probably have to change where the connection is lost now: to append, perhaps empty. */
    String hintOfLoss();
}
