package io.tunnelmux.netty.websocket;

import io.netty.util.concurrent.FastThreadLocal;
import java.util.ArrayDeque;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Compressors and what reads their output, lent for one message at a time: each holds up to 300 KB of memory that is not the heap's, which most WebSockets do
 * not need most of the time. Those of a thread stay with it.
 */
final class ZlibPool {

    /** Of a kind, idle, for each thread. */
    private static final int MAX_IDLE = 16;
    /** An event loop has others waiting; the better levels cost several times as much. */
    private static final int LEVEL = Deflater.BEST_SPEED;

    private static final FastThreadLocal<ZlibPool> OF_THREAD = new FastThreadLocal<>() {
        @Override
        protected ZlibPool initialValue() {
            return new ZlibPool();
        }

        @Override
        protected void onRemoval(ZlibPool pool) {
            pool.inflaters.forEach(Inflater::end);
            pool.deflaters.forEach(Deflater::end);
        }
    };

    private final ArrayDeque<Inflater> inflaters = new ArrayDeque<>();
    private final ArrayDeque<Deflater> deflaters = new ArrayDeque<>();

    private ZlibPool() {}

    static Inflater inflater() {
        Inflater idle = OF_THREAD.get().inflaters.poll();
        return idle != null ? idle : new Inflater(true);
    }

    static Deflater deflater() {
        Deflater idle = OF_THREAD.get().deflaters.poll();
        return idle != null ? idle : new Deflater(LEVEL, true);
    }

    static void giveBack(Inflater inflater) {
        ArrayDeque<Inflater> idle = OF_THREAD.get().inflaters;
        if (idle.size() < MAX_IDLE) {
            inflater.reset();
            idle.push(inflater);
        } else {
            inflater.end();
        }
    }

    static void giveBack(Deflater deflater) {
        ArrayDeque<Deflater> idle = OF_THREAD.get().deflaters;
        if (idle.size() < MAX_IDLE) {
            deflater.reset();
            idle.push(deflater);
        } else {
            deflater.end();
        }
    }
}
