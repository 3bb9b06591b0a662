package io.tunnelmux.examples.kubernetes;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.WatcherException;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The services of some namespaces, kept up to date by watching those. While the API cannot be reached, what was known last counts. Any thread may ask, and never
 * waits.
 */
final class ServiceDirectory implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(ServiceDirectory.class);
    private static final long PAGE = 500;

    private final Map<String, KnownServices> namespaces = new LinkedHashMap<>();
    private final List<SharedIndexInformer<Service>> informers = new ArrayList<>();

    private ServiceDirectory() {}

    /**
     * Returns when all services are known.
     *
     * @param client is not closed by this
     * @throws IOException if they cannot be read, or not within {@code patience}
     */
    static ServiceDirectory start(KubernetesClient client, Set<String> namespaces, Duration patience)
            throws IOException, InterruptedException {
        ServiceDirectory directory = new ServiceDirectory();
        List<CompletableFuture<Void>> starting = new ArrayList<>();
        for (String namespace : namespaces) {
            KnownServices known = new KnownServices(KnownServices.MAX_SERVICES);
            directory.namespaces.put(namespace, known);
            SharedIndexInformer<Service> informer = client.services()
                    .inNamespace(namespace)
                    .withLimit(PAGE)
                    .runnableInformer(0)
                    .exceptionHandler((isStarted, failure) -> isRetried(namespace, isStarted, failure))
                    .itemStore(known);
            directory.informers.add(informer);
            starting.add(informer.start().toCompletableFuture());
        }
        try {
            CompletableFuture.allOf(starting.toArray(CompletableFuture[]::new))
                    .get(patience.toMillis(), TimeUnit.MILLISECONDS);
            return directory;
        } catch (ExecutionException e) {
            directory.close();
            throw new IOException("cannot read the services of " + namespaces + ": " + why(e), e);
        } catch (TimeoutException e) {
            directory.close();
            throw new IOException("the services of " + namespaces + " were not there within " + patience, e);
        } catch (InterruptedException e) {
            directory.close();
            throw e;
        }
    }

    /** As the informer decides by itself; its own lines about it, with stack traces, are switched off in {@code logback.xml}. */
    private static boolean isRetried(String namespace, boolean isStarted, Throwable failure) {
        boolean isRetried = isStarted && !(failure instanceof WatcherException);
        if (isRetried) {
            LOG.warn("services not up to date, trying again namespace={} why=\"{}\"", namespace, why(failure));
        } else if (isStarted) {
            LOG.error("services no longer watched namespace={} why=\"{}\"", namespace, why(failure));
        }
        return isRetried;
    }

    private static String why(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof ExecutionException || cause instanceof CompletionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.toString() : cause.getMessage();
    }

    /** Whose services are known. */
    Set<String> namespaces() {
        return namespaces.keySet();
    }

    /** Null if there is none of that name now, or the namespace is none of those that are watched. */
    @Nullable
    Service find(String namespace, String name) {
        KnownServices known = namespaces.get(namespace);
        return known == null ? null : known.get(name);
    }

    @Override
    public void close() {
        informers.forEach(SharedIndexInformer::stop);
    }
}
