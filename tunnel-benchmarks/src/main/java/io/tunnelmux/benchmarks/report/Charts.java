package io.tunnelmux.benchmarks.report;

import io.tunnelmux.benchmarks.relay.Figure;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;

/** Draws the charts, each a file with a background of its own and letters as outlines, so that it looks the same everywhere. Belongs to one thread. */
final class Charts {
    private static final int WIDTH = 1_000;
    private static final int HEIGHT = 460;
    private static final int ROTATION_DEGREES = 35;
    private static final Color GRID = new Color(220, 220, 220);
    /** To be told apart also by who does not see all colours. */
    private static final Color[] COLOURS = {new Color(0, 114, 178), new Color(230, 159, 0), new Color(0, 158, 115)};

    private final Results results;
    private final Path directory;
    /** Titles by file, in order. */
    private final Map<String, String> written = new LinkedHashMap<>();

    private Charts(Results results, Path directory) {
        this.results = results;
        this.directory = directory;
    }

    /**
     * Writes all of which something was measured.
     *
     * @param directory is made if there is none
     * @return titles by name of the file, in order
     */
    static Map<String, String> write(Results results, Path directory) throws IOException {
        Files.createDirectories(directory);
        Charts charts = new Charts(results, directory);
        String[] one = Lines.keys("ping", 1);
        charts.bars("latency", "Round trip, one connection: p50, µs", Figure.P50_MICROS, true, "one", one);
        charts.bars(
                "messages",
                "64 connections: messages in a second",
                Figure.MESSAGES_PER_SECOND,
                false,
                "many",
                Lines.keys("ping", Lines.MANY));
        charts.bars("bulk", "Bulk: MB/s", Figure.MEGABYTES_PER_SECOND, false, "bulk", Lines.BULK);
        charts.bars(
                "bulk-processor",
                "Bulk: processor time of the relays, s/GB",
                Figure.RELAY_SECONDS_PER_GIGABYTE,
                false,
                "bulk",
                Lines.BULK);
        charts.beside("beside", "A ping beside 8 downloads, and what one download alone gets");
        charts.bars(
                "garbage",
                "Garbage of both programs for a round trip, B",
                Figure.GARBAGE_BYTES_PER_MESSAGE,
                true,
                "one",
                one);
        return charts.written;
    }

    /** Targets side by side, a bar for each scenario. Who lacks one of them is left out, and on a logarithmic axis who has nothing. */
    private void bars(String name, String title, Figure figure, boolean isLogarithmic, String group, String... keys)
            throws IOException {
        List<Measured> scenarios = new ArrayList<>();
        for (String key : keys) {
            if (!results.scenario(group, key).targets().isEmpty()) {
                scenarios.add(results.scenario(group, key));
            }
        }
        List<String> targets = results.targets().stream()
                .filter(target -> scenarios.stream()
                        .mapToDouble(scenario -> scenario.median(target, figure))
                        .allMatch(value -> value > 0))
                .toList();
        if (scenarios.isEmpty() || targets.isEmpty()) {
            return;
        }
        CategoryChart chart = new CategoryChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .build();
        style(chart, isLogarithmic);
        chart.getStyler().setXAxisLabelRotation(ROTATION_DEGREES).setSeriesColors(COLOURS);
        chart.getStyler().setAvailableSpaceFill(0.8).setPlotGridVerticalLinesVisible(false);
        double least = Double.MAX_VALUE;
        for (Measured scenario : scenarios) {
            List<Double> values = targets.stream()
                    .map(target -> scenario.median(target, figure))
                    .toList();
            chart.addSeries(Names.scenario(scenario.key()), targets, values);
            for (double value : values) {
                least = Math.min(least, value);
            }
        }
        if (isLogarithmic) {
            chart.getStyler().setYAxisMin(powerBelow(least));
        }
        write(chart, name, title);
    }

    /** Right and low is good. */
    private void beside(String name, String title) throws IOException {
        Measured pings = results.scenario("beside", "beside-64x8");
        Measured download = results.scenario("bulk", "down-0x1");
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(title)
                .xAxisTitle("one download alone, MB/s")
                .yAxisTitle("p50 of pings beside downloads, µs")
                .build();
        style(chart, true);
        chart.getStyler()
                .setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter)
                .setLegendVisible(false)
                .setSeriesColors(new Color[] {COLOURS[0]});
        chart.getStyler().setAnnotationTextFont(font(Font.PLAIN, 13)).setAnnotationTextFontColor(Color.BLACK);
        List<Double> megabytes = new ArrayList<>();
        List<Double> micros = new ArrayList<>();
        for (String target : results.targets()) {
            double x = download.median(target, Figure.MEGABYTES_PER_SECOND);
            double y = pings.median(target, Figure.P50_MICROS);
            if (x > 0 && y > 0) {
                megabytes.add(x);
                micros.add(y);
                chart.addAnnotation(new AnnotationText(target, x, y * 1.12, false));
            }
        }
        if (megabytes.isEmpty()) {
            return;
        }
        chart.getStyler().setXAxisMin(0.0);
        chart.addSeries(title, megabytes, micros);
        write(chart, name, title);
    }

    private static double powerBelow(double value) {
        return Math.pow(10, Math.floor(Math.log10(value)));
    }

    private static Font font(int style, int points) {
        return new Font(Font.SANS_SERIF, style, points);
    }

    private static void style(Chart<? extends AxesChartStyler, ?> chart, boolean isLogarithmic) {
        AxesChartStyler styler = chart.getStyler();
        styler.setYAxisLogarithmic(isLogarithmic)
                .setYAxisDecimalPattern("#,##0.##")
                .setAxisTickLabelsFont(font(Font.PLAIN, 14))
                .setAxisTitleFont(font(Font.PLAIN, 14))
                .setAxisTickLabelsColor(Color.BLACK)
                .setPlotGridLinesColor(GRID);
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

    private void write(Chart<?, ?> chart, String name, String title) throws IOException {
        String file = name + ".svg";
        VectorGraphicsEncoder.saveVectorGraphic(chart, directory.resolve(file).toString(), VectorGraphicsFormat.SVG);
        written.put(file, title);
    }
}
