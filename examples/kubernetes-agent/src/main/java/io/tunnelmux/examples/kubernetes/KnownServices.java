package io.tunnelmux.examples.kubernetes;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.client.informers.cache.ItemStore;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Services of one namespace as an informer keeps them: of each what is needed to find it, and no more of them than a limit; the rest are not known. One thread
 * at a time writes, any thread reads.
 */
final class KnownServices implements ItemStore<Service> {

    /** Each takes some hundred bytes, and some more for each of its ports. */
    static final int MAX_SERVICES = 10_000;

    private static final Logger LOG = LoggerFactory.getLogger(KnownServices.class);

    private final int maxServices;
    private final Map<String, Service> byName = new ConcurrentHashMap<>();
    private boolean isFull;

    KnownServices(int maxServices) {
        this.maxServices = maxServices;
    }

    @Override
    public String getKey(Service service) {
        return service.getMetadata().getName();
    }

    @Override
    public @Nullable Service put(String name, Service service) {
        if (byName.size() >= maxServices && !byName.containsKey(name)) {
            if (!isFull) {
                LOG.warn(
                        "more services than are kept namespace={} max={}",
                        service.getMetadata().getNamespace(),
                        maxServices);
            }
            isFull = true;
            return null;
        }
        return byName.put(name, reduced(service));
    }

    private static Service reduced(Service service) {
        return new ServiceBuilder()
                .withNewMetadata()
                .withName(service.getMetadata().getName())
                .withNamespace(service.getMetadata().getNamespace())
                .withUid(service.getMetadata().getUid())
                .withResourceVersion(service.getMetadata().getResourceVersion())
                .endMetadata()
                .withNewSpec()
                .withType(service.getSpec().getType())
                .withClusterIP(service.getSpec().getClusterIP())
                .withPorts(service.getSpec().getPorts())
                .endSpec()
                .build();
    }

    @Override
    public @Nullable Service remove(String name) {
        return byName.remove(name);
    }

    @Override
    public Stream<String> keySet() {
        return byName.keySet().stream();
    }

    @Override
    public Stream<Service> values() {
        return byName.values().stream();
    }

    @Override
    public int size() {
        return byName.size();
    }

    @Override
    public @Nullable Service get(String name) {
        return byName.get(name);
    }

    @Override
    public boolean isFullState() {
        return false;
    }
}
