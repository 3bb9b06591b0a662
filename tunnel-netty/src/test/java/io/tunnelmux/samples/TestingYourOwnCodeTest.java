package io.tunnelmux.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.RecordingTunnelHandler;
import io.tunnelmux.core.testing.TunnelPair;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The sample of the README's section "Testing your own code", and that it is the same there. */
class TestingYourOwnCodeTest {

    @Test
    void aStoppedReaderHoldsItsSenderBackAndADrainWaitsForIt() {
        VirtualLoop loop = new VirtualLoop(); // time stands still until the test turns it
        PayloadTracker tracker = new PayloadTracker();
        RecordingHandler reader = new RecordingHandler().stopsConsuming();
        TunnelPair pair = TunnelPair.open(
                loop, new RecordingTunnelHandler(), new RecordingTunnelHandler((stream, request, isEnd) -> reader));

        TunnelStream stream =
                pair.gateway().open(new Message.Application("upload", null), false, new RecordingHandler());
        for (int i = 0; i < 64; i++) {
            stream.write(tracker.payload(new byte[16 * 1024])); // 1 MiB, the first credit is 128 KiB
        }
        stream.close(ErrorCode.NO_ERROR, "that is all");
        loop.runUntilIdle();
        assertThat(reader.unconsumed()).isEqualTo(128 * 1024);
        assertThat(stream.isWritable()).isFalse();

        pair.agent().drain("restart", Duration.ofMinutes(1));
        loop.advance(Duration.ofSeconds(30));
        assertThat(reader.outcome()).isNull(); // the drain waits for it

        reader.consume();
        loop.runUntilIdle();
        assertThat(reader.bytes()).hasSize(1024 * 1024);
        assertThat(reader.outcome().isClean()).isTrue();
        assertThat(tracker.alive()).isZero(); // every payload was released
        assertThat(loop.pendingTimers()).isZero(); // the drained tunnel has left nothing behind
    }

    @Test
    void theReadmeShowsTheSampleAsItIsHere() throws IOException {
        Readme.assertShows(getClass(), "aStoppedReaderHoldsItsSenderBack");
    }
}
