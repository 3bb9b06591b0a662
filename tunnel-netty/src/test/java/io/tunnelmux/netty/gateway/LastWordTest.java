package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LastWordTest {

    @Test
    void whatIsToldLastIsTrue() throws Exception {
        for (int round = 0; round < 500; round++) {
            AtomicInteger state = new AtomicInteger();
            List<Integer> told = new ArrayList<>();
            LastWord word = new LastWord(() -> told.add(state.get()));
            CyclicBarrier start = new CyclicBarrier(2);
            Thread other = new Thread(() -> change(start, state, word));
            other.start();
            change(start, state, word);
            other.join();

            assertThat(told.get(told.size() - 1)).isEqualTo(20);
        }
    }

    @Test
    void whoTellsMayChangeTheState() {
        AtomicInteger state = new AtomicInteger();
        List<Integer> told = new ArrayList<>();
        LastWord[] word = new LastWord[1];
        word[0] = new LastWord(() -> {
            told.add(state.get());
            if (state.get() < 3) {
                state.incrementAndGet();
                word[0].onChanged();
            }
        });

        word[0].onChanged();

        assertThat(told).containsExactly(0, 1, 2, 3);
    }

    private static void change(CyclicBarrier start, AtomicInteger state, LastWord word) {
        try {
            start.await();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        for (int i = 0; i < 10; i++) {
            state.incrementAndGet();
            word.onChanged();
        }
    }
}
