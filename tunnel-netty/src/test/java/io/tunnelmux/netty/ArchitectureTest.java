package io.tunnelmux.netty;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What may know what. The modules see to the rest. */
class ArchitectureTest {
    private static final String PROTOCOL = "io.tunnelmux.protocol..";
    private static final String CODEC = "io.tunnelmux.protocol.codec..";
    private static final String CORE = "io.tunnelmux.core..";
    private static final String TRANSPORT = "io.tunnelmux.netty.transport..";
    private static final String RELAY = "io.tunnelmux.netty.relay..";
    private static final String GATEWAY = "io.tunnelmux.netty.gateway..";
    private static final String AGENT = "io.tunnelmux.netty.agent..";
    private static final String[] JACKSON = {"com.fasterxml.jackson..", "tools.jackson.."};
    private static final String[] NETTY = {"io.netty..", "io.tunnelmux.netty.."};
    private static final String[] SOCKETS = {"java.net.http..", "javax.net.."};

    private static final JavaClasses LIBRARY = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("io.tunnelmux.protocol", "io.tunnelmux.core", "io.tunnelmux.netty");

    @Test
    void protocolKnowsNeitherTunnelsNorNetty() {
        holds(noClasses()
                .that()
                .resideInAPackage(PROTOCOL)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(with(NETTY, CORE)));
    }

    @Test
    void coreKnowsNoNettyNoJacksonAndNoSockets() {
        holds(noClasses()
                .that()
                .resideInAPackage(CORE)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(with(with(NETTY, JACKSON), SOCKETS))
                .orShould()
                .dependOnClassesThat()
                .haveNameMatching(
                        "java\\.(net|nio\\.channels)\\.\\w*(Socket|Selector|Datagram|File)(Channel|Impl|Factory)?"));
    }

    @Test
    void gatewayAndAgentDoNotKnowEachOther() {
        holds(noClasses()
                .that()
                .resideInAPackage(GATEWAY)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(AGENT));
        holds(noClasses()
                .that()
                .resideInAPackage(AGENT)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(GATEWAY));
    }

    @Test
    void transportAndRelayKnowNeitherGatewayNorAgent() {
        holds(noClasses()
                .that()
                .resideInAnyPackage(TRANSPORT, RELAY)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(GATEWAY, AGENT));
    }

    @Test
    void packagesHaveNoCycles() {
        holds(slices().matching("io.tunnelmux.(**)").should().beFreeOfCycles());
    }

    @Test
    void onlyTheCodecsKnowJackson() {
        holds(classes()
                .that(resideInAPackage(CODEC).negate())
                .should()
                .onlyDependOnClassesThat(DescribedPredicate.not(JavaClass.Predicates.resideInAnyPackage(JACKSON))));
    }

    @Test
    void theCodecsShowNoJackson() {
        DescribedPredicate<JavaMember> visible = DescribedPredicate.describe(
                "are visible outside their package", member -> isVisible(member) && isVisible(member.getOwner()));
        holds(codeUnits()
                .that()
                .areDeclaredInClassesThat()
                .resideInAPackage(CODEC)
                .and(visible)
                .should(showNoJackson()));
        holds(fields().that()
                .areDeclaredInClassesThat()
                .resideInAPackage(CODEC)
                .and(visible)
                .should(showNoJackson()));
    }

    private static void holds(ArchRule rule) {
        rule.allowEmptyShould(true).check(LIBRARY);
    }

    private static boolean isVisible(JavaMember member) {
        return member.getModifiers().contains(JavaModifier.PUBLIC)
                || member.getModifiers().contains(JavaModifier.PROTECTED);
    }

    private static boolean isVisible(JavaClass type) {
        boolean isOpen = type.getModifiers().contains(JavaModifier.PUBLIC)
                || type.getModifiers().contains(JavaModifier.PROTECTED);
        return isOpen
                && type.getEnclosingClass().map(ArchitectureTest::isVisible).orElse(true);
    }

    private static <T extends JavaMember> ArchCondition<T> showNoJackson() {
        DescribedPredicate<JavaClass> jackson = JavaClass.Predicates.resideInAnyPackage(JACKSON);
        return new ArchCondition<>("show no Jackson type") {
            @Override
            public void check(T member, ConditionEvents events) {
                signature(member)
                        .flatMap(type -> Stream.concat(Stream.of(type), type.getAllRawSuperclasses().stream()))
                        .filter(jackson)
                        .forEach(type -> events.add(SimpleConditionEvent.violated(
                                member, member.getFullName() + " shows " + type.getName())));
            }
        };
    }

    private static Stream<JavaClass> signature(JavaMember member) {
        if (member instanceof JavaField field) {
            return field.getType().getAllInvolvedRawTypes().stream();
        }
        JavaCodeUnit unit = (JavaCodeUnit) member;
        return Stream.of(
                        unit.getReturnType().getAllInvolvedRawTypes().stream(),
                        unit.getParameterTypes().stream().flatMap(type -> type.getAllInvolvedRawTypes().stream()),
                        unit.getExceptionTypes().stream())
                .flatMap(types -> types);
    }

    private static String[] with(String[] packages, String... more) {
        return Stream.concat(Arrays.stream(packages), Arrays.stream(more)).toArray(String[]::new);
    }
}
