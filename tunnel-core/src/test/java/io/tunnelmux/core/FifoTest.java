package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FifoTest {

    @Test
    void isTheSameAsAnArrayDequeWhateverComesAndGoes() {
        SplittableRandom random = new SplittableRandom(1);
        Fifo<Integer> fifo = new Fifo<>();
        ArrayDeque<Integer> model = new ArrayDeque<>();
        for (int i = 0; i < 50_000; i++) {
            // Grows for a while, shrinks for a while.
            boolean isGrowing = i % 400 < 200 == random.nextInt(10) > 1;
            if (isGrowing) {
                fifo.addLast(i);
                model.addLast(i);
            } else if (random.nextBoolean()) {
                assertThat(fifo.pollFirst()).isEqualTo(model.pollFirst());
            } else if (random.nextInt(50) > 0) {
                assertThat(fifo.pollLast()).isEqualTo(model.pollLast());
            } else {
                fifo.clear();
                model.clear();
            }
            assertThat(fifo.size()).isEqualTo(model.size());
            assertThat(fifo.isEmpty()).isEqualTo(model.isEmpty());
            assertThat(fifo.peekFirst()).isEqualTo(model.peekFirst());
            assertThat(fifo.peekLast()).isEqualTo(model.peekLast());
            if (i % 50 == 0) {
                List<Integer> content = new ArrayList<>();
                fifo.forEach(content::add);
                assertThat(content).containsExactlyElementsOf(model);
            }
        }
    }
}
