package io.tunnelmux.core.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.TransportContract;
import io.tunnelmux.core.testing.TransportRecorder;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.testing.PayloadTracker;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Both ends on one loop, in virtual time. */
class InMemoryTransportTest extends TransportContract {

    private static final int MAX_FRAME_BYTES = 65_535;
    private static final int BULK_BYTES = 1024 * 1024;

    private final VirtualLoop loop = new VirtualLoop();

    @Override
    protected Ends connect() {
        InMemoryTransport.Pair pair = InMemoryTransport.pair(loop, loop);
        return new Ends(pair.left(), pair.right());
    }

    @Override
    protected void turn() {
        loop.runUntilIdle();
    }

    @Override
    protected int bulkBytes() {
        return BULK_BYTES;
    }

    @Test
    void framesThatArriveWhileItStartsComeBehindThoseThatCameBefore() throws Exception {
        send(dialler(), List.of(new Frame.Ping(1, false)));
        loop.runUntilIdle();

        send(dialler(), List.of(new Frame.Ping(2, false)));
        acceptor().start(atAcceptor(), MAX_FRAME_BYTES);
        loop.runUntilIdle();

        assertThat(atAcceptor().frames()).containsExactly(new Frame.Ping(1, false), new Frame.Ping(2, false));
    }

    @Test
    void framesThatCameBeforeTheStartComeBeforeTheEnd() throws Exception {
        send(dialler(), List.of(new Frame.Ping(1, false)));
        dialler().close(ErrorCode.NO_ERROR, "");
        acceptor().start(atAcceptor(), MAX_FRAME_BYTES);
        loop.runUntilIdle();

        assertThat(atAcceptor().frames()).containsExactly(new Frame.Ping(1, false));
        assertThat(atAcceptor().closedCalls()).isEqualTo(1);
    }

    @Test
    void isWritableAgainAlsoWhenItGetsSoInSeveralSteps() throws Exception {
        startBoth();
        loop.runUntilIdle();

        // Two bursts: the first arrives when less than all, but more than half of what may be under way is left.
        dialler().write(new Frame.Data(1, bytes(10_000), 0));
        dialler().flush();
        dialler().write(new Frame.Data(1, bytes(60_000), 0));
        dialler().flush();
        assertThat(dialler().isWritable()).isFalse();
        loop.runUntilIdle();

        assertThat(atDialler().writableCalls()).isEqualTo(1);
        assertThat(dialler().isWritable()).isTrue();
    }

    @Test
    void losingItReleasesWhatHasNotArrivedAndTellsBothEnds() {
        PayloadTracker tracker = new PayloadTracker();
        InMemoryTransport.Pair pair = InMemoryTransport.pair(loop, loop);
        TransportRecorder left = new TransportRecorder(pair.left());
        TransportRecorder right = new TransportRecorder(pair.right());
        pair.left().start(left, MAX_FRAME_BYTES);
        pair.right().write(new Frame.Data(1, tracker.payload(new byte[10]), 0));
        pair.right().flush();
        pair.right().write(new Frame.Data(1, tracker.payload(new byte[10]), 0));
        pair.left().write(new Frame.Data(2, tracker.payload(new byte[10]), 0));
        pair.left().flush();

        IOException cause = new IOException("cut");
        pair.left().lose(cause);
        loop.runUntilIdle();
        pair.right().start(right, MAX_FRAME_BYTES);
        loop.runUntilIdle();

        assertThat(tracker.alive()).isZero();
        assertThat(left.cause()).isSameAs(cause);
        assertThat(right.cause()).isSameAs(cause);
        assertThat(right.frames()).isEmpty();
    }

    private static Payload bytes(int count) {
        return Payload.of(new byte[count]);
    }
}
