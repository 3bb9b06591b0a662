package io.tunnelmux.netty.agent;

import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The gateway's end of one stream: keeps what comes, and lets a test wait for it. */
final class Probe implements StreamHandler {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final boolean grantsCredit;
    private final List<Message> messages = new ArrayList<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final List<String> units = new ArrayList<>();
    private boolean isInUnit;
    private boolean isEnded;
    private int ungranted;
    private @Nullable Outcome outcome;

    Probe(boolean grantsCredit) {
        this.grantsCredit = grantsCredit;
    }

    @Override
    public synchronized void onMessage(TunnelStream stream, Message message, boolean isEnd) {
        messages.add(message);
        isEnded |= isEnd;
        notifyAll();
    }

    @Override
    public synchronized void onData(TunnelStream stream, Frame.Data data) {
        byte[] bytes = data.payload().toByteArray();
        data.payload().release();
        body.writeBytes(bytes);
        addToUnit(data, new String(bytes, StandardCharsets.ISO_8859_1));
        isEnded |= data.isEnd();
        if (grantsCredit) {
            stream.consumed(bytes.length);
        } else {
            ungranted += bytes.length;
        }
        notifyAll();
    }

    private void addToUnit(Frame.Data data, String text) {
        if (data.isEnd() && text.isEmpty() && !isInUnit) {
            return;
        }
        int last = units.size() - 1;
        if (isInUnit) {
            units.set(last, units.get(last) + text);
        } else {
            units.add((data.isText() ? "text " : "binary ") + text);
        }
        isInUnit = data.hasMore();
    }

    @Override
    public void onWritable(TunnelStream stream) {
        // Tests write what they like.
    }

    @Override
    public synchronized void onClosed(TunnelStream stream, Outcome how) {
        outcome = how;
        notifyAll();
    }

    private synchronized void await(String what, Predicate<Probe> condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try {
            while (!condition.test(this)) {
                long leftMillis = (deadline - System.nanoTime()) / 1_000_000;
                if (leftMillis <= 0) {
                    throw new AssertionError("no " + what + "; came: " + this);
                }
                wait(leftMillis);
            }
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }

    Outcome outcome() {
        await("end of the stream", probe -> probe.outcome != null);
        return java.util.Objects.requireNonNull(outcome);
    }

    /** The first message of a kind. */
    <M extends Message> M message(Class<M> type) {
        await(type.getSimpleName(), probe -> probe.messages.stream().anyMatch(type::isInstance));
        synchronized (this) {
            return messages.stream()
                    .filter(type::isInstance)
                    .map(type::cast)
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** The final response. */
    Message.ProxyResponse response() {
        Predicate<Message> isFinal = message -> message instanceof Message.ProxyResponse response
                && (response.status() == 101 || response.status() >= 200);
        await("final response", probe -> probe.messages.stream().anyMatch(isFinal));
        synchronized (this) {
            return (Message.ProxyResponse)
                    messages.stream().filter(isFinal).findFirst().orElseThrow();
        }
    }

    synchronized List<Message> messages() {
        return List.copyOf(messages);
    }

    /** The units of a message-oriented stream, once so many are whole: {@code text …} or {@code binary …}, a byte for a char. */
    List<String> units(int count) {
        await(count + " units", probe -> probe.units.size() >= count && !probe.isInUnit);
        synchronized (this) {
            return List.copyOf(units);
        }
    }

    synchronized boolean isEnded() {
        return isEnded;
    }

    void awaitEnded() {
        await("END", probe -> probe.isEnded);
    }

    void awaitBytes(int count) {
        await(count + " bytes", probe -> probe.body.size() >= count);
    }

    synchronized String text() {
        return body.toString(StandardCharsets.ISO_8859_1);
    }

    synchronized byte[] bytes() {
        return body.toByteArray();
    }

    /** What came and was not granted again. */
    synchronized int takeUngranted() {
        int taken = ungranted;
        ungranted = 0;
        return taken;
    }

    @Override
    public synchronized String toString() {
        return messages + ", " + body.size() + " bytes" + (isEnded ? ", END" : "") + ", outcome " + outcome;
    }
}
