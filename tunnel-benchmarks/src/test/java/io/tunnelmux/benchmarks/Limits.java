package io.tunnelmux.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** The limits of {@code limits.properties}, and how a figure is held against one. */
public final class Limits {
    private static final Properties LIMITS = read();

    private Limits() {}

    /**
     * Measures until a figure is within its limit, and fails if it never is. What else a JVM does (compiling, above all) only ever adds to a figure, and passes; what
     * the code does itself is in every one of them.
     *
     * @param name of the limit
     * @param attempts how often to measure at most
     * @param measure one figure, in the limit's unit
     */
    public static void requireWithin(String name, int attempts, Callable<Double> measure) throws Exception {
        requireWithin(name, attempts, measure, () -> "");
    }

    /** As the other; {@code detail} of the last attempt is told if it fails. */
    public static void requireWithin(String name, int attempts, Callable<Double> measure, Supplier<String> detail)
            throws Exception {
        double limit = of(name);
        double least = Double.MAX_VALUE;
        int attempt = 0;
        while (least > limit && attempt < attempts) {
            least = Math.min(least, measure.call());
            attempt++;
        }
        System.out.printf(Locale.ROOT, "%-44s %10.2f, at most %10.2f, attempt %d%n", name, least, limit, attempt);
        assertThat(least)
                .as("%s, the least of %d %s", name, attempt, detail.get())
                .isLessThanOrEqualTo(limit);
    }

    private static double of(String name) {
        return Double.parseDouble(
                Objects.requireNonNull(LIMITS.getProperty(name), () -> "no " + name + " in limits.properties"));
    }

    private static Properties read() {
        Properties properties = new Properties();
        try (InputStream in = Limits.class.getResourceAsStream("/limits.properties")) {
            properties.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return properties;
    }
}
