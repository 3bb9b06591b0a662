package io.tunnelmux.netty;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The only test that runs with the library as named modules; all others of this module run on the class path. */
class ModulePathTest {
    private final Module here = ModulePathTest.class.getModule();

    @Test
    void theLibraryResolvesAsNamedModules() {
        assertThat(here.getName()).isEqualTo("io.tunnelmux.netty");
        assertThat(here.getLayer().modules())
                .extracting(Module::getName)
                .contains("io.tunnelmux.core", "io.tunnelmux.protocol", "io.netty.handler", "org.slf4j");
    }
}
