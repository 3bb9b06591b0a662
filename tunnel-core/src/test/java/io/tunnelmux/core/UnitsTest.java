package io.tunnelmux.core;

import static io.tunnelmux.core.Rig.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Units of message-oriented streams: how they go out in pieces. */
class UnitsTest {

    private static final int MORE = Frame.FLAG_MORE;
    private static final int TEXT = Frame.FLAG_TEXT;
    private static final int END = Frame.FLAG_END;

    private final Rig rig =
            Rig.open(Settings.DEFAULTS, Settings.builder().maxFrameBytes(1_024).build());
    private final TunnelStream stream = rig.opens();

    @Test
    void aLongUnitGoesInPiecesOfWhichTheFirstIsTextAllButTheLastHaveMoreAndTheLastEnds() {
        stream.writeUnit(bytes(2_500), true, false);
        stream.end();

        assertThat(sent()).containsExactly(data(1_024, TEXT | MORE), data(1_024, MORE), data(2_500 - 2_048, END));
    }

    @Test
    void smallUnitsStayUnits() {
        for (int i = 1; i <= 3; i++) {
            stream.writeUnit(bytes(i), i == 2, false);
        }
        stream.write(bytes(4));
        stream.write(bytes(5));

        assertThat(sent()).containsExactly(data(1, 0), data(2, TEXT), data(3, 0), data(4, 0), data(5, 0));
    }

    @Test
    void aUnitMayBeWrittenInParts() {
        stream.writeUnit(bytes(10), true, true);
        assertThat(sent()).containsExactly(data(10, TEXT | MORE));
        stream.writeUnit(bytes(1_500), true, true);
        stream.writeUnit(bytes(0), true, true);
        stream.writeUnit(bytes(0), true, false);
        stream.writeUnit(bytes(1), false, false);

        assertThat(sent()).containsExactly(data(1_024, MORE), data(476, MORE), data(0, 0), data(1, 0));
    }

    @Test
    void aUnitMayBeEmptyAndItsFirstPartToo() {
        stream.writeUnit(bytes(0), true, false);
        stream.writeUnit(bytes(0), true, true);
        stream.writeUnit(bytes(3), false, false);
        stream.writeUnit(bytes(0), false, false);
        stream.end();

        assertThat(sent()).containsExactly(data(0, TEXT), data(3, TEXT), data(0, 0), data(0, END));
    }

    @Test
    void withinAUnitNeitherBytesNorTheEndMayCome() {
        PayloadTracker tracker = new PayloadTracker();
        stream.writeUnit(bytes(10), false, true);

        assertThatIllegalStateException().isThrownBy(stream::end);
        assertThatIllegalStateException().isThrownBy(() -> stream.write(tracker.payload(new byte[1])));
        assertThatIllegalStateException().isThrownBy(() -> stream.writeLast(tracker.payload(new byte[1])));
        stream.close(ErrorCode.UPSTREAM_RESET, "");
        assertThatIllegalStateException()
                .isThrownBy(() -> stream.writeUnit(tracker.payload(new byte[1]), false, false));
        rig.loop.runUntilIdle();

        assertThat(tracker.alive()).isZero();
        assertThat(rig.handler(stream).outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
    }

    @Test
    void anEndedStreamTakesNoUnitAndFreesIt() {
        PayloadTracker tracker = new PayloadTracker();
        stream.end();
        assertThatIllegalStateException()
                .isThrownBy(() -> stream.writeUnit(tracker.payload(new byte[1]), false, false));
        stream.cancel(ErrorCode.CANCELLED, "");
        stream.writeUnit(tracker.payload(new byte[1]), false, false);

        assertThat(tracker.alive()).isZero();
    }

    @Test
    void tinyUnitsCountForWhatTheyCostHere() {
        rig.pipe.left().write(new Frame.Ping(0, true));
        int units = 0;
        while (stream.isWritable()) {
            stream.writeUnit(bytes(1), false, false);
            units++;
        }

        assertThat(SendHalf.HIGH_WATER_BYTES / units).isBetween(60, 72);
    }

    @Test
    void unitsArriveAsTheyWereWrittenWhateverTheCredit() {
        SplittableRandom random = new SplittableRandom(1);
        for (int round = 0; round < 50; round++) {
            Rig narrow = Rig.open(
                    Settings.DEFAULTS,
                    Settings.builder().streamWindowBytes(16_384).build());
            TunnelStream writer = narrow.opens();
            narrow.peer.takeReceived();
            List<String> written = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                boolean isText = random.nextBoolean();
                int length = random.nextInt(4) == 0 ? random.nextInt(40_000) : random.nextInt(2_000);
                int cut = random.nextBoolean() ? random.nextInt(length + 1) : length;
                if (cut < length) {
                    writer.writeUnit(filled(cut, i), isText, true);
                    writer.writeUnit(filled(length - cut, i), random.nextBoolean(), false);
                } else {
                    writer.writeUnit(filled(length, i), isText, false);
                }
                written.add(length + " of " + (length == 0 ? 0 : i) + (isText ? " text" : ""));
            }
            writer.end();
            List<Frame.Data> pieces = new ArrayList<>();
            while (pieces.isEmpty() || !pieces.get(pieces.size() - 1).isEnd()) {
                narrow.loop.runUntilIdle();
                pieces.addAll(narrow.peer.takeReceived(Frame.Data.class));
                narrow.peer.sends(new Frame.Window(writer.id(), 1 + random.nextInt(20_000)));
            }

            assertThat(units(pieces)).isEqualTo(written);
        }
    }

    /** Puts units together as a peer would. */
    private static List<String> units(List<Frame.Data> pieces) {
        List<String> units = new ArrayList<>();
        ByteArrayOutputStream unit = new ByteArrayOutputStream();
        boolean isText = false;
        for (Frame.Data piece : pieces) {
            if (piece.isEnd() && piece.payload().length() == 0) {
                break;
            }
            assertThat(piece.hasMore() && (piece.payload().length() == 0 || piece.isEnd()))
                    .isFalse();
            isText |= piece.isText();
            unit.writeBytes(piece.payload().toByteArray());
            if (!piece.hasMore()) {
                byte[] bytes = unit.toByteArray();
                units.add(bytes.length + " of " + (bytes.length == 0 ? 0 : bytes[bytes.length - 1])
                        + (isText ? " text" : ""));
                unit.reset();
                isText = false;
            }
        }
        return units;
    }

    private static Payload filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return Payload.of(bytes);
    }

    private List<Frame.Data> sent() {
        rig.loop.runUntilIdle();
        return rig.peer.takeReceived(Frame.Data.class);
    }

    private Frame.Data data(int length, int flags) {
        return new Frame.Data(stream.id(), bytes(length), flags);
    }
}
