package io.tunnelmux.netty.websocket;

import io.netty.buffer.ByteBuf;

/**
 * Whether bytes that come in pieces are UTF-8 (RFC 3629), told as soon as they cannot be any more: not too long for what they say, no surrogates, nothing
 * beyond U+10FFFF. One thread.
 */
final class Utf8Check {

    private static final long NOT_ASCII = 0x8080_8080_8080_8080L;
    private static final int FIRST_FURTHER = 0x80;
    private static final int LAST_FURTHER = 0xbf;

    /** Bytes of a character that have not come yet, and what the next of them may be. */
    private int missing;

    private int least;
    private int most;

    /** Takes bytes in. False if they do not go on what came before. */
    boolean accept(ByteBuf bytes) {
        int at = bytes.readerIndex();
        int end = bytes.writerIndex();
        while (at < end) {
            if (missing == 0 && at <= end - Long.BYTES && (bytes.getLong(at) & NOT_ASCII) == 0) {
                at += Long.BYTES;
            } else if (!accept(bytes.getByte(at++) & 0xff)) {
                return false;
            }
        }
        return true;
    }

    /** Whether no character lacks bytes. */
    boolean isComplete() {
        return missing == 0;
    }

    /** Forgets what came. */
    void reset() {
        missing = 0;
    }

    private boolean accept(int value) {
        if (missing > 0) {
            boolean fits = value >= least && value <= most;
            missing--;
            expect(FIRST_FURTHER, LAST_FURTHER);
            return fits;
        }
        if (value < 0x80) {
            return true;
        }
        expect(FIRST_FURTHER, LAST_FURTHER);
        if (value < 0xe0) {
            missing = 1;
        } else if (value < 0xf0) {
            missing = 2;
            if (value == 0xe0) {
                expect(0xa0, LAST_FURTHER);
            } else if (value == 0xed) {
                expect(FIRST_FURTHER, 0x9f);
            }
        } else {
            missing = 3;
            if (value == 0xf0) {
                expect(0x90, LAST_FURTHER);
            } else if (value == 0xf4) {
                expect(FIRST_FURTHER, 0x8f);
            }
        }
        return value >= 0xc2 && value <= 0xf4;
    }

    private void expect(int newLeast, int newMost) {
        least = newLeast;
        most = newMost;
    }
}
