package io.tunnelmux.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** A tunnel that was accepted from a peer that does what the fuzzer says. */
class AcceptingTunnelFuzzTest {

    @FuzzTest
    void costsNothingButTheTunnel(byte[] script) {
        new HostileTunnel(script, false).play();
    }
}
