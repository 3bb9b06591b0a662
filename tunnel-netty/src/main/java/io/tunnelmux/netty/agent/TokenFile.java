package io.tunnelmux.netty.agent;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A bearer token in a file that somebody else renews, as Kubernetes does with those of service accounts. The file is read again every ten seconds, on a thread of its
 * own, so that asking for the token never waits; while it cannot be read, the last one counts.
 *
 * <p>Any thread.
 */
public final class TokenFile implements Supplier<@Nullable String>, AutoCloseable {

    /** How old a token may be that a newer one has replaced. */
    public static final Duration INTERVAL = Duration.ofSeconds(10);
    /** Longest file, in bytes. */
    public static final int MAX_BYTES = 16 * 1024;

    private static final Logger LOG = LoggerFactory.getLogger(TokenFile.class);

    private final Path file;
    private final ScheduledThreadPoolExecutor reader =
            new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory("tunnelmux-token", true));
    private volatile String token;
    private boolean isFailing;

    private TokenFile(Path file) throws IOException {
        this.file = file;
        token = read(file);
    }

    /**
     * Reads the file, and goes on doing so until closed.
     *
     * @throws IOException if it cannot be read, or holds anything but one token: printable characters without blanks, at most {@value #MAX_BYTES} bytes
     */
    public static TokenFile open(Path file) throws IOException {
        TokenFile opened = new TokenFile(file);
        long millis = INTERVAL.toMillis();
        opened.reader.scheduleWithFixedDelay(opened::readAgain, millis, millis, TimeUnit.MILLISECONDS);
        return opened;
    }

    /** The token as last read. */
    @Override
    public String get() {
        return token;
    }

    /** Reads no more; the token stays. */
    @Override
    public void close() {
        reader.shutdownNow();
    }

    synchronized void readAgain() {
        try {
            String read = read(file);
            if (!read.equals(token)) {
                LOG.info("token renewed file={}", file);
            } else if (isFailing) {
                LOG.info("token readable again file={}", file);
            }
            token = read;
            isFailing = false;
        } catch (IOException e) {
            if (!isFailing) {
                LOG.warn("token not read, the last one counts file={} why=\"{}\"", file, e.getMessage());
            }
            isFailing = true;
        }
    }

    private static String read(Path file) throws IOException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(MAX_BYTES + 1);
        } catch (IOException e) {
            throw new IOException("cannot read " + file + " (" + e.getClass().getSimpleName() + ")", e);
        }
        String read = new String(bytes, StandardCharsets.ISO_8859_1).strip();
        boolean isToken = !read.isEmpty() && read.chars().allMatch(c -> c > ' ' && c < 0x7f);
        if (bytes.length > MAX_BYTES || !isToken) {
            throw new IOException("no token in " + file); // and nothing of what is in it
        }
        return read;
    }
}
