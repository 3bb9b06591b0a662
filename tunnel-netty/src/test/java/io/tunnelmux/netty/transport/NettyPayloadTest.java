package io.tunnelmux.netty.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import io.tunnelmux.protocol.Payload;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class NettyPayloadTest {
    static Stream<ByteBufAllocator> allocators() {
        return Stream.of(ByteBufAllocator.DEFAULT, PooledByteBufAllocator.DEFAULT, UnpooledByteBufAllocator.DEFAULT);
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void readsWhatTheBufferHolds(ByteBufAllocator allocator) {
        NettyPayload payload = NettyPayload.of(buffer(allocator, 24, 20));

        assertThat(payload.length()).isEqualTo(20);
        assertThat(payload.byteAt(3)).isEqualTo((byte) 3);
        assertThat(payload.longAt(1)).isEqualTo(0x0102030405060708L);
        assertThat(payload.toByteArray()).isEqualTo(counting(0, 20));
        payload.release();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void slicesShareTheBufferAndAreReleasedInAnyOrder(ByteBufAllocator allocator) {
        ByteBuf buf = buffer(allocator, 0, 20);
        NettyPayload payload = NettyPayload.of(buf);
        NettyPayload slice = payload.retainedSlice(5, 10);
        NettyPayload inner = slice.retainedSlice(1, 2);

        payload.release();
        assertThat(slice.toByteArray()).isEqualTo(counting(5, 10));
        slice.release();
        assertThat(inner.toByteArray()).isEqualTo(counting(6, 2));
        inner.release();
        assertThat(buf.refCnt()).isZero();
    }

    @Test
    void dropFirstMovesTheStartOfThisVeryPayload() {
        NettyPayload payload = NettyPayload.of(buffer(ByteBufAllocator.DEFAULT, 24, 20));

        assertThat(payload.dropFirst(8)).isSameAs(payload);
        assertThat(payload.toByteArray()).isEqualTo(counting(8, 12));
        assertThat(payload.headroom()).isEqualTo(32);
        payload.release();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void ownsTheBufferWhileNobodyElseHoldsAReference(ByteBufAllocator allocator) {
        NettyPayload payload = NettyPayload.of(buffer(allocator, 24, 20));
        assertThat(payload.headroom()).isEqualTo(24);

        NettyPayload slice = payload.retainedSlice(10, 10);
        assertThat(payload.headroom()).isZero();
        assertThat(slice.headroom()).isZero();

        payload.release();
        assertThat(slice.headroom()).isEqualTo(34);
        slice.release();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void aSliceMadeElsewhereIsNotOwnedWhileItsParentLives(ByteBufAllocator allocator) {
        ByteBuf parent = buffer(allocator, 0, 20);
        NettyPayload payload = NettyPayload.of(parent.retainedSlice(4, 16).skipBytes(8));
        assertThat(payload.headroom()).isZero();

        parent.release();
        assertThat(payload.headroom()).isEqualTo(8);
        payload.release();
    }

    @Test
    void compositesAndReadOnlyBuffersAreNeverOwned() {
        ByteBuf shared = buffer(ByteBufAllocator.DEFAULT, 0, 4);
        CompositeByteBuf composite =
                ByteBufAllocator.DEFAULT.compositeBuffer().addComponent(true, shared.retainedDuplicate());
        NettyPayload ofComposite = NettyPayload.of(composite);
        NettyPayload ofReadOnly = NettyPayload.of(shared.asReadOnly());

        assertThat(ofComposite.ownsBuffer()).isFalse();
        assertThat(ofReadOnly.ownsBuffer()).isFalse();
        ofComposite.release();
        assertThat(ofReadOnly.ownsBuffer()).isFalse();
        ofReadOnly.release();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void becomesTheBufferItselfWhereItOwnsIt(ByteBufAllocator allocator) {
        ByteBuf buf = buffer(allocator, 24, 20);

        ByteBuf out = NettyPayload.toByteBuf(NettyPayload.of(buf).dropFirst(5));

        assertThat(out).isSameAs(buf);
        assertThat(out.readerIndex()).isEqualTo(29);
        assertThat(out.readableBytes()).isEqualTo(15);
        out.release();
    }

    @ParameterizedTest
    @MethodSource("allocators")
    void becomesASliceWhereOthersShareTheBuffer(ByteBufAllocator allocator) {
        ByteBuf buf = buffer(allocator, 24, 20);
        NettyPayload payload = NettyPayload.of(buf);
        NettyPayload slice = payload.retainedSlice(2, 3);

        ByteBuf out = NettyPayload.toByteBuf(slice);

        assertThat(bytesOf(out)).isEqualTo(counting(2, 3));
        assertThat(payload.toByteArray()).isEqualTo(counting(0, 20));
        out.release();
        payload.release();
        assertThat(buf.refCnt()).isZero();
    }

    @Test
    void bytesOfTheHeapAreWrapped() {
        ByteBuf out = NettyPayload.toByteBuf(Payload.of(counting(0, 5)));

        assertThat(bytesOf(out)).isEqualTo(counting(0, 5));
        out.release();
    }

    @Test
    void isReleasedOnlyOnce() {
        NettyPayload payload = NettyPayload.of(buffer(ByteBufAllocator.DEFAULT, 0, 4));
        NettyPayload slice = payload.retainedSlice(0, 4);
        payload.release();

        assertThatThrownBy(payload::release).isInstanceOf(IllegalReferenceCountException.class);
        assertThatThrownBy(() -> NettyPayload.toByteBuf(payload)).isInstanceOf(IllegalReferenceCountException.class);
        slice.release();
    }

    @Test
    void refusesWhatIsOutOfBounds() {
        NettyPayload payload = NettyPayload.of(buffer(ByteBufAllocator.DEFAULT, 24, 10));

        assertThatThrownBy(() -> payload.byteAt(10)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> payload.byteAt(-1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> payload.longAt(3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> payload.dropFirst(11)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> payload.retainedSlice(5, 6)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> payload.copyTo(5, new byte[10], 0, 6)).isInstanceOf(IndexOutOfBoundsException.class);
        payload.release();
    }

    @Test
    void emptyBuffersAreFine() {
        NettyPayload payload = NettyPayload.of(Unpooled.EMPTY_BUFFER);

        assertThat(payload.length()).isZero();
        assertThat(payload.headroom()).isZero();
        payload.release();
    }

    private static ByteBuf buffer(ByteBufAllocator allocator, int headroom, int length) {
        return allocator.ioBuffer(256, 256).setIndex(headroom, headroom).writeBytes(counting(0, length));
    }

    private static byte[] counting(int first, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (first + i);
        }
        return bytes;
    }

    private static byte[] bytesOf(ByteBuf buf) {
        byte[] bytes = new byte[buf.readableBytes()];
        buf.getBytes(buf.readerIndex(), bytes);
        return bytes;
    }
}
