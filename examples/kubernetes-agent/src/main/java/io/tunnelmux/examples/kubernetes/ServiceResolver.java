package io.tunnelmux.examples.kubernetes;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import io.netty.util.NetUtil;
import io.tunnelmux.netty.agent.Upstream;
import io.tunnelmux.netty.agent.UpstreamResolver;
import io.tunnelmux.protocol.Message;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Takes requests to services of the cluster: those that a request names by {@code service_name}, {@code namespace} and {@code service_port}, or by a target such as
 * {@code web.shop:8080}. All else is for the agent's configuration.
 *
 * <p>A service is dialled at its cluster IP, by HTTP; by HTTPS where its port says so ({@code appProtocol}, or its name), and then by its name, which the certificate has
 * to bear. Services without a cluster IP, also those that only stand for another name (ExternalName), are not found: whoever may edit services
 * would choose where the agent goes.
 *
 * <p>Any thread.
 */
final class ServiceResolver implements UpstreamResolver {

    private static final Set<String> HTTPS = Set.of("https", "kubernetes.io/wss");

    private final ServiceDirectory services;
    private final UpstreamResolver others;
    private final Predicate<InetAddress> isOfCluster;

    ServiceResolver(ServiceDirectory services, UpstreamResolver others) {
        this(services, others, ServiceResolver::isOfCluster);
    }

    /** @param isOfCluster whether a service may have this address */
    ServiceResolver(ServiceDirectory services, UpstreamResolver others, Predicate<InetAddress> isOfCluster) {
        this.services = services;
        this.others = others;
        this.isOfCluster = isOfCluster;
    }

    @Override
    public @Nullable Upstream resolve(Message.ProxyRequest request) {
        Message.Destination destination = request.destination();
        if (destination.target() != null) {
            ServiceName name = ServiceName.parse(destination.target());
            return name != null && services.namespaces().contains(name.namespace())
                    ? upstreamOf(name)
                    : others.resolve(request);
        }
        if (destination.serviceName() == null) {
            return others.resolve(request);
        }
        String namespace = destination.namespace() != null ? destination.namespace() : onlyNamespace();
        String port = destination.servicePort() == 0 ? "" : Integer.toString(destination.servicePort());
        return namespace == null ? null : upstreamOf(new ServiceName(namespace, destination.serviceName(), port));
    }

    private @Nullable String onlyNamespace() {
        return services.namespaces().size() == 1
                ? services.namespaces().iterator().next()
                : null;
    }

    private @Nullable Upstream upstreamOf(ServiceName name) {
        Service service = services.find(name.namespace(), name.name());
        if (service == null || !isClusterAddress(service.getSpec().getClusterIP())) {
            return null;
        }
        ServicePort port = portOf(service.getSpec().getPorts(), name.port());
        if (port == null) {
            return null;
        }
        String protocol = port.getAppProtocol() != null ? port.getAppProtocol() : port.getName();
        boolean isTls = protocol != null && HTTPS.contains(protocol);
        String host = isTls
                ? name.name() + "." + name.namespace() + ".svc"
                : service.getSpec().getClusterIP();
        return new Upstream(host, port.getPort(), isTls);
    }

    private static @Nullable ServicePort portOf(@Nullable List<ServicePort> ports, String wanted) {
        List<ServicePort> candidates = ports == null
                ? List.of()
                : ports.stream()
                        .filter(port ->
                                port.getProtocol() == null || port.getProtocol().equals("TCP"))
                        .toList();
        if (wanted.isEmpty() && candidates.size() == 1) {
            return candidates.get(0);
        }
        String name = wanted.isEmpty() ? "http" : wanted;
        return candidates.stream()
                .filter(port -> name.equals(port.getName()) || name.equals(Integer.toString(port.getPort())))
                .findFirst()
                .orElse(null);
    }

    private boolean isClusterAddress(@Nullable String address) {
        InetAddress parsed = address == null ? null : NetUtil.createInetAddressFromIpAddressString(address);
        return parsed != null && isOfCluster.test(parsed);
    }

    /** Nothing that is another place for each machine. */
    private static boolean isOfCluster(InetAddress address) {
        return !address.isLoopbackAddress()
                && !address.isLinkLocalAddress()
                && !address.isMulticastAddress()
                && !address.isAnyLocalAddress();
    }
}
