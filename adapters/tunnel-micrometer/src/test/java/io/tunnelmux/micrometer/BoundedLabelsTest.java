package io.tunnelmux.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BoundedLabelsTest {

    @Test
    void theFirstAreKeptAndAllOthersAreOne() {
        BoundedLabels labels = new BoundedLabels(2);

        assertThat(List.of(labels.of("a"), labels.of("b"), labels.of("c"), labels.of("a"), labels.of("d")))
                .containsExactly("a", "b", "other", "a", "other");
        assertThat(labels.ofKnown("b")).isEqualTo("b");
        assertThat(labels.ofKnown("c")).isEqualTo("other");
    }

    @Test
    void severalThreadsTakeNoMorePlacesThanThereAre() throws Exception {
        BoundedLabels labels = new BoundedLabels(100);
        Set<String> seen = ConcurrentHashMap.newKeySet();
        CountDownLatch begin = new CountDownLatch(1);
        List<Thread> threads = IntStream.range(0, 4)
                .mapToObj(number -> new Thread(() -> {
                    try {
                        begin.await();
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    for (int i = 0; i < 1_000; i++) {
                        seen.add(labels.of("agent-" + i));
                    }
                }))
                .toList();
        threads.forEach(Thread::start);
        begin.countDown();
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(seen).hasSize(101).contains("other");
    }
}
