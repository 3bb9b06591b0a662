package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What the access log says of what is not HTTP. */
class ForwardLogTest {

    private static final InetSocketAddress FREE_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final String TO = " target=\"db\" agent_id=" + GatewayRig.AGENT + " client=127\\.0\\.0\\.1:";
    private static final String BYTES = " bytes_in=5 bytes_out=0 ms=\\d+";

    private final Logger logger = (Logger) LoggerFactory.getLogger("io.tunnelmux.access");
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            lines.add(event.getFormattedMessage());
        }
    };
    private GatewayRig rig;
    private FakeAgent agent;

    @BeforeEach
    void start() throws Exception {
        appender.start();
        logger.setLevel(Level.INFO);
        logger.addAppender(appender);
        rig = GatewayRig.start(GatewayRig.config()
                .accessLog(true)
                .tcpForward(TcpForward.of(FREE_PORT, GatewayRig.AGENT).withTarget("db"))
                .udpForward(UdpForward.of(FREE_PORT, GatewayRig.AGENT).withTarget("db")));
        agent = rig.agent();
        rig.awaitAgents(1);
    }

    @AfterEach
    void stop() throws Exception {
        rig.close();
        logger.detachAppender(appender);
    }

    @Test
    void aConnectionIsALine() throws Exception {
        RawClient client = connect();
        client.sends("hello");
        FakeAgent.Call call = agent.next();
        Message.TcpTunnelStart start = (Message.TcpTunnelStart) call.opening();
        call.stream().send(new Message.TcpTunnelConnected(start.requestId()), false);
        call.received(5);
        client.endsOutput();
        call.ends();

        assertThat(line())
                .matches("protocol=tcp listen=127\\.0\\.0\\.1:\\d+" + TO
                        + client.socket().getLocalPort()
                        + " connection=\\w+" + BYTES + " outcome=complete trace_id=- detail=\".*\"");
    }

    @Test
    void aConnectionThatTheAgentRefusesSaysWhy() throws Exception {
        connect();
        agent.next()
                .fails(
                        new Message.ProxyError("r", "upstream_unreachable", "no way", 502, "a", null, null, false),
                        ErrorCode.UPSTREAM_UNREACHABLE);
        assertThat(line()).endsWith(" outcome=upstream_unreachable trace_id=- detail=\"upstream_unreachable: no way\"");

        connect();
        agent.next()
                .fails(
                        new Message.ProxyError("r", "made_up", "no", 500, "a", null, null, false),
                        ErrorCode.INTERNAL_ERROR);
        assertThat(line()).contains(" outcome=" + ExchangeEnd.APPLICATION_ERROR + " trace_id=- ");
    }

    @Test
    void aClientOfDatagramsIsALine() throws Exception {
        try (DatagramSocket client = new DatagramSocket(FREE_PORT)) {
            client.send(new DatagramPacket(
                    new byte[5], 5, rig.gateway().udpAddresses().get(0)));
            FakeAgent.Call call = agent.next();
            call.received(5);
            call.closes(ErrorCode.NO_ERROR, "no datagram for a while");

            assertThat(line())
                    .matches("protocol=udp listen=127\\.0\\.0\\.1:\\d+" + TO + client.getLocalPort() + BYTES
                            + " outcome=complete trace_id=- detail=\"NO_ERROR \\(remote\\): no datagram for a while\"");

            client.send(new DatagramPacket(
                    new byte[5], 5, rig.gateway().udpAddresses().get(0)));
            agent.next().closes(ErrorCode.UPSTREAM_UNREACHABLE, "gone");
            assertThat(line()).contains(" outcome=upstream_unreachable trace_id=- detail=");
        }
    }

    private RawClient connect() throws Exception {
        return rig.closed(RawClient.connect(rig.gateway().tcpAddresses().get(0)));
    }

    private String line() throws InterruptedException {
        return lines.poll(FakeAgent.PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
}
