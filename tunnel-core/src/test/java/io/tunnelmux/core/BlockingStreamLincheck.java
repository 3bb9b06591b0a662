package io.tunnelmux.core;

import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.io.IOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Test;

/** A thread that waits and the loop, in all interleavings: no byte is forgotten, none credited twice, and no end comes too early. */
public class BlockingStreamLincheck {

    private static final int INVOCATIONS = 300;

    public BlockingStreamLincheck() {}

    /** Where the test itself is the loop. */
    private static final class Tasks implements TunnelLoop {

        final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();

        @Override
        public boolean inLoop() {
            return false;
        }

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }

        @Override
        public Timer schedule(Runnable task, long delayNanos) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long nanoTime() {
            return 0;
        }

        void run() {
            for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
                task.run();
            }
        }
    }

    /** A stream that is always writable. */
    private static final class Sink implements BlockingOutput.Sink {

        int bytes;
        boolean isEnded;
        volatile boolean isCancelled;

        @Override
        public boolean isWritable() {
            return true;
        }

        @Override
        public void write(Payload payload) {
            check(!isEnded, "bytes behind the end");
            bytes += payload.length();
        }

        @Override
        public void send(Message message, boolean isEnd) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void end() {
            isEnded = true;
        }

        @Override
        public void close() {}

        @Override
        public void cancel(ErrorCode code, String reason) {
            isCancelled = true;
        }
    }

    @Test
    void aReaderSeesEveryByteAndTheEnd() {
        Lincheck.runConcurrentTest(INVOCATIONS, () -> {
            AtomicInteger credited = new AtomicInteger();
            BlockingInput input = new BlockingInput(new Tasks(), credited::addAndGet);
            int[] read = new int[1];
            Thread reader = new Thread(() -> read[0] = readsAll(input));
            reader.start();
            input.onBytes(Payload.of(new byte[] {1}));
            input.onBytes(Payload.of(new byte[] {2}));
            input.onEnd(null);
            join(reader);
            check(read[0] == 2, "read " + read[0]);
        });
    }

    @Test
    void closingFreesAndCreditsWhatAReaderLeaves() {
        Lincheck.runConcurrentTest(INVOCATIONS, () -> {
            AtomicInteger credited = new AtomicInteger();
            BlockingInput input = new BlockingInput(new Tasks(), credited::addAndGet);
            Thread reader = new Thread(() -> readsAll(input));
            Thread closer = new Thread(input::close);
            reader.start();
            closer.start();
            input.onBytes(Payload.of(new byte[3]));
            join(reader);
            join(closer);
            check(credited.get() == 3, "credited " + credited.get());
        });
    }

    @Test
    void anEndComesBehindAllThatWasWrittenOrTheStreamIsCancelled() {
        Lincheck.runConcurrentTest(INVOCATIONS, () -> {
            Tasks loop = new Tasks();
            Sink sink = new Sink();
            BlockingOutput output = new BlockingOutput(loop, sink);
            int[] written = new int[1];
            Thread writer = new Thread(() -> {
                try {
                    output.write(1);
                    written[0]++;
                } catch (IOException e) {
                    check(written[0] == 0, "a failure behind all");
                }
            });
            writer.start();
            output.close();
            loop.run();
            join(writer);
            loop.run();
            check(sink.isCancelled || sink.isEnded, "neither ended nor cancelled");
            check(sink.isCancelled || sink.bytes == written[0], sink.bytes + " bytes of " + written[0]);
        });
    }

    private static int readsAll(BlockingInput input) {
        int count = 0;
        try {
            while (input.read() >= 0) {
                count++;
            }
        } catch (IOException e) {
            check("the input was closed".equals(e.getMessage()), "not closed but " + e);
        }
        return count;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void check(boolean isRight, String otherwise) {
        if (!isRight) {
            throw new IllegalStateException(otherwise);
        }
    }
}
