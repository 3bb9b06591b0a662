package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.transport.TunnelException;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

class TunnelPingTest {

    private final Rig rig = Rig.open();

    @Test
    void takesTheTimeUntilTheAnswer() throws Exception {
        CompletableFuture<Duration> answered = ping();
        Frame.Ping asked = (Frame.Ping) rig.peer.takeReceived().get(0);
        rig.loop.advance(Duration.ofMillis(7));
        assertThat(answered).isNotDone();

        rig.peer.sends(new Frame.Ping(asked.opaque(), true));
        rig.loop.runUntilIdle();

        assertThat(answered.get()).isEqualTo(Duration.ofMillis(7));
    }

    @Test
    void anAnswerIsOneToAllAskedBefore() throws Exception {
        CompletableFuture<Duration> first = ping();
        rig.loop.advance(Duration.ofMillis(3));
        CompletableFuture<Duration> second = ping();
        CompletableFuture<Duration> third = ping();
        List<Frame> asked = rig.peer.takeReceived();
        rig.loop.advance(Duration.ofMillis(5));

        rig.peer.sends(new Frame.Ping(((Frame.Ping) asked.get(1)).opaque(), true));
        rig.loop.runUntilIdle();

        assertThat(first.get()).isEqualTo(Duration.ofMillis(8));
        assertThat(second.get()).isEqualTo(Duration.ofMillis(5));
        assertThat(third).isNotDone();
    }

    @Test
    void ignoresAnswersToWhatNobodyAsked() {
        CompletableFuture<Duration> answered = ping();
        Frame.Ping asked = (Frame.Ping) rig.peer.takeReceived().get(0);

        rig.peer.sends(new Frame.Ping(asked.opaque() + 1, true));
        rig.peer.sends(new Frame.Ping(asked.opaque() - 1, true));
        rig.peer.sends(new Frame.Ping(-1, true));
        rig.loop.runUntilIdle();

        assertThat(answered).isNotDone();
        assertThat(rig.ended).isEmpty();
    }

    @Test
    void hasFewUnderWay() {
        List<CompletableFuture<Duration>> answers = new ArrayList<>();
        for (int i = 0; i < RoundTrips.MAX_PENDING; i++) {
            answers.add(ping());
        }

        assertThat(codeOf(ping())).isEqualTo(ErrorCode.OVERLOADED);
        assertThat(answers).noneMatch(CompletableFuture::isDone);
        assertThat(rig.peer.takeReceived()).hasSize(RoundTrips.MAX_PENDING);
    }

    @Test
    void failsWithTheTunnel() {
        CompletableFuture<Duration> before = ping();
        rig.pipe.right().lose(new java.io.IOException("cut"));
        rig.loop.runUntilIdle();

        assertThat(codeOf(before)).isEqualTo(ErrorCode.TRANSPORT_LOST);
        assertThat(codeOf(ping())).isEqualTo(ErrorCode.TRANSPORT_LOST);
    }

    private CompletableFuture<Duration> ping() {
        CompletableFuture<Duration> answered = rig.tunnel().ping().toCompletableFuture();
        rig.loop.runUntilIdle();
        return answered;
    }

    private static ErrorCode codeOf(CompletableFuture<Duration> failed) {
        List<ErrorCode> codes = new ArrayList<>();
        assertThatThrownBy(failed::get)
                .isInstanceOf(ExecutionException.class)
                .satisfies(thrown -> codes.add(((TunnelException) thrown.getCause()).code()));
        return codes.get(0);
    }
}
