package io.tunnelmux.netty.log;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A {@link SparseLog} for each cause: what happens all the time does not hide what happens once. Any thread. */
public final class SparseLogs {

    /** Causes are known beforehand; should they not be, those that come late share one. */
    private static final int MAX_CAUSES = 100;

    private static final String OTHER = "other";

    private final Map<String, SparseLog> logs = new ConcurrentHashMap<>();

    /** See {@link SparseLog#admit}. */
    public long admit(String cause, long nowNanos) {
        SparseLog log = logs.get(cause);
        if (log == null) {
            String key = logs.size() < MAX_CAUSES ? cause : OTHER;
            log = logs.computeIfAbsent(key, first -> new SparseLog(nowNanos));
        }
        return log.admit(nowNanos);
    }
}
