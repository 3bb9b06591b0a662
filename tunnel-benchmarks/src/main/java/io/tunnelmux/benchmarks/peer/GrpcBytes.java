package io.tunnelmux.benchmarks.peer;

import io.grpc.Drainable;
import io.grpc.HasByteBuffer;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/** Messages of gRPC that are nothing but bytes: buffers from the pool on both sides, without a copy more than gRPC makes. Any thread. */
final class GrpcBytes implements MethodDescriptor.Marshaller<ByteBuf> {

    /** {@code value} is taken: gRPC closes the stream once it has read it. */
    @Override
    public InputStream stream(ByteBuf value) {
        return new Sent(value);
    }

    /** {@return bytes that the caller owns} */
    @Override
    public ByteBuf parse(InputStream stream) {
        try {
            int count = stream.available();
            ByteBuf bytes = ByteBufAllocator.DEFAULT.ioBuffer(count);
            if (stream instanceof HasByteBuffer buffers && buffers.byteBufferSupported()) {
                for (ByteBuffer run = buffers.getByteBuffer(); run != null; run = buffers.getByteBuffer()) {
                    int length = run.remaining();
                    bytes.writeBytes(run);
                    stream.skipNBytes(length);
                }
            } else {
                while (bytes.readableBytes() < count && bytes.writeBytes(stream, bytes.writableBytes()) >= 0) {
                    // A stream may give less than it is asked for.
                }
            }
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException("a message that is in memory", e);
        }
    }

    /** A message on its way out. */
    private static final class Sent extends InputStream implements KnownLength, Drainable {
        private final ByteBuf bytes;
        private boolean isClosed;

        Sent(ByteBuf bytes) {
            this.bytes = bytes;
        }

        @Override
        public int drainTo(OutputStream target) throws IOException {
            int count = bytes.readableBytes();
            bytes.readBytes(target, count);
            return count;
        }

        @Override
        public int available() {
            return bytes.readableBytes();
        }

        @Override
        public int read() {
            return bytes.isReadable() ? bytes.readUnsignedByte() : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            int count = Math.min(length, bytes.readableBytes());
            if (count == 0 && length > 0) {
                return -1;
            }
            bytes.readBytes(target, offset, count);
            return count;
        }

        @Override
        public void close() {
            if (!isClosed) {
                isClosed = true;
                bytes.release();
            }
        }
    }
}
