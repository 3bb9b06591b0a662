package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Frame;

/** The type bytes of the wire, and what the wire says of each type alone. */
final class FrameType {

    static final int DATA = 0x00;
    static final int OPEN = 0x01;
    static final int MESSAGE = 0x02;
    static final int WINDOW = 0x03;
    static final int CLOSE = 0x04;
    static final int CANCEL = 0x05;
    static final int PING = 0x06;
    static final int GOAWAY = 0x07;
    static final int HELLO = 0x08;
    static final int ACK = 0x09;
    static final int FIRST_EXTENSION = 0x40;

    /** Longest payload that the length field can tell. */
    static final int MAX_PAYLOAD_BYTES = 0xffff;
    /** Longest HELLO, whatever the sides agree on for other frames. */
    static final int MAX_HELLO_BYTES = 16_384;
    /** Payload of a WINDOW. */
    static final int WINDOW_BYTES = 4;
    /** Payload of a PING and of an ACK. */
    static final int WORD_BYTES = 8;
    /** Payload of CLOSE and CANCEL without the reason. */
    static final int END_BYTES = 4;
    /** Payload of GOAWAY without the reason. */
    static final int GOAWAY_BYTES = 12;

    private static final String[] NAMES = {
        "DATA", "OPEN", "MESSAGE", "WINDOW", "CLOSE", "CANCEL", "PING", "GOAWAY", "HELLO", "ACK"
    };

    private FrameType() {}

    static boolean isReserved(int type) {
        return type > ACK && type < FIRST_EXTENSION;
    }

    static boolean isExtension(int type) {
        return type >= FIRST_EXTENSION;
    }

    /** Whether such a frame may stand on this id: the tunnel (0) or a stream. */
    static boolean fits(int type, int streamId) {
        return switch (type) {
            case DATA, OPEN, CLOSE, CANCEL -> streamId != 0;
            case PING, GOAWAY, HELLO, ACK -> streamId == 0;
            default -> true;
        };
    }

    /** The flag bits that mean something there; all others are ignored. */
    static int knownFlags(int type, int streamId) {
        return switch (type) {
            case DATA -> Frame.FLAG_END | Frame.FLAG_MORE | Frame.FLAG_TEXT;
            case OPEN -> Frame.FLAG_END | Frame.FLAG_MORE;
            case MESSAGE -> streamId == 0 ? Frame.FLAG_MORE : Frame.FLAG_END | Frame.FLAG_MORE;
            case PING, HELLO -> Frame.FLAG_REPLY;
            default -> 0;
        };
    }

    /** For people. */
    static String name(int type) {
        return type < NAMES.length ? NAMES[type] : String.format("frame of type 0x%02x", type);
    }
}
