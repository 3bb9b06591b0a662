package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.testing.PeerBytes;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.Capabilities;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.ProtocolException;
import io.tunnelmux.protocol.Settings;
import io.tunnelmux.protocol.codec.HelloCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HandshakeTest {

    private static final HelloVerifier EVERYBODY = (hello, token) -> null;
    private static final Set<String> JSON = Set.of(Capabilities.JSON);

    @Test
    void theDiallerWantsTheAnswerOfAGateway() {
        Handshake dialler = dialler(Set.of());

        assertBreach(() -> dialler.onHello(agent(Set.of()), true));
        assertBreach(() -> dialler.onHello(agent(Set.of()), false));
        assertBreach(() -> dialler.onHello(gateway(null), false));
        assertThat(dialler.onHello(gateway(null), true).sessionId()).isEqualTo("session-1");
    }

    @Test
    void theAcceptorWantsTheGreetingOfAnAgent() {
        Handshake acceptor = acceptor(Set.of(), MessageFormat.CBOR, EVERYBODY, null);

        assertBreach(() -> acceptor.onHello(gateway(null), false));
        assertBreach(() -> acceptor.onHello(gateway(null), true));
        assertBreach(() -> acceptor.onHello(agent(Set.of()), true));
        assertThat(acceptor.onHello(agent(Set.of()), false).answer()).isNotNull();
    }

    @Test
    void theDiallerSpeaksFirst() {
        assertThat(dialler(JSON).greeting()).isNotNull();
        assertThat(acceptor(JSON, MessageFormat.CBOR, EVERYBODY, null).greeting())
                .isNull();
    }

    @Test
    void jsonIsSpokenIfTheGatewayPrefersItAndBothNameIt() {
        for (MessageFormat preferred : MessageFormat.values()) {
            for (Set<String> offered : List.of(Set.<String>of(), JSON)) {
                for (Set<String> ours : List.of(Set.<String>of(), JSON)) {
                    MessageFormat spoken = acceptor(ours, preferred, EVERYBODY, null)
                            .onHello(agent(offered), false)
                            .messageFormat();
                    boolean isJson = preferred == MessageFormat.JSON && !offered.isEmpty() && !ours.isEmpty();
                    assertThat(spoken).isEqualTo(isJson ? MessageFormat.JSON : MessageFormat.CBOR);
                }
            }
        }
    }

    @Test
    void theDiallerTakesTheFormatThatItIsTold() {
        assertThat(dialler(JSON).onHello(gateway(null), true).messageFormat()).isEqualTo(MessageFormat.CBOR);
        assertThat(dialler(JSON).onHello(gateway(MessageFormat.CBOR), true).messageFormat())
                .isEqualTo(MessageFormat.CBOR);
        assertThat(dialler(JSON).onHello(gateway(MessageFormat.JSON), true).messageFormat())
                .isEqualTo(MessageFormat.JSON);
    }

    @Test
    void jsonThatWasNotOfferedIsABreach() {
        assertBreach(() -> dialler(Set.of()).onHello(gateway(MessageFormat.JSON), true));
    }

    @Test
    void theTransportsTokenCountsMoreThanTheOneInHello() {
        List<@Nullable String> tokens = new ArrayList<>();
        HelloVerifier verifier = (hello, token) -> {
            tokens.add(token);
            assertThat(hello.token()).isNull();
            return null;
        };
        Hello withToken = Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("demo")
                .token("in hello")
                .build();

        acceptor(Set.of(), MessageFormat.CBOR, verifier, "of the transport").onHello(withToken, false);
        acceptor(Set.of(), MessageFormat.CBOR, verifier, null).onHello(withToken, false);
        acceptor(Set.of(), MessageFormat.CBOR, verifier, null).onHello(agent(Set.of()), false);

        assertThat(tokens).containsExactly("of the transport", "in hello", null);
    }

    @Test
    void theTokenIsNotKept() {
        Hello withToken = Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("demo")
                .instanceId("run-1")
                .capabilities(JSON)
                .settings(Settings.builder().maxStreams(7).build())
                .metadata(Map.of("region", "north"))
                .token("secret")
                .build();

        Hello peer = acceptor(Set.of(), MessageFormat.CBOR, EVERYBODY, null)
                .onHello(withToken, false)
                .peer();

        assertThat(peer.token()).isNull();
        assertThat(peer.agentId()).isEqualTo("demo");
        assertThat(peer.instanceId()).isEqualTo("run-1");
        assertThat(peer.capabilities()).isEqualTo(JSON);
        assertThat(peer.settings().maxStreams()).isEqualTo(7);
        assertThat(peer.metadata()).isEqualTo(Map.of("region", "north"));
    }

    @ParameterizedTest
    @EnumSource(names = {"UNAUTHORIZED", "FORBIDDEN", "OVERLOADED"})
    void anAgentThatIsRefusedIsToldWhy(ErrorCode code) {
        Rig rig = Rig.silent(TunnelConfig.DEFAULTS, (hello, token) -> new HelloVerifier.Refusal(code, "not you"));

        rig.peer.greets(Settings.DEFAULTS);

        assertThat(rig.peer.takeReceived()).containsExactly(new Frame.GoAway(0, code.value(), 0, "not you"));
        assertThat(rig.peer.isClosed()).isTrue();
        assertThat(rig.isOpen()).isFalse();
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void aVerifierThatFailsCostsTheTunnelAndNothingElse() {
        Rig rig = Rig.silent(TunnelConfig.DEFAULTS, (hello, token) -> {
            throw new IllegalStateException("on purpose");
        });

        rig.peer.greets(Settings.DEFAULTS);

        assertThat(rig.peer.takeReceived(Frame.GoAway.class))
                .extracting(Frame.GoAway::code)
                .containsExactly(ErrorCode.INTERNAL_ERROR.value());
        assertThat(rig.isOpen()).isFalse();
        assertThat(rig.loop.pendingTimers()).isZero();
    }

    @Test
    void sessionsHaveNamesThatNobodyGuesses() {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < 100; i++) {
            Handshake.Result result =
                    acceptor(Set.of(), MessageFormat.CBOR, EVERYBODY, null).onHello(agent(Set.of()), false);
            assertThat(result.sessionId()).matches("[0-9a-f]{32}");
            assertThat(result.answer().sessionId()).isEqualTo(result.sessionId());
            names.add(result.sessionId());
        }
        assertThat(names).hasSize(100);
    }

    @Test
    void theDiallerSendsNothingMoreBeforeItIsAnswered() {
        VirtualLoop loop = new VirtualLoop();
        PeerBytes transport = new PeerBytes(loop, Settings.DEFAULT_MAX_FRAME_BYTES);
        Rig handler = Rig.open();
        Tunnel tunnel = new Tunnel(transport, TunnelConfig.DEFAULTS, dialler(JSON), handler, new Nobody());
        tunnel.start();

        tunnel.drain("late", Duration.ofSeconds(1));
        assertThat(transport.written()).hasSize(1);
        loop.runUntilIdle();

        assertThat(transport.written()).hasSize(2);
        assertThat(transport.written().get(1)).isInstanceOf(Frame.GoAway.class);
        assertThat(transport.isClosed()).isTrue();
    }

    @Test
    void aGatewaysGoawayInPlaceOfItsHelloEndsTheTunnelWhateverItSays() {
        for (ErrorCode code : List.of(ErrorCode.NO_ERROR, ErrorCode.SHUTTING_DOWN, ErrorCode.OVERLOADED)) {
            VirtualLoop loop = new VirtualLoop();
            PeerBytes transport = new PeerBytes(loop, Settings.DEFAULT_MAX_FRAME_BYTES);
            Nobody owner = new Nobody();
            Tunnel tunnel = new Tunnel(transport, TunnelConfig.DEFAULTS, dialler(JSON), Rig.open(), owner);
            tunnel.start();

            tunnel.onGoAway(new Frame.GoAway(0, code.value(), 5_000, "not now"));
            loop.runUntilIdle();

            assertThat(owner.ended).containsExactly(Outcome.remote(code.value(), "not now"));
            assertThat(tunnel.reconnectAfterMillis()).isEqualTo(5_000);
            assertThat(transport.isClosed()).isTrue();
            assertThat(loop.pendingTimers()).isZero();
        }
    }

    @Test
    void capabilitiesAreInForceIfBothNameThem() {
        Settings settings = Settings.DEFAULTS;
        for (Set<String> ours : List.of(Set.<String>of(), Set.of(Capabilities.TCP))) {
            for (Set<String> theirs : List.of(Set.<String>of(), Set.of(Capabilities.TCP))) {
                Rig rig = Rig.silent(TunnelConfig.builder().capabilities(ours).build(), EVERYBODY);
                Hello hello = Hello.builder()
                        .role(Hello.Role.AGENT)
                        .agentId("demo")
                        .capabilities(theirs)
                        .settings(settings)
                        .build();
                rig.peer.sends(new Frame.Hello(HelloCodec.encode(hello), false));

                assertThat(rig.tunnel().isInForce(Capabilities.TCP)).isEqualTo(!ours.isEmpty() && !theirs.isEmpty());
                Payload answer = rig.peer.takeReceived(Frame.Hello.class).get(0).payload();
                assertThat(HelloCodec.decode(answer).capabilities()).isEqualTo(ours);
            }
        }
    }

    private static final class Nobody implements Tunnel.Owner {

        private final List<Outcome> ended = new ArrayList<>();

        @Override
        public void onOpened(Tunnel tunnel) {}

        @Override
        public void onDraining(Tunnel tunnel) {}

        @Override
        public void onEnded(Tunnel tunnel, Outcome outcome) {
            ended.add(outcome);
        }
    }

    private static Handshake dialler(Set<String> capabilities) {
        return new Handshake.Dialler(agent(capabilities));
    }

    private static Handshake acceptor(
            Set<String> capabilities, MessageFormat preferred, HelloVerifier verifier, @Nullable String token) {
        Hello template = Hello.builder()
                .role(Hello.Role.GATEWAY)
                .sessionId("none yet")
                .capabilities(capabilities)
                .build();
        return new Handshake.Acceptor(template, preferred, verifier, token);
    }

    private static Hello agent(Set<String> capabilities) {
        return Hello.builder()
                .role(Hello.Role.AGENT)
                .agentId("demo")
                .capabilities(capabilities)
                .build();
    }

    private static Hello gateway(@Nullable MessageFormat format) {
        return Hello.builder()
                .role(Hello.Role.GATEWAY)
                .sessionId("session-1")
                .messages(format)
                .build();
    }

    private static void assertBreach(Runnable handshake) {
        assertThatThrownBy(handshake::run)
                .isInstanceOfSatisfying(
                        ProtocolException.class,
                        breach -> assertThat(breach.code()).isEqualTo(ErrorCode.PROTOCOL_ERROR));
    }
}
