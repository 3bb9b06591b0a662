package io.tunnelmux.examples.quickstart;

import java.io.IOException;

/** Sends bytes and gets them back, again and again. */
interface Echo extends AutoCloseable {

    /** Returns when the answer is there, and tells whether it was the same bytes. */
    boolean echo(byte[] body) throws IOException;

    @Override
    void close() throws IOException;
}
