package io.tunnelmux.benchmarks.relay;

import com.sun.management.ThreadMXBean;
import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * What another JVM of the same user and kind has allocated on its heap, by its own account ({@code com.sun.management.ThreadMXBean}, over the JDK's attach mechanism).
 * Belongs to one thread.
 */
final class Allocation implements AutoCloseable {
    private static final Pattern ANSWERING = Pattern.compile("^(RMI|JMX|Attach)");

    private final JMXConnector connector;
    private final ThreadMXBean threads;
    private long[] counted = {};
    private long marked;

    private Allocation(JMXConnector connector) throws IOException {
        this.connector = connector;
        threads = ManagementFactory.newPlatformMXBeanProxy(
                connector.getMBeanServerConnection(), ManagementFactory.THREAD_MXBEAN_NAME, ThreadMXBean.class);
    }

    /** @throws IOException if there is no such JVM, or it does not take part */
    @SuppressWarnings("BanJNDI") // The address is what the JVM itself has just said.
    static Allocation of(long pid) throws IOException {
        try {
            VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
            try {
                return new Allocation(
                        JMXConnectorFactory.connect(new JMXServiceURL(machine.startLocalManagementAgent())));
            } finally {
                machine.detach();
            }
        } catch (AttachNotSupportedException e) {
            throw new IOException("cannot attach to process " + pid, e);
        }
    }

    /** Counts from here, and only what threads allocate that live now and do not answer such questions. */
    void mark() {
        long[] all = threads.getAllThreadIds();
        ThreadInfo[] infos = threads.getThreadInfo(all);
        counted = IntStream.range(0, all.length)
                .filter(i -> infos[i] != null
                        && !ANSWERING.matcher(infos[i].getThreadName()).find())
                .mapToLong(i -> all[i])
                .toArray();
        marked = sum();
    }

    long bytesSinceMark() {
        return sum() - marked;
    }

    private long sum() {
        return Arrays.stream(threads.getThreadAllocatedBytes(counted))
                .filter(bytes -> bytes > 0)
                .sum();
    }

    @Override
    public void close() {
        try {
            connector.close();
        } catch (IOException e) {
            System.err.println("cannot disconnect from a JVM: " + e);
        }
    }
}
