package io.tunnelmux.netty.testing;

import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeInfo;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.TraceContext;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Writes down what becomes of requests. Any thread. */
public final class RecordingExchanges {

    private static final long PATIENCE_SECONDS = 30;

    /** What became of one request; complete once it is over. */
    public static final class Recorded implements ExchangeObserver {
        public final ExchangeInfo info;
        public final Map<Direction, Long> relayed = new EnumMap<>(Direction.class);
        public final Map<Direction, Integer> chunks = new EnumMap<>(Direction.class);
        public int status;
        public @Nullable Duration waited;
        public int queued;
        public int queueLeft;
        public @Nullable RelayMode mode;
        public @Nullable ExchangeEnd end;
        private final BlockingQueue<Recorded> ended;
        private final BlockingQueue<Recorded> waiting;
        private final @Nullable TraceContext trace;

        private Recorded(
                ExchangeInfo info,
                BlockingQueue<Recorded> waiting,
                BlockingQueue<Recorded> ended,
                @Nullable TraceContext trace) {
            this.info = info;
            this.waiting = waiting;
            this.ended = ended;
            this.trace = trace;
        }

        @Override
        public @Nullable TraceContext trace() {
            return trace;
        }

        @Override
        public void onQueued() {
            requireOpen(status == 0 && queued == queueLeft);
            queued++;
            waiting.add(this);
        }

        @Override
        public void onQueueLeft(Duration waitedInQueue) {
            requireOpen(status == 0 && queued == queueLeft + 1 && !waitedInQueue.isNegative());
            queueLeft++;
        }

        @Override
        public void onAnswered(int newStatus, Duration newWaited) {
            requireOpen(status == 0);
            status = newStatus;
            waited = newWaited;
        }

        @Override
        public void onUpgraded(RelayMode newMode) {
            requireOpen(mode == null && status == 101);
            mode = newMode;
        }

        @Override
        public void onRelayed(Direction direction, int bytes) {
            requireOpen(mode != null);
            relayed.merge(direction, (long) bytes, Long::sum);
        }

        @Override
        public void onChunkTaken(Direction direction, long nanos) {
            chunks.merge(direction, nanos < 0 ? -1_000_000 : 1, Integer::sum);
        }

        @Override
        public void onEnded(ExchangeEnd newEnd) {
            requireOpen(true);
            end = newEnd;
            ended.add(this);
        }

        private void requireOpen(boolean isTime) {
            if (end != null || !isTime) {
                throw new AssertionError("called out of order: " + info);
            }
        }
    }

    private final BlockingQueue<Recorded> waiting = new LinkedBlockingQueue<>();
    private final BlockingQueue<Recorded> ended = new LinkedBlockingQueue<>();
    private volatile @Nullable TraceContext trace;

    /** A request begins. */
    public ExchangeObserver begin(ExchangeInfo info) {
        return new Recorded(info, waiting, ended, trace);
    }

    /** From here on says this of the trace of each. */
    public void says(TraceContext newTrace) {
        trace = newTrace;
    }

    /** The next that waits for an agent. */
    public Recorded nextWaiting() throws InterruptedException {
        return take(waiting);
    }

    /** The next that is over. */
    public Recorded next() throws InterruptedException {
        return take(ended);
    }

    private static Recorded take(BlockingQueue<Recorded> from) throws InterruptedException {
        Recorded next = from.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("no request has come so far");
        }
        return next;
    }

    /** Whether all that are over were asked for. */
    public boolean isEmpty() {
        return ended.isEmpty();
    }
}
