package io.tunnelmux.core.testing;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Frames to send through a transport; it does not matter to it whether they make sense in their order. */
final class SampleFrames {
    static final int LONGEST_BYTES = 65_535;

    private SampleFrames() {}

    /** One of each kind, on this stream where it belongs to one, some of them twice. */
    static List<Frame> everyKind(int streamId) {
        return List.of(
                new Frame.Hello(Payload.of(bytes(300)), streamId == 2),
                new Frame.Open(streamId, Payload.of(bytes(20)), 0),
                new Frame.Message(streamId, Payload.of(bytes(700)), Frame.FLAG_MORE),
                new Frame.Message(streamId, Payload.of(bytes(1)), 0),
                new Frame.Message(0, Payload.of(bytes(5)), 0),
                new Frame.Data(streamId, Payload.of(bytes(1_000)), Frame.FLAG_TEXT),
                new Frame.Window(streamId, 12_345),
                new Frame.Window(0, Integer.MAX_VALUE),
                new Frame.Ping(0x0102030405060708L, false),
                new Frame.Ping(-1, true),
                new Frame.Ack(Long.MAX_VALUE),
                new Frame.Data(streamId, Payload.EMPTY, Frame.FLAG_END),
                new Frame.Close(streamId, ErrorCode.NO_ERROR.value(), ""),
                new Frame.Cancel(Integer.MAX_VALUE, 1_000, "gr\u00fcn"),
                new Frame.GoAway(streamId, ErrorCode.SHUTTING_DOWN.value(), 0xffff_ffffL, "restart"));
    }

    /** Frames of many streams and lengths that take at least {@code bytes} together. */
    static List<Frame> mixture(Random random, int bytes) {
        List<Frame> frames = new ArrayList<>();
        int sum = 0;
        while (sum < bytes) {
            int streamId = 1 + random.nextInt(50);
            int length = switch (random.nextInt(4)) {
                case 0 -> random.nextInt(100);
                case 1 -> random.nextInt(2_000);
                case 2 -> random.nextInt(20_000);
                default -> random.nextInt(LONGEST_BYTES + 1);
            };
            switch (random.nextInt(6)) {
                case 0 -> frames.add(new Frame.Window(streamId, 1 + random.nextInt(1_000_000)));
                case 1 -> frames.add(new Frame.Message(streamId, Payload.of(randomBytes(random, length)), 0));
                case 2 -> frames.add(new Frame.Cancel(streamId, 7, "no " + length));
                default ->
                    frames.add(new Frame.Data(
                            streamId, Payload.of(randomBytes(random, length)), random.nextInt(2) * Frame.FLAG_END));
            }
            sum += length + 8;
        }
        return frames;
    }

    private static byte[] randomBytes(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** Bytes that differ from place to place. */
    static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + length);
        }
        return bytes;
    }
}
