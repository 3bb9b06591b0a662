package io.tunnelmux.core.simulation;

import io.tunnelmux.core.transport.TunnelLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Time, chance and the loops of a simulation. One step runs one task of one loop, or the event whose time has come; which one, where several could run,
 * is up to chance. All of it follows from the seed.
 */
final class World {

    private static final int TRACE_LINES = 120;

    final SplittableRandom random;
    private final boolean isTracing;
    private final ArrayDeque<String> trace = new ArrayDeque<>();
    private final List<Loop> loops = new ArrayList<>();
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long nowNanos;
    private @Nullable Loop current;

    World(long seed, boolean isTracing) {
        random = new SplittableRandom(seed);
        this.isTracing = isTracing;
    }

    /** A new loop; {@code whenDry} runs each time it has run out of tasks. */
    Loop newLoop(String name, Runnable whenDry) {
        Loop loop = new Loop(name, whenDry);
        loops.add(loop);
        return loop;
    }

    long nowNanos() {
        return nowNanos;
    }

    /** Runs {@code action} after a while, on this loop or, if it is null, outside of all. */
    void after(long nanos, @Nullable Loop loop, Runnable action) {
        events.add(new Event(action, nowNanos + nanos, random.nextLong(), loop, null));
    }

    /** Does the next thing. False if nothing is left to do. */
    boolean step() {
        Event due = nextEvent();
        int busy = 0;
        for (Loop loop : loops) {
            busy += loop.tasks.isEmpty() ? 0 : 1;
        }
        boolean canRunEvent = due != null && (busy == 0 || due.atNanos <= nowNanos);
        int choices = busy + (canRunEvent ? 1 : 0);
        if (choices == 0) {
            return false;
        }
        int choice = choices == 1 ? 0 : random.nextInt(choices);
        if (choice < busy) {
            Loop loop = busyLoop(choice);
            run(loop, loop.tasks.remove());
        } else if (due != null) {
            events.remove();
            nowNanos = Math.max(nowNanos, due.atNanos);
            if (due.timer != null) {
                due.timer.isOver = true;
                due.timer.loop.pendingTimers--;
            }
            run(due.loop, due.action);
        }
        return true;
    }

    /** Whether somebody will read what happens. */
    boolean isTracing() {
        return isTracing;
    }

    /** Notes what happens. Ask {@link #isTracing} before making a line of it. */
    void trace(String line) {
        if (trace.size() == TRACE_LINES) {
            trace.removeFirst();
        }
        trace.addLast(TimeUnit.NANOSECONDS.toMicros(nowNanos) + " us " + line);
    }

    /** The last things that happened, oldest first. */
    String traced() {
        return String.join("\n", trace);
    }

    private @Nullable Event nextEvent() {
        for (Event event = events.peek(); event != null; event = events.peek()) {
            if (event.timer == null || !event.timer.isOver) {
                return event;
            }
            events.remove();
        }
        return null;
    }

    /** Of the loops that have something to do, the one at {@code index}. */
    private Loop busyLoop(int index) {
        int left = index;
        for (Loop loop : loops) {
            if (!loop.tasks.isEmpty() && left-- == 0) {
                return loop;
            }
        }
        throw new AssertionError("no loop is busy");
    }

    private void run(@Nullable Loop loop, Runnable action) {
        current = loop;
        try {
            action.run();
        } finally {
            current = null;
        }
        if (loop != null && loop.tasks.isEmpty()) {
            loop.whenDry.run();
        }
    }

    /** A loop in this world. */
    final class Loop implements TunnelLoop {

        private final String name;
        private final Runnable whenDry;
        private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
        private int pendingTimers;

        private Loop(String name, Runnable whenDry) {
            this.name = name;
            this.whenDry = whenDry;
        }

        @Override
        public boolean inLoop() {
            return current == this;
        }

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }

        @Override
        public Timer schedule(Runnable task, long delayNanos) {
            WorldTimer timer = new WorldTimer(this);
            pendingTimers++;
            events.add(new Event(task, nowNanos + Math.max(0, delayNanos), random.nextLong(), this, timer));
            return timer;
        }

        @Override
        public long nanoTime() {
            return nowNanos;
        }

        private void after(Runnable task, long delayNanos) {
            World.this.after(delayNanos, this, task);
        }

        /** The same loop for a transport, whose timers are not counted: a line goes on when its ends have long closed. */
        TunnelLoop forTransport() {
            return new Uncounted(this);
        }

        /** Timers that wait, apart from those cancelled. */
        int pendingTimers() {
            return pendingTimers;
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private record Uncounted(Loop loop) implements TunnelLoop {

        @Override
        public boolean inLoop() {
            return loop.inLoop();
        }

        @Override
        public void execute(Runnable task) {
            loop.execute(task);
        }

        @Override
        public Timer schedule(Runnable task, long delayNanos) {
            loop.after(task, delayNanos);
            return () -> {
                throw new AssertionError("a transport that needs it is to have it");
            };
        }

        @Override
        public long nanoTime() {
            return loop.nanoTime();
        }
    }

    private static final class WorldTimer implements TunnelLoop.Timer {

        private final Loop loop;
        private boolean isOver;

        private WorldTimer(Loop loop) {
            this.loop = loop;
        }

        @Override
        public void cancel() {
            if (!isOver) {
                isOver = true;
                loop.pendingTimers--;
            }
        }
    }

    private record Event(
            Runnable action,
            long atNanos,
            long tieBreak,
            @Nullable Loop loop,
            @Nullable WorldTimer timer) implements Comparable<Event> {

        @Override
        public int compareTo(Event other) {
            int byTime = Long.compare(atNanos, other.atNanos);
            return byTime != 0 ? byTime : Long.compare(tieBreak, other.tieBreak);
        }
    }
}
