package io.tunnelmux.examples.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The manifest is what a cluster would take, and asks for no more than it says. */
class ManifestTest {

    private static List<HasMetadata> objects;

    @BeforeAll
    static void read() throws Exception {
        try (InputStream manifest = Files.newInputStream(Path.of("deploy/agent.yaml"))) {
            objects = new KubernetesSerialization().unmarshal(manifest);
        }
    }

    private static <T> T only(Class<T> type) {
        return objects.stream()
                .filter(type::isInstance)
                .map(type::cast)
                .reduce((one, other) -> {
                    throw new AssertionError("more than one " + type);
                })
                .orElseThrow();
    }

    private static PodSpec pod() {
        return only(Deployment.class).getSpec().getTemplate().getSpec();
    }

    private static Container container() {
        assertThat(pod().getContainers()).hasSize(1);
        return pod().getContainers().get(0);
    }

    @Test
    void nothingIsInItThatItsKindDoesNotHave() {
        assertThat(objects)
                .extracting(HasMetadata::getKind)
                .containsExactly("ServiceAccount", "Role", "RoleBinding", "Deployment");
        assertThat(only(Deployment.class).getAdditionalProperties()).isEmpty();
        assertThat(only(Deployment.class).getSpec().getAdditionalProperties()).isEmpty();
        assertThat(pod().getAdditionalProperties()).isEmpty();
        assertThat(pod().getSecurityContext().getAdditionalProperties()).isEmpty();
        assertThat(container().getAdditionalProperties()).isEmpty();
        assertThat(container().getSecurityContext().getAdditionalProperties()).isEmpty();
    }

    @Test
    void theAccountMayReadAFewKindsInOneNamespace() {
        ServiceAccount account = only(ServiceAccount.class);
        RoleBinding binding = only(RoleBinding.class);
        Role role = only(Role.class);

        assertThat(binding.getRoleRef().getKind()).isEqualTo("Role");
        assertThat(binding.getRoleRef().getName()).isEqualTo(role.getMetadata().getName());
        assertThat(binding.getMetadata().getNamespace())
                .isEqualTo(role.getMetadata().getNamespace());
        assertThat(binding.getSubjects()).singleElement().satisfies(subject -> {
            assertThat(subject.getKind()).isEqualTo("ServiceAccount");
            assertThat(subject.getName()).isEqualTo(account.getMetadata().getName());
            assertThat(subject.getNamespace()).isEqualTo(account.getMetadata().getNamespace());
        });
        assertThat(role.getRules()).flatExtracting(PolicyRule::getVerbs).containsOnly("get", "list", "watch");
        assertThat(role.getRules())
                .flatExtracting(PolicyRule::getResources)
                .containsExactlyInAnyOrder("services", "pods", "pods/log");
        assertThat(pod().getServiceAccountName())
                .isEqualTo(account.getMetadata().getName());
        assertThat(only(Deployment.class).getMetadata().getNamespace())
                .isEqualTo(account.getMetadata().getNamespace());
    }

    @Test
    void thePodsAreThoseThatTheDeploymentLooksFor() {
        Map<String, String> labels =
                only(Deployment.class).getSpec().getTemplate().getMetadata().getLabels();

        assertThat(labels)
                .containsAllEntriesOf(
                        only(Deployment.class).getSpec().getSelector().getMatchLabels());
    }

    @Test
    void theContainerHasNoPowersAndLimits() {
        Container container = container();

        assertThat(pod().getSecurityContext().getRunAsNonRoot()).isTrue();
        assertThat(pod().getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
        assertThat(container.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
        assertThat(container.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
        assertThat(container.getSecurityContext().getCapabilities().getDrop()).containsExactly("ALL");
        assertThat(container.getResources().getLimits()).containsKey("memory");
        assertThat(container.getResources().getRequests()).containsKeys("cpu", "memory");
    }

    @Test
    void theProbesAskTheAgentsOwnListener() {
        assertProbe(container().getLivenessProbe(), "/healthz");
        assertProbe(container().getReadinessProbe(), "/readyz");
        assertThat(container().getArgs()).contains("--metrics-listen=0.0.0.0:9090");
        assertThat(container().getPorts()).singleElement().satisfies(port -> {
            assertThat(port.getName()).isEqualTo("status");
            assertThat(port.getContainerPort()).isEqualTo(9090);
        });
    }

    private static void assertProbe(Probe probe, String path) {
        assertThat(probe.getHttpGet().getPath()).isEqualTo(path);
        assertThat(probe.getHttpGet().getPort().getStrVal()).isEqualTo("status");
    }

    @Test
    void theArgumentsAreOptionsOfTheProgram() {
        CommandLine.ParseResult parsed = KubernetesAgentMain.commandLine()
                .parseArgs(container().getArgs().toArray(String[]::new));

        assertThat(parsed.unmatched()).isEmpty();
        assertThat(parsed.matchedOptionValue("--services", java.util.Set.<String>of()))
                .containsExactly(only(Role.class).getMetadata().getNamespace());
        assertThat(parsed.matchedOptionValue("--token-file", Path.of("")))
                .startsWithRaw(Path.of(container().getVolumeMounts().get(0).getMountPath()));
    }
}
