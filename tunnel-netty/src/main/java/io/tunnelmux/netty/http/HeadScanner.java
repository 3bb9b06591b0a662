package io.tunnelmux.netty.http;

import io.netty.util.ByteProcessor;
import org.jspecify.annotations.Nullable;

/**
 * Looks at every byte of a head before the parser does, and finds what parsers are known to disagree about: bare CR or LF, other
 * control characters, lines that go on in the next one, blanks where none belong. To be fed each byte once, from the first of a head to
 * its end.
 */
final class HeadScanner implements ByteProcessor {

    private static final int CR = '\r';
    private static final int LF = '\n';
    private static final int BLANKS_IN_REQUEST_LINE = 2;
    /** What a request line ends with: d stands for a digit. */
    private static final String VERSION = "HTTP/d.d";
    /** What a status line begins with: v stands for 0 or 1, n for a digit that is not 0; a blank or nothing follows. */
    private static final String STATUS_LINE = "HTTP/1.v ndd";

    private final boolean isOfRequest;
    private int last;
    private int lines;
    private int blanks;
    private int matched;
    private boolean isLineEmpty = true;
    private boolean isAtEnd;
    private @Nullable String fault;

    /** @param isOfRequest whether the first line is a request's, else it is a status line */
    HeadScanner(boolean isOfRequest) {
        this.isOfRequest = isOfRequest;
    }

    /** Begins a new head. */
    void reset() {
        last = 0;
        lines = 0;
        blanks = 0;
        matched = 0;
        isLineEmpty = true;
        isAtEnd = false;
        fault = null;
    }

    /** Begins where the fields do: as behind a first line, or with trailers. */
    void resetBehindFirstLine() {
        reset();
        lines = 1;
    }

    /** Whether the empty line behind the head has been seen. */
    boolean isAtEnd() {
        return isAtEnd;
    }

    /** What is wrong, or null. */
    @Nullable
    String fault() {
        return fault;
    }

    /** @return false at the end of the head, or at a fault */
    @Override
    public boolean process(byte value) {
        int c = value & 0xff;
        if (last == CR && c != LF) {
            fault = "CR without LF";
        } else if (c == LF) {
            onLineEnd();
        } else if (c == ' ' || c == '\t') {
            onBlank(c);
        } else if (c < ' ' && c != CR || c == 0x7f) {
            fault = "control character " + c;
        } else if (c != CR) {
            isLineEmpty = false;
        }
        if (lines == 0 && fault == null) {
            if (!isOfRequest) {
                onStatusLine(c);
            } else if (blanks == BLANKS_IN_REQUEST_LINE && c != ' ') {
                onVersion(c);
            }
        }
        last = c;
        return fault == null && !isAtEnd;
    }

    private void onStatusLine(int c) {
        int index = matched++;
        if (index < STATUS_LINE.length()
                ? !matches(c, STATUS_LINE.charAt(index))
                : index == STATUS_LINE.length() && c != ' ' && c != CR) {
            fault = "no status line of HTTP/1.1 or HTTP/1.0";
        }
    }

    private void onVersion(int c) {
        int index = matched++;
        if (index < VERSION.length() ? !matches(c, VERSION.charAt(index)) : c != CR) {
            fault = "no version of HTTP";
        }
    }

    private static boolean matches(int c, char pattern) {
        return switch (pattern) {
            case 'v' -> c == '0' || c == '1';
            case 'n' -> c >= '1' && c <= '9';
            case 'd' -> c >= '0' && c <= '9';
            default -> c == pattern;
        };
    }

    private void onLineEnd() {
        if (last != CR) {
            fault = "LF without CR";
        } else if (!isLineEmpty) {
            if (isOfRequest && lines == 0 && blanks != BLANKS_IN_REQUEST_LINE) {
                fault = "request line with " + blanks + " blanks";
            }
            lines++;
            isLineEmpty = true;
        } else {
            // Empty lines in front of the request line are allowed.
            isAtEnd = lines > 0;
        }
    }

    private void onBlank(int c) {
        if (isLineEmpty) {
            fault = "line begins with a blank";
        } else if (lines == 0 && isOfRequest) {
            blanks++;
            if (c == '\t' || last == ' ') {
                fault = "blanks in the request line";
            }
        }
    }
}
