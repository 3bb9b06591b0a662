package io.tunnelmux.examples.quickstart;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/** The table at the end. */
final class Report {

    private static final String LINE = "-".repeat(72);

    private Report() {}

    static void print(
            PrintStream out, List<Comparison.RoundTrips> roundTrips, List<Comparison.Throughput> throughputs) {
        out.println();
        out.printf("%-22s %12s %12s %12s %12s%n", "round trip", "direct p50", "direct p99", "tunnel p50", "tunnel p99");
        out.println(LINE);
        for (Comparison.RoundTrips trips : roundTrips) {
            out.printf(
                    "%-22s %12s %12s %12s %12s%n",
                    trips.what(),
                    micros(trips.direct(), 50),
                    micros(trips.direct(), 99),
                    micros(trips.tunnel(), 50),
                    micros(trips.tunnel(), 99));
        }
        out.println();
        out.printf("%-22s %12s %12s%n", "throughput", "direct", "tunnel");
        out.println(LINE);
        for (Comparison.Throughput throughput : throughputs) {
            out.printf(
                    "%-22s %12s %12s%n",
                    throughput.what(), megabytes(throughput.direct()), megabytes(throughput.tunnel()));
        }
        out.println();
        out.println("Upstream, gateway, agent and client share this process and this machine's "
                + Runtime.getRuntime().availableProcessors() + " processors;");
        out.println("the tunnel is two more hops, and each wants a processor of its own.");
        out.flush();
    }

    static String micros(Histogram nanos, double percentile) {
        return String.format(Locale.ROOT, "%.0f us", nanos.getValueAtPercentile(percentile) / 1_000.0);
    }

    static String megabytes(double bytesPerSecond) {
        return String.format(Locale.ROOT, "%,.0f MB/s", bytesPerSecond / 1e6);
    }
}
