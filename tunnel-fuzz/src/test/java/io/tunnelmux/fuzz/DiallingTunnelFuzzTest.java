package io.tunnelmux.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;

/** A tunnel that was dialled to a peer that does what the fuzzer says. */
class DiallingTunnelFuzzTest {

    @FuzzTest
    void costsNothingButTheTunnel(byte[] script) {
        new HostileTunnel(script, true).play();
    }
}
