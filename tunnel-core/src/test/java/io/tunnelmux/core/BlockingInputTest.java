package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.IOException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the input keeps, frees and credits. */
class BlockingInputTest {

    private static final int LONG_BYTES = ByteLane.SMALL_BYTES + 1;
    private static final int ROUNDS = 2_000;

    private final PayloadTracker tracker = new PayloadTracker();
    private final AtomicInteger credited = new AtomicInteger();
    private final ThreadLoop loop = new ThreadLoop("loop");
    private final BlockingInput input = new BlockingInput(loop, credited::addAndGet);

    @AfterEach
    void endLoop() throws InterruptedException {
        loop.close();
    }

    @Test
    void longPayloadsAreKeptUntilTheyAreReadAndSmallOnesAreCopied() throws IOException {
        input.onBytes(tracker.payload(new byte[ByteLane.SMALL_BYTES]));
        assertThat(tracker.alive()).isZero();
        input.onBytes(tracker.payload(new byte[LONG_BYTES]));
        input.onBytes(tracker.payload(new byte[7]));
        assertThat(tracker.alive()).isEqualTo(1);

        assertThat(input.readNBytes(ByteLane.SMALL_BYTES + LONG_BYTES - 1))
                .hasSize(ByteLane.SMALL_BYTES + LONG_BYTES - 1);
        assertThat(tracker.alive()).isEqualTo(1);
        assertThat(input.available()).isEqualTo(8);
        input.onEnd(null);
        assertThat(input.readAllBytes()).hasSize(8);
        assertThat(tracker.alive()).isZero();
    }

    @Test
    void creditIsGrantedForWhatWasReadInGatheredPortions() throws IOException {
        int portion = BlockingInput.GATHERED_CREDIT_BYTES;
        input.onBytes(tracker.payload(new byte[2 * portion]));

        input.readNBytes(portion - 1);
        assertThat(credited).hasValue(0);
        input.readNBytes(1);
        assertThat(credited).hasValue(portion);
        input.readNBytes(10);
        assertThat(credited).hasValue(portion);
        input.close();

        assertThat(credited).hasValue(2 * portion);
        assertThat(tracker.alive()).isZero();
    }

    /** Bytes come, are read and are dropped at once: each is freed and credited exactly once. */
    @Test
    void nothingIsLostBetweenReadingAndClosing() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            AtomicInteger taken = new AtomicInteger();
            BlockingInput raced = new BlockingInput(loop, taken::addAndGet);
            CyclicBarrier start = new CyclicBarrier(3);
            Thread reader = new Thread(() -> {
                await(start);
                try {
                    byte[] some = new byte[3_000];
                    while (raced.read(some) >= 0) {
                        Thread.onSpinWait();
                    }
                } catch (IOException e) {
                    assertThat(e).hasMessage("the input was closed");
                }
            });
            Thread closer = new Thread(() -> {
                await(start);
                raced.close();
            });
            reader.start();
            closer.start();
            await(start);
            for (int i = 0; i < 4; i++) {
                raced.onBytes(tracker.payload(new byte[i % 2 == 0 ? LONG_BYTES : 100]));
            }
            reader.join(TimeUnit.MINUTES.toMillis(1));
            closer.join(TimeUnit.MINUTES.toMillis(1));

            assertThat(tracker.alive()).isZero();
            assertThat(taken).hasValue(2 * LONG_BYTES + 200);
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await(1, TimeUnit.MINUTES);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
