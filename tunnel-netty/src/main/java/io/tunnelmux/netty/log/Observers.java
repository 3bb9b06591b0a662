package io.tunnelmux.netty.log;

import io.tunnelmux.netty.observe.Direction;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.ExchangeObserver;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.observe.RelayedMessage;
import io.tunnelmux.netty.observe.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls observers, and lets nothing that they throw get any further than the log, where there is a line a second for it. Any thread. */
public final class Observers {

    private static final Logger LOG = LoggerFactory.getLogger(ExchangeObserver.class);
    private static final SparseLog FAILURES = new SparseLog(System.nanoTime());

    private Observers() {}

    /** Tells each of them. */
    public static <T> void tell(List<T> observers, Consumer<? super T> call) {
        for (int i = 0; i < observers.size(); i++) {
            try {
                call.accept(observers.get(i));
            } catch (RuntimeException e) {
                onFailed(e);
            }
        }
    }

    /** A request begins: asks each of {@code observers} who wants to be told of it, and makes one of them all, which throws nothing. */
    public static <T> ExchangeObserver begin(List<T> observers, Function<? super T, ExchangeObserver> begin) {
        if (observers.isEmpty()) {
            return ExchangeObserver.NONE;
        }
        List<ExchangeObserver> told = new ArrayList<>(observers.size());
        tell(observers, observer -> {
            ExchangeObserver each = begin.apply(observer);
            if (each != ExchangeObserver.NONE) {
                told.add(each);
            }
        });
        return told.isEmpty() ? ExchangeObserver.NONE : new All(told);
    }

    private static void onFailed(RuntimeException failure) {
        long withheld = FAILURES.admit(System.nanoTime());
        if (withheld >= 0) {
            LOG.error("an observer failed not_logged={}", withheld, failure);
        }
    }

    private record All(List<ExchangeObserver> observers) implements ExchangeObserver {

        @Override
        public @Nullable TraceContext trace() {
            List<TraceContext> said = new ArrayList<>(1);
            tell(observers, observer -> {
                TraceContext trace = observer.trace();
                if (trace != null) {
                    said.add(trace);
                }
            });
            return said.isEmpty() ? null : said.get(0);
        }

        @Override
        public void onQueued() {
            tell(observers, ExchangeObserver::onQueued);
        }

        @Override
        public void onQueueLeft(Duration waited) {
            tell(observers, observer -> observer.onQueueLeft(waited));
        }

        @Override
        public void onAnswered(int status, Duration waited) {
            tell(observers, observer -> observer.onAnswered(status, waited));
        }

        @Override
        public void onUpgraded(RelayMode mode) {
            tell(observers, observer -> observer.onUpgraded(mode));
        }

        @Override
        public void onRelayed(Direction direction, int bytes) {
            tell(observers, observer -> observer.onRelayed(direction, bytes));
        }

        @Override
        public void onChunkTaken(Direction direction, long nanos) {
            tell(observers, observer -> observer.onChunkTaken(direction, nanos));
        }

        @Override
        public void onMessage(RelayedMessage message) {
            tell(observers, observer -> observer.onMessage(message));
        }

        @Override
        public void onEnded(ExchangeEnd end) {
            tell(observers, observer -> observer.onEnded(end));
        }
    }
}
