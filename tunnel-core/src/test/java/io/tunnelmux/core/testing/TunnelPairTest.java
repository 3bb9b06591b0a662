package io.tunnelmux.core.testing;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class TunnelPairTest {

    private static final int LENGTH = 300_000;

    private final VirtualLoop loop = new VirtualLoop();
    private final RecordingTunnelHandler gateway = new RecordingTunnelHandler();
    private final RecordingHandler reader = new RecordingHandler().stopsConsuming();
    private final RecordingTunnelHandler agent = new RecordingTunnelHandler((stream, request, isEnd) -> reader);
    private final TunnelPair pair = TunnelPair.open(loop, gateway, agent);

    @Test
    void aDrainOfTheGatewayWaitsForItsStreams() {
        TunnelStream stream =
                pair.gateway().open(new Message.Application("upload", null), false, new RecordingHandler());
        stream.write(Payload.of(new byte[LENGTH]));
        stream.close(ErrorCode.NO_ERROR, "");
        pair.gateway().drain("restart", Duration.ofMinutes(1));
        loop.advance(Duration.ofSeconds(50));
        assertThat(agent.isDraining()).isTrue();
        assertThat(agent.outcome()).isNull();

        reader.consume();
        loop.runUntilIdle();

        assertThat(reader.bytes()).hasSize(LENGTH);
        assertThat(gateway.outcome()).isNotNull();
        assertThat(agent.outcome()).isNotNull();
        assertThat(loop.pendingTimers()).isZero();
    }
}
