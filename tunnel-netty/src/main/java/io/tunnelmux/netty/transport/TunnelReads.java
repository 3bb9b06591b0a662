package io.tunnelmux.netty.transport;

/**
 * Read buffers of one tunnel: reads end where frames end, as far as that can be known, so that the payload of a long frame goes on in one piece. The longest buffer
 * holds the longest frame that is sent by default, with its header and the header of a WebSocket message; what it would hold beyond of the next frame is again a header, and no
 * bytes of a payload. Of a long frame whose beginning has come, only the rest is read next. There is no headroom: what stands in front of a payload is the header of its frame.
 */
final class TunnelReads extends HeadroomAllocator {
    private static final int HEADERS_BYTES = 16;
    private static final int MAX_BUFFER_BYTES = MAX_BYTES - HEADROOM_BYTES + HEADERS_BYTES;
    /** What is shorter is read along with what follows: it costs less to hand on in two pieces than to read by itself. */
    private static final int LEAST_REST_BYTES = 4_096;

    private int missingBytes;

    TunnelReads() {
        super(MAX_BUFFER_BYTES, 0);
    }

    /** How many bytes the frame that has begun still has to come; 0 if none has. */
    void missing(int bytes) {
        missingBytes = bytes;
    }

    @Override
    int limitBytes() {
        return missingBytes < LEAST_REST_BYTES ? Integer.MAX_VALUE : missingBytes;
    }
}
