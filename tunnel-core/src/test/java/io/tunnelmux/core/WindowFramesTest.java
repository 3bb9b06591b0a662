package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Frame;
import org.junit.jupiter.api.Test;

class WindowFramesTest {
    private final WindowFrames frames = new WindowFrames();

    @Test
    void theSameAgainIsTheSameFrame() {
        Frame.Window tunnel = frames.of(0, 100);
        Frame.Window first = frames.of(1, 100);
        Frame.Window second = frames.of(3, 100);

        assertThat(frames.of(0, 100)).isSameAs(tunnel);
        assertThat(frames.of(1, 100)).isSameAs(first);
        assertThat(frames.of(3, 100)).isSameAs(second);
    }

    @Test
    void anythingElseIsAnother() {
        for (int round = 0; round < 3; round++) {
            for (int id = 0; id < 100; id++) {
                for (int increment = 1; increment < 4; increment++) {
                    assertThat(frames.of(id, increment)).isEqualTo(new Frame.Window(id, increment));
                }
            }
        }
    }
}
