package io.tunnelmux.netty.http;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the framing of a chunked body before the parser does, and finds what parsers are known to disagree about. What a chunk holds is
 * skipped. To be fed each byte once, from the first behind a head to the end of the body.
 *
 * <pre>
 * 5;name=value CR LF   at most 8 digits; at most 256 bytes from the semicolon to the CR
 * hello CR LF
 * 0 CR LF
 * Trailer: value CR LF at most 8 KiB, read as the fields of a head are
 * CR LF
 * </pre>
 */
final class ChunkScanner {

    private static final int MAX_DIGITS = 8;
    private static final int MAX_EXTENSION_BYTES = 256;
    private static final int MAX_TRAILER_BYTES = 8 * 1024;

    private enum Part {
        SIZE,
        EXTENSION,
        END_OF_SIZE_LINE,
        DATA,
        CR_BEHIND_DATA,
        LF_BEHIND_DATA,
        TRAILERS,
        END
    }

    private final HeadScanner trailers = new HeadScanner(false);
    private Part part = Part.SIZE;
    private int digits;
    private int extensionBytes;
    private int trailerBytes;
    private long size;
    private boolean isQuoted;
    private boolean isEscaped;
    private @Nullable String fault;

    /** Begins a new body. */
    void reset() {
        part = Part.SIZE;
        trailers.resetBehindFirstLine();
        trailerBytes = 0;
        fault = null;
        beginSize();
    }

    private void beginSize() {
        digits = 0;
        extensionBytes = 0;
        size = 0;
        isQuoted = false;
        isEscaped = false;
    }

    /** What is wrong, or null. */
    @Nullable
    String fault() {
        return fault;
    }

    /**
     * Looks at the bytes from {@code start} to the end of the body, to a fault, or to the last of them.
     *
     * @return the index of the first byte that was not looked at
     */
    int scan(ByteBuf bytes, int start) {
        int index = start;
        while (index < bytes.writerIndex() && part != Part.END && fault == null) {
            if (part == Part.DATA) {
                int skipped = (int) Math.min(size, bytes.writerIndex() - index);
                index += skipped;
                size -= skipped;
                part = size == 0 ? Part.CR_BEHIND_DATA : Part.DATA;
            } else {
                onByte(bytes.getByte(index));
                index++;
            }
        }
        return index;
    }

    private void onByte(byte value) {
        int c = value & 0xff;
        switch (part) {
            case SIZE -> onSize(c);
            case EXTENSION -> onExtension(c);
            case END_OF_SIZE_LINE -> onEndOfSizeLine(c);
            case CR_BEHIND_DATA -> expect(c, '\r', Part.LF_BEHIND_DATA);
            case LF_BEHIND_DATA -> {
                expect(c, '\n', Part.SIZE);
                beginSize();
            }
            case TRAILERS -> onTrailer(value);
            case DATA, END -> throw new IllegalStateException("a byte of no line: " + part);
        }
    }

    private void onSize(int c) {
        int digit = Character.digit(c, 16);
        if (digit >= 0 && c < 0x7f) {
            size = 16 * size + digit;
            if (++digits > MAX_DIGITS) {
                fault = "chunk size of more than " + MAX_DIGITS + " digits";
            }
        } else if (digits == 0) {
            fault = "chunk without a size";
        } else if (c == ';') {
            part = Part.EXTENSION;
        } else {
            expect(c, '\r', Part.END_OF_SIZE_LINE);
        }
    }

    private void onExtension(int c) {
        if (c == '\r' && !isQuoted) {
            part = Part.END_OF_SIZE_LINE;
            return;
        }
        if (c < ' ' && c != '\t' || c == 0x7f) {
            fault = "control character " + c + " in a chunk's extension";
        } else if (++extensionBytes > MAX_EXTENSION_BYTES) {
            fault = "chunk extension of more than " + MAX_EXTENSION_BYTES + " bytes";
        } else if (isEscaped) {
            isEscaped = false;
        } else if (c == '"') {
            isQuoted = !isQuoted;
        } else {
            isEscaped = isQuoted && c == '\\';
        }
    }

    private void onEndOfSizeLine(int c) {
        expect(c, '\n', size == 0 ? Part.TRAILERS : Part.DATA);
    }

    private void onTrailer(byte value) {
        if (++trailerBytes > MAX_TRAILER_BYTES) {
            fault = "trailers of more than " + MAX_TRAILER_BYTES + " bytes";
        } else if (!trailers.process(value)) {
            fault = trailers.fault();
            part = Part.END;
        }
    }

    private void expect(int c, char expected, Part next) {
        if (c == expected) {
            part = next;
        } else {
            fault = "character " + c + " in a chunk's framing";
        }
    }
}
