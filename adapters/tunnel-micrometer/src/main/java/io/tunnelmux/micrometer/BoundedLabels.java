package io.tunnelmux.micrometer;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Values of a label that come from outside: the first so many as they are, all others as {@code other}. Any thread. */
final class BoundedLabels {

    static final String OTHER = "other";

    private final int max;
    private final Set<String> known = ConcurrentHashMap.newKeySet();
    private final AtomicInteger admitted = new AtomicInteger();

    BoundedLabels(int max) {
        this.max = max;
    }

    /** The value itself if it is known or there is room for one more, else {@value #OTHER}. */
    String of(String value) {
        return isKnown(value) || admit(value) ? value : OTHER;
    }

    /** The value itself if it is known, else {@value #OTHER}. */
    String ofKnown(String value) {
        return isKnown(value) ? value : OTHER;
    }

    private boolean isKnown(String value) {
        return known.contains(value);
    }

    private boolean admit(String value) {
        if (admitted.incrementAndGet() > max) {
            admitted.decrementAndGet();
            return isKnown(value);
        }
        if (!known.add(value)) {
            admitted.decrementAndGet();
        }
        return true;
    }
}
