package io.tunnelmux.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.codec.HelloCodec;
import org.jspecify.annotations.Nullable;

/** What claims to be a HELLO. */
class HelloFuzzTest {

    private static final long BYTES_PER_BYTE = 256;
    private static final long FIXED_BYTES = 256 * 1_024;

    @FuzzTest
    void isAHelloOrABreach(byte[] input) {
        Hello hello = decoded(input);
        Bounds.requireFrugal(input.length, BYTES_PER_BYTE, FIXED_BYTES, () -> decoded(input));
        if (hello != null) {
            assertThat(HelloCodec.decode(HelloCodec.encode(hello))).isEqualTo(hello);
        }
    }

    private static @Nullable Hello decoded(byte[] input) {
        try {
            return HelloCodec.decode(Payload.of(input));
        } catch (ProtocolException e) {
            assertThat(e.costsTunnel()).isTrue();
            return null;
        }
    }
}
