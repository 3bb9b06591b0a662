package io.tunnelmux.netty.udp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DatagramAssemblerTest {

    private final DatagramAssembler assembler = new DatagramAssembler();
    private final List<byte[]> units = new ArrayList<>();

    private void add(byte[] bytes, int flags) {
        ByteBuf unit = assembler.add(new Frame.Data(2, Payload.of(bytes), flags), UnpooledByteBufAllocator.DEFAULT);
        if (unit != null) {
            byte[] whole = new byte[unit.readableBytes()];
            unit.readBytes(whole);
            unit.release();
            units.add(whole);
        }
    }

    @Test
    void unitsComeBackHoweverTheyWereCut() {
        Random random = new Random(7);
        List<byte[]> sent = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            byte[] unit = new byte[i % 50 == 0 ? 65_535 : i % 7 == 0 ? 0 : random.nextInt(5_000)];
            random.nextBytes(unit);
            sent.add(unit);
            int from = 0;
            while (unit.length - from > 1 && random.nextInt(3) > 0) {
                int to = from + 1 + random.nextInt(unit.length - from - 1);
                add(Arrays.copyOfRange(unit, from, to), Frame.FLAG_MORE);
                from = to;
            }
            add(Arrays.copyOfRange(unit, from, unit.length), 0);
        }

        assertThat(units).usingRecursiveComparison().isEqualTo(sent);
        assertThat(assembler.skipped()).isZero();
    }

    @Test
    void anEndIsNoUnitAndTheEndOfAUnitMayBeAnEnd() {
        add(new byte[3], Frame.FLAG_END);
        add(new byte[0], Frame.FLAG_END);

        assertThat(units).hasSize(1);
        assertThat(units.get(0)).hasSize(3);
    }

    @Test
    void aUnitLongerThanADatagramIsSkippedAndTheNextIsNot() {
        add(new byte[65_000], Frame.FLAG_MORE);
        add(new byte[536], Frame.FLAG_MORE);
        add(new byte[10], Frame.FLAG_MORE);
        add(new byte[1], 0);
        add(new byte[] {4}, 0);

        assertThat(units).containsExactly(new byte[] {4});
        assertThat(assembler.skipped()).isEqualTo(1);
    }

    @Test
    void whatIsNotWholeIsFreed() {
        add(new byte[10], Frame.FLAG_MORE);
        assembler.clear();
        add(new byte[] {1}, 0);

        assertThat(units).containsExactly(new byte[] {1});
    }
}
