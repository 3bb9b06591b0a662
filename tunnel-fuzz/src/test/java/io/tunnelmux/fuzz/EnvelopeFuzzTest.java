package io.tunnelmux.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tunnelmux.protocol.MessageFormat;
import java.util.Arrays;

/** What claims to be an envelope: in CBOR if the first byte is even, else in JSON. */
class EnvelopeFuzzTest {

    @FuzzTest
    void isAMessageOrABreach(byte[] input) {
        if (input.length > 0) {
            MessageFormat format = (input[0] & 1) == 0 ? MessageFormat.CBOR : MessageFormat.JSON;
            Messages.decodeEnvelope(format, Arrays.copyOfRange(input, 1, input.length));
        }
    }
}
