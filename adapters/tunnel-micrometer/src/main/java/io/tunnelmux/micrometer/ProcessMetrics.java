package io.tunnelmux.micrometer;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetricProvider;

/**
 * The basic figures of a process: heap and other memory of the JVM, garbage collection, threads, processor, files, and what Netty's buffers take. For a process
 * of its own; where somebody else counts these, leave it. Until {@link #close}, which leaves the figures that need no listener. Any thread.
 */
public final class ProcessMetrics implements MeterBinder, AutoCloseable {

    private final JvmGcMetrics garbageCollection = new JvmGcMetrics();

    /** Counts nothing yet. */
    public ProcessMetrics() {}

    @Override
    public void bindTo(MeterRegistry registry) {
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        garbageCollection.bindTo(registry);
        if (ByteBufAllocator.DEFAULT instanceof ByteBufAllocatorMetricProvider allocator) {
            buffers(registry, allocator, "direct");
            buffers(registry, allocator, "heap");
        }
    }

    private static void buffers(MeterRegistry registry, ByteBufAllocatorMetricProvider allocator, String area) {
        Gauge.builder("tunnelmux_netty_buffers_bytes", allocator, each -> usedBytes(each, area))
                .description("Memory that Netty's buffers take, with what it keeps for the next ones")
                .tag("area", area)
                .strongReference(true)
                .register(registry);
    }

    private static double usedBytes(ByteBufAllocatorMetricProvider allocator, String area) {
        return area.equals("direct")
                ? allocator.metric().usedDirectMemory()
                : allocator.metric().usedHeapMemory();
    }

    @Override
    public void close() {
        garbageCollection.close();
    }
}
