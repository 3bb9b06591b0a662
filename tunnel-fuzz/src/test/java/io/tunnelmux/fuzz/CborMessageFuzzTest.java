package io.tunnelmux.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tunnelmux.protocol.MessageFormat;

/** What claims to be a message in CBOR. */
class CborMessageFuzzTest {

    @FuzzTest
    void isAMessageOrABreach(byte[] input) {
        Messages.decode(MessageFormat.CBOR, input);
    }
}
