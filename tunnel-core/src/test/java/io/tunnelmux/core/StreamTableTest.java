package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.protocol.Frame;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamTableTest {

    private static final int OPERATIONS = 30_000;
    private static final int MOST_STREAMS = 300;

    private final Tunnel tunnel = Rig.open().tunnel();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void isTheSameAsAMapWhateverIsAddedAndRemoved(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        StreamTable table = new StreamTable(true);
        Map<Integer, TunnelStream> map = new HashMap<>();
        List<Integer> ids = new ArrayList<>();
        // Ids that lie close together and far apart, of both sides.
        int range = 1 << random.nextInt(10, 31);

        for (int i = 0; i < OPERATIONS; i++) {
            int id = ids.isEmpty() || random.nextBoolean()
                    ? 1 + random.nextInt(range - 1)
                    : ids.get(random.nextInt(ids.size()));
            if (map.containsKey(id)) {
                table.remove(map.remove(id));
                ids.remove(Integer.valueOf(id));
            } else if (map.size() < random.nextInt(i / 3_000 % 2 == 0 ? MOST_STREAMS : 3)) {
                TunnelStream stream = stream(id);
                table.add(stream);
                map.put(id, stream);
                ids.add(id);
            }
            int asked = ids.isEmpty() ? id : ids.get(random.nextInt(ids.size()));
            assertThat(table.get(asked)).as("seed %d, step %d", seed, i).isSameAs(map.get(asked));
            assertThat(table.get(id)).as("seed %d, step %d", seed, i).isSameAs(map.get(id));
            assertThat(table.size()).isEqualTo(map.size());
        }

        long locals = map.keySet().stream().filter(id -> id % 2 == 1).count();
        assertThat(table.localSize()).isEqualTo((int) locals);
        assertThat(table.remoteSize()).isEqualTo(map.size() - (int) locals);
        List<TunnelStream> all = new ArrayList<>();
        table.forEach(all::add);
        assertThat(all).containsExactlyInAnyOrderElementsOf(map.values());
    }

    @Test
    void canLoseStreamsWhileItIsWalked() {
        StreamTable table = new StreamTable(true);
        for (int id = 1; id < 100; id++) {
            table.add(stream(id));
        }

        table.forEach(table::remove);

        assertThat(table.size()).isZero();
        assertThat(table.localSize()).isZero();
    }

    @Test
    void removesNothingThatIsNotThere() {
        StreamTable table = new StreamTable(true);
        TunnelStream there = stream(1);
        table.add(there);

        table.remove(stream(1));
        table.remove(stream(33));
        table.remove(new TunnelStream(tunnel, Refused.HANDLER));

        assertThat(table.size()).isEqualTo(1);
        assertThat(table.get(1)).isSameAs(there);
    }

    @Test
    void givesOutOddIdsToTheDiallerAndEvenOnesToTheAcceptor() {
        StreamTable dialler = new StreamTable(true);
        StreamTable acceptor = new StreamTable(false);

        assertThat(List.of(dialler.takeLocalId(), dialler.takeLocalId(), dialler.takeLocalId()))
                .containsExactly(1, 3, 5);
        assertThat(List.of(acceptor.takeLocalId(), acceptor.takeLocalId(), acceptor.takeLocalId()))
                .containsExactly(2, 4, 6);
        assertThat(dialler.isLocal(5)).isTrue();
        assertThat(dialler.isLocal(6)).isFalse();
        assertThat(acceptor.isLocal(5)).isFalse();
        assertThat(acceptor.isLocal(6)).isTrue();
    }

    @Test
    void givesOutIdsUpTo31BitsAndThenNoMore() throws Exception {
        StreamTable dialler = exhausted(new StreamTable(true), Integer.MAX_VALUE - 2);
        StreamTable acceptor = exhausted(new StreamTable(false), Integer.MAX_VALUE - 3);

        assertThat(List.of(dialler.takeLocalId(), dialler.takeLocalId(), dialler.takeLocalId(), dialler.takeLocalId()))
                .containsExactly(Integer.MAX_VALUE - 2, Integer.MAX_VALUE, 0, 0);
        assertThat(List.of(acceptor.takeLocalId(), acceptor.takeLocalId(), acceptor.takeLocalId()))
                .containsExactly(Integer.MAX_VALUE - 3, Integer.MAX_VALUE - 1, 0);
        assertThat(dialler.wasOpened(Integer.MAX_VALUE)).isTrue();
        assertThat(acceptor.wasOpened(Integer.MAX_VALUE - 1)).isTrue();
    }

    @Test
    void knowsWhichIdsWereOpened() {
        StreamTable table = new StreamTable(false);
        table.takeLocalId();
        table.takeLocalId();
        table.onRemoteOpened(7);

        assertThat(List.of(2, 4, 1, 3, 5, 7)).allMatch(table::wasOpened);
        assertThat(List.of(6, 8, 9, 11, Integer.MAX_VALUE, Integer.MAX_VALUE - 1))
                .noneMatch(table::wasOpened);
    }

    @Test
    void aTunnelWithoutIdsDrainsAndRefusesNewStreams() throws Exception {
        Rig rig = Rig.open();
        exhausted(rig.tunnel().streams(), Integer.MAX_VALUE - 1);

        TunnelStream last = rig.opens();
        TunnelStream none = rig.opens();

        assertThat(last.id()).isEqualTo(Integer.MAX_VALUE - 1);
        assertThat(none.id()).isZero();
        assertThat(rig.handlers.get(0).outcome().isRetryable()).isTrue();
        assertThat(rig.tunnel().takesStreams()).isFalse();
        assertThat(rig.peer.takeReceived(Frame.GoAway.class)).hasSize(1);
        assertThat(rig.ended).isEmpty();
    }

    /** A table that is about to give out {@code nextLocalId}: nobody waits for a thousand million streams. */
    private static StreamTable exhausted(StreamTable table, int nextLocalId) throws ReflectiveOperationException {
        var field = StreamTable.class.getDeclaredField("nextLocalId");
        field.setAccessible(true);
        field.setInt(table, nextLocalId);
        return table;
    }

    private TunnelStream stream(int id) {
        TunnelStream stream = new TunnelStream(tunnel, Refused.HANDLER);
        stream.beginRemotely(id, Rig.request(), false);
        return stream;
    }
}
