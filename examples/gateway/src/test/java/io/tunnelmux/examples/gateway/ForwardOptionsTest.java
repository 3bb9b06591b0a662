package io.tunnelmux.examples.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.netty.gateway.TcpForward;
import io.tunnelmux.netty.gateway.UdpForward;
import org.junit.jupiter.api.Test;

class ForwardOptionsTest {

    @Test
    void connectionsGoToAnAgentsOnlyTarget() {
        TcpForward forward = ForwardOptions.tcp("127.0.0.1:5432=demo");

        assertThat(forward.address().getPort()).isEqualTo(5432);
        assertThat(forward.agentId()).isEqualTo("demo");
        assertThat(forward.target()).isNull();
        assertThat(forward.host()).isNull();
    }

    @Test
    void orToOneThatHasAName() {
        TcpForward forward = ForwardOptions.tcp("[::1]:0=demo:orders-db");

        assertThat(forward.address().getAddress().getHostAddress()).isEqualTo("0:0:0:0:0:0:0:1");
        assertThat(forward.target()).isEqualTo("orders-db");
    }

    @Test
    void orToAnAddress() {
        TcpForward named = ForwardOptions.tcp("127.0.0.1:0=demo:db.internal:5432");
        TcpForward literal = ForwardOptions.tcp("127.0.0.1:0=demo:[fd00::7]:5432");

        assertThat(named.target()).isNull();
        assertThat(named.host()).isEqualTo("db.internal");
        assertThat(named.port()).isEqualTo(5432);
        assertThat(literal.host()).isEqualTo("fd00::7");
    }

    @Test
    void datagramsGoToTargetsThatHaveANameOrToTheOnlyOne() {
        UdpForward only = ForwardOptions.udp("127.0.0.1:53=demo");
        UdpForward named = ForwardOptions.udp("127.0.0.1:53=demo:dns");

        assertThat(only.address().getPort()).isEqualTo(53);
        assertThat(only.agentId()).isEqualTo("demo");
        assertThat(only.target()).isNull();
        assertThat(named.target()).isEqualTo("dns");
    }
}
