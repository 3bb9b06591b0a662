package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StreamRingTest {

    private final Tunnel tunnel = Rig.open().tunnel();
    private final StreamRing ring = new StreamRing();

    @Test
    void isFirstComeFirstServed() {
        SendHalf first = stream();
        SendHalf second = stream();
        SendHalf third = stream();
        ring.addLast(first);
        ring.addLast(second);
        ring.addLast(third);

        ring.moveToLast(first, ring);
        ring.remove(third);

        assertThat(content(ring)).containsExactly(second, first);
        assertThat(third.ring).isNull();
        assertThat(first.ring).isSameAs(ring);
    }

    @Test
    void knowsHowManyItHas() {
        SendHalf first = stream();
        SendHalf second = stream();

        assertThat(ring.isEmpty()).isTrue();
        ring.addLast(first);
        ring.addLast(second);
        assertThat(ring.isEmpty()).isFalse();
        assertThat(ring.size()).isEqualTo(2);
        ring.remove(first);
        assertThat(ring.size()).isEqualTo(1);
    }

    @Test
    void givesAStreamUpToTheEndOfAnotherRing() {
        StreamRing other = new StreamRing();
        List<SendHalf> streams = List.of(stream(), stream(), stream());
        other.addLast(streams.get(0));
        ring.addLast(streams.get(1));
        ring.addLast(streams.get(2));

        ring.moveToLast(streams.get(1), other);

        assertThat(content(ring)).containsExactly(streams.get(2));
        assertThat(content(other)).containsExactly(streams.get(0), streams.get(1));
    }

    @Test
    void takesNoStreamTwiceAndGivesUpNoneThatItDoesNotHave() {
        SendHalf stream = stream();
        ring.addLast(stream);

        assertThatThrownBy(() -> new StreamRing().addLast(stream)).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> new StreamRing().remove(stream)).isInstanceOf(AssertionError.class);
    }

    @Test
    void isTheSameAsALinkedSetWhateverComesAndGoes() {
        SplittableRandom random = new SplittableRandom(1);
        List<SendHalf> streams = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            streams.add(stream());
        }
        Set<SendHalf> model = new LinkedHashSet<>();
        for (int i = 0; i < 20_000; i++) {
            SendHalf stream = streams.get(random.nextInt(streams.size()));
            if (!model.contains(stream)) {
                ring.addLast(stream);
                model.add(stream);
            } else if (random.nextBoolean()) {
                ring.remove(stream);
                model.remove(stream);
            } else {
                ring.moveToLast(stream, ring);
                model.remove(stream);
                model.add(stream);
            }
            assertThat(content(ring)).as("step %d", i).containsExactlyElementsOf(model);
        }
    }

    private SendHalf stream() {
        return new TunnelStream(tunnel, Refused.HANDLER).sending;
    }

    private static List<SendHalf> content(StreamRing ring) {
        List<SendHalf> content = new ArrayList<>();
        for (SendHalf stream = ring.first(); stream != null; stream = stream.next) {
            content.add(stream);
        }
        return content;
    }
}
