package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.style.CategoryStyler;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Draws the charts, each a file with a background of its own and letters as outlines, so that it looks the same everywhere. Belongs to one thread. */
final class Charts {
    private static final int WIDTH = 1_000;
    private static final int HEIGHT = 460;
    private static final int ROTATION_DEGREES = 35;
    private static final Pattern MORE_DIGITS = Pattern.compile("(\\.[0-9]{2})[0-9]+");
    private static final Color GRID = new Color(220, 220, 220);
    /** To be told apart also by who does not see all colours. */
    private static final Color[] COLOURS = {new Color(0, 114, 178), new Color(230, 159, 0), new Color(0, 158, 115)};

    /** Bars of one colour. */
    private record Bars(String label, Measured scenario, Figure figure) {
        double value(String target) {
            return scenario.median(target, figure);
        }
    }

    private final Results results;
    private final Path directory;
    /** Titles by file, in order. */
    private final Map<String, String> written = new LinkedHashMap<>();

    private Charts(Results results, Path directory) {
        this.results = results;
        this.directory = directory;
    }

    /**
     * Writes all of which something was measured, and removes the others.
     *
     * @param directory is made if there is none
     * @return titles by name of the file, in order
     */
    static Map<String, String> write(Results results, Path directory) throws IOException {
        Files.createDirectories(directory);
        Charts charts = new Charts(results, directory);
        String[] one = Lines.keys("ping", 1);
        charts.bars("latency", "Round trip, one connection: p50, µs", true, charts.all(Figure.P50_MICROS, "one", one));
        charts.bars(
                "messages",
                "64 connections: messages in a second",
                false,
                charts.all(Figure.MESSAGES_PER_SECOND, "many", Lines.keys("ping", Lines.MANY)));
        charts.bars("bulk", "Bulk: MB/s", false, charts.all(Figure.MEGABYTES_PER_SECOND, "bulk", Lines.BULK));
        charts.bars(
                "bulk-processor",
                "Bulk: processor time of the relays, s/GB",
                false,
                charts.all(Figure.RELAY_SECONDS_PER_GIGABYTE, "bulk", Lines.BULK));
        Measured beside = results.scenario("beside", "beside-64x8");
        charts.bars(
                "beside",
                "Pings beside 8 downloads, µs",
                true,
                List.of(new Bars("p50", beside, Figure.P50_MICROS), new Bars("p99", beside, Figure.P99_MICROS)));
        charts.bars(
                "downloads",
                "Downloads: MB/s",
                false,
                List.of(
                        new Bars("one alone", results.scenario("bulk", "down-0x1"), Figure.MEGABYTES_PER_SECOND),
                        new Bars("8 with pings beside", beside, Figure.MEGABYTES_PER_SECOND)));
        charts.bars(
                "garbage",
                "Garbage of both programs for a round trip, B",
                true,
                charts.all(Figure.GARBAGE_BYTES_PER_MESSAGE, "one", one));
        return charts.written;
    }

    private List<Bars> all(Figure figure, String group, String... keys) {
        return Arrays.stream(keys)
                .map(key -> new Bars(Names.load(key), results.scenario(group, key), figure))
                .toList();
    }

    /** Targets side by side. Who has none of the figures is left out; and the way without relays where it would dwarf all others. */
    private void bars(String name, String title, boolean isLogarithmic, List<Bars> series) throws IOException {
        List<String> targets = results.targets().stream()
                .filter(target -> isLogarithmic || !target.equals("direct"))
                .filter(target -> series.stream().anyMatch(bars -> bars.value(target) > 0))
                .toList();
        Path file = directory.resolve(name + ".svg");
        if (targets.isEmpty()) {
            Files.deleteIfExists(file);
            return;
        }
        CategoryChart chart = new CategoryChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .build();
        style(chart.getStyler(), isLogarithmic);
        double least = Double.MAX_VALUE;
        for (Bars bars : series) {
            List<@Nullable Double> values = new ArrayList<>();
            for (String target : targets) {
                double value = bars.value(target);
                values.add(value > 0 ? value : null);
                least = value > 0 ? Math.min(least, value) : least;
            }
            if (values.stream().anyMatch(Objects::nonNull)) {
                chart.addSeries(bars.label, targets, values);
            }
        }
        if (isLogarithmic) {
            chart.getStyler().setYAxisMin(Math.pow(10, Math.floor(Math.log10(least))));
        }
        ByteArrayOutputStream drawn = new ByteArrayOutputStream();
        VectorGraphicsEncoder.saveVectorGraphic(chart, drawn, VectorGraphicsFormat.SVG);
        // A hundredth of a point is not seen, and half of the file.
        Files.writeString(
                file,
                MORE_DIGITS.matcher(drawn.toString(StandardCharsets.UTF_8)).replaceAll("$1"));
        written.put(name + ".svg", title);
    }

    private static Font font(int style, int points) {
        return new Font(Font.SANS_SERIF, style, points);
    }

    private static void style(CategoryStyler styler, boolean isLogarithmic) {
        styler.setAvailableSpaceFill(0.8);
        // Dashes would be thousands of shapes.
        styler.setPlotGridLinesStroke(new BasicStroke(1))
                .setPlotGridVerticalLinesVisible(false)
                .setXAxisLabelRotation(ROTATION_DEGREES)
                .setYAxisLogarithmic(isLogarithmic)
                .setYAxisDecimalPattern("#,##0.##")
                .setAxisTickLabelsFont(font(Font.PLAIN, 14))
                .setAxisTickLabelsColor(Color.BLACK)
                .setPlotGridLinesColor(GRID)
                .setSeriesColors(COLOURS);
        styler.setChartBackgroundColor(Color.WHITE)
                .setPlotBackgroundColor(Color.WHITE)
                .setPlotBorderVisible(false)
                .setChartFontColor(Color.BLACK)
                .setChartTitleFont(font(Font.BOLD, 16))
                .setLegendFont(font(Font.PLAIN, 14))
                .setLegendBorderColor(Color.WHITE)
                .setLegendPosition(LegendPosition.OutsideS)
                .setLegendLayout(LegendLayout.Horizontal);
    }
}
