package io.tunnelmux.benchmarks.socket;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordingFile;

/**
 * Tells which buffers Netty's allocators gave to a few threads, by who asked for them. What is relayed needs a buffer for each read from a socket; a copy needs another,
 * whoever makes it. Not seen is a copy into a buffer that was there before, or into an array, which is garbage and counted as such.
 */
final class BufferRecording implements AutoCloseable {
    private static final String EVENT = "io.netty.AllocateBuffer";
    /** Gives the buffers into which sockets are read. */
    private static final String READS = "io.tunnelmux.netty.transport.HeadroomAllocator$AdaptiveHandle.allocate";

    private static final String OURS = "io.tunnelmux.netty.";

    private final Recording recording = new Recording();
    private final Map<String, Long> bytesByPlace = new TreeMap<>();

    /** Begins at once. */
    BufferRecording() {
        recording.enable(EVENT).withStackTrace();
        recording.start();
    }

    /** Ends the recording and reads it. */
    void stop(LoopCounters... loops) throws IOException {
        recording.stop();
        Path file = Files.createTempFile("buffers", ".jfr");
        recording.dump(file);
        try (RecordingFile events = new RecordingFile(file)) {
            while (events.hasMoreEvents()) {
                RecordedEvent event = events.readEvent();
                if (event.getEventType().getName().equals(EVENT) && isOf(event, loops)) {
                    bytesByPlace.merge(placeOf(event), (long) event.getInt("size"), Long::sum);
                }
            }
        }
        Files.delete(file);
    }

    /** Bytes of all buffers into which sockets were read. */
    long readBytes() {
        return bytesByPlace.getOrDefault(READS, 0L);
    }

    /** Bytes of all others. */
    long otherBytes() {
        return bytesByPlace.values().stream().mapToLong(Long::longValue).sum() - readBytes();
    }

    private static boolean isOf(RecordedEvent event, LoopCounters... loops) {
        for (LoopCounters loop : loops) {
            if (event.getThread().getJavaThreadId() == loop.threadId()) {
                return true;
            }
        }
        return false;
    }

    private static String placeOf(RecordedEvent event) {
        for (RecordedFrame frame : event.getStackTrace().getFrames()) {
            String type = frame.getMethod().getType().getName();
            if (type.startsWith(OURS)) {
                return type + "." + frame.getMethod().getName();
            }
        }
        return "elsewhere";
    }

    @Override
    public void close() {
        recording.close();
    }

    @Override
    public String toString() {
        return bytesByPlace.toString();
    }
}
