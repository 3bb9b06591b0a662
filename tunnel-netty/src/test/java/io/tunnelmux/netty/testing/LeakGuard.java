package io.tunnelmux.netty.testing;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.netty.buffer.ByteBufAllocator;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/**
 * Fails the run when Netty has reported a leak, that is, logged a line with {@code LEAK:}. JUnit registers it for every test class by
 * itself, see {@code junit-platform.properties}.
 *
 * <p>Netty learns of a leak only when the garbage collector has found the buffer, and says so only when it allocates the next one. So
 * this collects and allocates after each class, and once more at the very end. A leak counts against the class after which it is
 * seen; its record in the log names the lines that held the buffer.
 */
public final class LeakGuard implements BeforeAllCallback, AfterAllCallback {
    private static final ConcurrentLinkedQueue<String> LEAKS = new ConcurrentLinkedQueue<>();

    static {
        Logger root = (Logger) LoggerFactory.getLogger(Logger.ROOT_LOGGER_NAME);
        AppenderBase<ILoggingEvent> listener = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
                String line = event.getFormattedMessage();
                if (line.contains("LEAK:")) {
                    LEAKS.add(line);
                }
            }
        };
        listener.setContext(root.getLoggerContext());
        listener.start();
        root.addAppender(listener);
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        AutoCloseable atTheEnd = LeakGuard::failOnLeaks;
        context.getRoot()
                .getStore(ExtensionContext.Namespace.create(LeakGuard.class))
                .computeIfAbsent(LeakGuard.class, key -> atTheEnd);
    }

    @Override
    public void afterAll(ExtensionContext context) throws InterruptedException {
        failOnLeaks();
    }

    private static void failOnLeaks() throws InterruptedException {
        collectGarbage();
        ByteBufAllocator.DEFAULT.buffer(1).release();

        List<String> leaks = new ArrayList<>();
        for (String leak = LEAKS.poll(); leak != null; leak = LEAKS.poll()) {
            leaks.add(leak);
        }
        if (!leaks.isEmpty()) {
            throw new AssertionError(leaks.size() + " leaked, see LEAK: in the log. Ours on the way: " + ours(leaks));
        }
    }

    private static String ours(List<String> leaks) {
        return leaks.stream()
                .flatMap(String::lines)
                .filter(line -> line.contains("io.tunnelmux."))
                .distinct()
                .collect(Collectors.joining());
    }

    /** Returns once the collector has come by and what it found has been handed to the queues of references. */
    private static void collectGarbage() throws InterruptedException {
        ReferenceQueue<Object> found = new ReferenceQueue<>();
        WeakReference<Object> marker = new WeakReference<>(new Object(), found);
        for (int attempt = 0; attempt < 10 && !marker.refersTo(null); attempt++) {
            System.gc();
            found.remove(100);
        }
    }
}
