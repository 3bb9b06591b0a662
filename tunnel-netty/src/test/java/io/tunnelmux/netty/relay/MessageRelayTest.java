package io.tunnelmux.netty.relay;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.netty.websocket.RawFrames;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Messages through two relays and a tunnel, in both roles, with the peers of both in the test's hands. */
class MessageRelayTest {

    private static final byte[] NONE = {};

    private RelayRig rig = RelayRig.plain();

    @AfterEach
    void end() {
        rig.close();
    }

    private void start(RelayRig.Options options) {
        rig.close();
        rig = new RelayRig(options);
    }

    private static byte[] text(String text) {
        return text.getBytes(UTF_8);
    }

    /** One side and the other. */
    private RelayRig.Side side(boolean isClient) {
        return isClient ? rig.client : rig.server;
    }

    // ---- messages ----

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void messagesArriveAsTheyWereSentWhereverTheirBytesAreCut(boolean fromClient) {
        byte[] bytes = side(fromClient)
                .frames()
                .frame(1, text("Hello"))
                .fragment(1, text("in "))
                .frame(9, text("ping"))
                .fragment(0, NONE)
                .frame(0, text("parts"))
                .frame(2, NONE)
                .frame(1, NONE)
                .frame(10, text("pong"))
                .frame(2, new byte[] {0, 1, 2})
                .toByteArray();
        for (int cut = 0; cut < bytes.length; cut++) {
            rig.close();
            rig = RelayRig.plain();

            side(fromClient).sends(Arrays.copyOf(bytes, cut)).sends(Arrays.copyOfRange(bytes, cut, bytes.length));

            assertThat(side(!fromClient).received())
                    .containsExactly(
                            "text Hello",
                            "ping ping",
                            "text in parts",
                            "binary ",
                            "text ",
                            "pong pong",
                            "binary \0\1\2");
        }
    }

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void eachHopIsCompressedOrNotOnItsOwn(boolean isClientDeflating, boolean isServerDeflating) {
        RelayRig.Options options = new RelayRig.Options();
        options.isClientDeflating = isClientDeflating;
        options.isServerDeflating = isServerDeflating;
        start(options);
        String message = "compress me ".repeat(20_000);
        byte[] payload = text(message);

        rig.client.sends(rig.client
                .frames()
                .fragment(1, Arrays.copyOf(payload, 100_000))
                .frame(0, Arrays.copyOfRange(payload, 100_000, payload.length)));
        rig.server.sends(rig.server.frames().frame(1, payload));

        assertThat(rig.server.received()).containsExactly("text " + message);
        assertThat(rig.client.received()).containsExactly("text " + message);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatHasComeOfAMessageGoesOnBeforeTheRestComes(boolean fromClient) {
        RawFrames message = side(fromClient).frames().fragment(1, text("the first "));
        side(fromClient).sends(message);
        assertThat(side(!fromClient).received()).containsExactly("text the first +");

        byte[] second =
                side(fromClient).frames().frame(0, text("and the second")).toByteArray();
        side(fromClient).sends(Arrays.copyOf(second, 12));
        assertThat(side(!fromClient).received()).singleElement().asString().startsWith("text the first and");
        side(fromClient).sends(Arrays.copyOfRange(second, 12, second.length));
        assertThat(side(!fromClient).received()).containsExactly("text the first and the second");
    }

    @Test
    void aMessageOfTheLimitPassesAndOneByteMoreDoesNot() {
        RelayRig.Options options = new RelayRig.Options();
        options.clientMaxBytes = 100_000;
        start(options);

        rig.client.sends(rig.client.frames().frame(2, new byte[100_000]));
        rig.server.sends(rig.server.frames().frame(2, new byte[100_000]));
        assertThat(rig.server.received()).singleElement().asString().hasSize(7 + 100_000);
        assertThat(rig.client.received()).singleElement().asString().hasSize(7 + 100_000);

        rig.client.sends(rig.client.frames().fragment(2, new byte[60_000]).header(0x80, 40_001, 126));
        assertThat(rig.client.received()).element(1).asString().startsWith("close 1009 ");
        assertThat(rig.server.received()).hasSize(3).element(1).asString().startsWith("close 1011 ");
        assertThat(rig.server.received()).last().asString().endsWith("+");
        assertThat(rig.server.outcome().is(ErrorCode.FRAME_TOO_LARGE)).isTrue();
    }

    /** The limit is the gateway's; the agent has one of its own, which may be larger. */
    @Test
    void aMessageThatIsTooLongForTheOtherEndIsToldToWhoSentIt() {
        RelayRig.Options options = new RelayRig.Options();
        options.clientMaxBytes = 100_000;
        start(options);

        rig.server.sends(rig.server.frames().frame(2, new byte[100_001]));

        assertThat(rig.server.received()).singleElement().asString().startsWith("close 1009 ");
        assertThat(rig.client.received()).hasSize(2).element(0).asString().startsWith("close 1011 ");
        assertThat(rig.client.received().get(1))
                .as("a message that is not complete")
                .endsWith("+");
    }

    /** Whatever is sent, however it is cut, and whoever stops meanwhile. */
    @Test
    void nothingIsLostAddedOrReordered() {
        long first = System.nanoTime();
        for (long seed = first; seed < first + 40; seed++) {
            Random random = new Random(seed);
            RelayRig.Options options = new RelayRig.Options();
            options.isClientDeflating = random.nextBoolean();
            options.isServerDeflating = random.nextBoolean();
            start(options);
            Script fromClient = new Script(rig.client, random);
            Script fromServer = new Script(rig.server, random);
            while (!fromClient.isOver() || !fromServer.isOver()) {
                switch (random.nextInt(8)) {
                    case 0 -> rig.client.stops();
                    case 1 -> rig.server.stops();
                    case 2 -> rig.client.goesOn();
                    case 3 -> rig.server.goesOn();
                    case 4, 5 -> fromClient.goOn();
                    default -> fromServer.goOn();
                }
            }
            rig.client.goesOn();
            rig.server.goesOn();

            assertThat(rig.server.messages()).as("seed %d", seed).isEqualTo(fromClient.messages);
            assertThat(rig.client.messages()).as("seed %d", seed).isEqualTo(fromServer.messages);
        }
    }

    /** What one peer sends, as long as it is read from. */
    private static final class Script {
        private final RelayRig.Side side;
        private final Random random;
        private final List<String> messages = new ArrayList<>();
        private final byte[] bytes;
        private int at;

        Script(RelayRig.Side side, Random random) {
            this.side = side;
            this.random = random;
            RawFrames frames = side.frames();
            for (int i = random.nextInt(30); i >= 0; i--) {
                byte[] payload = new byte[random.nextInt(4) == 0 ? random.nextInt(100_000) : random.nextInt(200)];
                Arrays.fill(payload, (byte) ('a' + random.nextInt(26)));
                boolean isText = random.nextBoolean();
                messages.add((isText ? "text " : "binary ") + new String(payload, UTF_8));
                add(frames, isText ? 1 : 2, payload);
            }
            bytes = frames.toByteArray();
        }

        private void add(RawFrames frames, int opcode, byte[] payload) {
            int from = 0;
            for (int i = random.nextInt(3); i > 0; i--) {
                int to = from + random.nextInt(payload.length - from + 1);
                frames.fragment(opcode, Arrays.copyOfRange(payload, from, to));
                opcode = 0;
                from = to;
                if (random.nextInt(3) == 0) {
                    frames.frame(9, new byte[random.nextInt(126)]);
                }
            }
            frames.frame(opcode, Arrays.copyOfRange(payload, from, payload.length));
        }

        boolean isOver() {
            return at == bytes.length;
        }

        void goOn() {
            int length = Math.min(bytes.length - at, 1 + random.nextInt(random.nextBoolean() ? 50 : 20_000));
            if (side.isReading() && length > 0) {
                side.sends(Arrays.copyOfRange(bytes, at, at + length));
                at += length;
            }
        }
    }

    // ---- control ----

    @Test
    void pingsAreAnsweredByTheOtherEndAndNotOnTheWay() {
        rig.client.sends(rig.client.frames().frame(9, text("there?")));
        assertThat(rig.client.received()).isEmpty();
        assertThat(rig.server.received()).containsExactly("ping there?");

        rig.server.sends(rig.server.frames().frame(10, text("there?")));
        assertThat(rig.client.received()).containsExactly("pong there?");
    }

    @Test
    void ofManyPingsForOneWhoTakesNothingTheLastIsKept() {
        rig.server.stops();
        rig.client.sends(rig.client.frames().frame(2, new byte[60_000]));
        for (int i = 0; i < 10_000; i++) {
            rig.client.sends(rig.client.frames().frame(9, text("ping " + i)).frame(10, text("pong " + i)));
        }
        rig.client.sends(rig.client.frames().frame(1, text("and on")));
        rig.server.goesOn();

        assertThat(rig.server.received()).hasSize(4).contains("ping ping 9999", "pong pong 9999", "text and on");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWaitsOfThemComesBeforeACloseFrame(boolean fromClient) {
        RelayRig.Side first = side(fromClient);
        RelayRig.Side second = side(!fromClient);
        second.stops();
        first.sends(first.frames()
                .frame(2, new byte[60_000])
                .frame(9, text("a ping"))
                .frame(10, text("a pong"))
                .close(1_000, NONE));
        second.goesOn();

        assertThat(second.received()).hasSize(4).endsWith("close 1000 ");
        assertThat(second.received()).contains("ping a ping", "pong a pong");
    }

    // ---- closing ----

    @ParameterizedTest
    @CsvSource({
        "true,1000,",
        "true,1001,going",
        "true,4999,grün",
        "true,1005,",
        "false,1000,done",
        "false,3000,",
        "false,1005,"
    })
    void closeFramesGoToTheOtherEndAndBack(boolean fromClient, int code, String reason) {
        String said = reason == null ? "" : reason;
        RelayRig.Side first = side(fromClient);
        RelayRig.Side second = side(!fromClient);
        first.sends(
                code == 1005 ? first.frames().frame(8, NONE) : first.frames().close(code, text(said)));

        assertThat(second.received()).containsExactly("close " + code + " " + said);
        assertThat(first.received()).as("it is the other end that answers").isEmpty();

        second.sends(second.frames().close(4_000, text("answer")));
        assertThat(first.received()).containsExactly("close 4000 answer");
        assertThat(first.outcome().isClean()).isTrue();
        assertThat(second.outcome().isClean()).isTrue();
        assertThat(rig.client.channel.isOpen()).isFalse();
        assertThat(rig.server.channel.isOpen()).isFalse();
    }

    @Test
    void allThatWasSentBeforeACloseFrameComesBeforeIt() {
        byte[] message = new byte[3_000_000];
        Arrays.fill(message, (byte) 'x');
        rig.client.stops();
        rig.server.sends(rig.server
                .frames()
                .frame(2, message)
                .frame(9, text("p"))
                .frame(1, text("exit status"))
                .close(1_000, NONE));
        rig.server.endsOutput();
        rig.advance(3_600);
        assertThat(rig.client.channel.isOpen()).isTrue();

        rig.client.goesOn();

        List<String> received = rig.client.received();
        assertThat(received).hasSize(4).last().isEqualTo("close 1000 ");
        assertThat(received.get(0)).hasSize(7 + message.length);
        assertThat(received).contains("text exit status", "ping p");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aCloseFrameWithinAMessageLeavesItUnfinished(boolean fromClient) {
        RelayRig.Side first = side(fromClient);
        RelayRig.Side second = side(!fromClient);

        first.sends(first.frames().fragment(1, text("half")).close(1_000, text("enough")));

        assertThat(second.received()).containsExactly("close 1000 enough", "text half+");
        assertThat(first.received()).containsExactly("close 1000 ");
    }

    @Test
    void whoDoesNotAnswerACloseFrameIsCutOffAfterTenSecondsInWhichItHadIt() {
        rig.client.stops();
        rig.server.sends(rig.server.frames().frame(2, new byte[50_000]).close(1_000, NONE));
        rig.advance(3_600);
        rig.client.goesOn();
        rig.advance(9);
        assertThat(rig.client.channel.isOpen()).isTrue();

        rig.advance(2);

        assertThat(rig.client.channel.isOpen()).isFalse();
        assertThat(rig.server.received()).containsExactly("close 1000 ");
        assertThat(rig.server.outcome().isClean()).isTrue();
    }

    // ---- breaches ----

    static Stream<Arguments> breaches() {
        return Stream.of(true, false)
                .flatMap(fromClient -> Stream.of(
                        breach(
                                fromClient,
                                1002,
                                "a continuation of nothing",
                                frames(fromClient).frame(0, NONE)),
                        breach(
                                fromClient,
                                1002,
                                "the wrong mask",
                                frames(!fromClient).frame(1, NONE)),
                        breach(fromClient, 1002, "RSV1", frames(fromClient).frame(0xc1, NONE, 0)),
                        breach(fromClient, 1002, "RSV2", frames(fromClient).frame(0xa1, NONE, 0)),
                        breach(fromClient, 1002, "RSV3", frames(fromClient).frame(0x91, NONE, 0)),
                        breach(fromClient, 1002, "opcode 3", frames(fromClient).frame(3, NONE)),
                        breach(fromClient, 1002, "opcode 15", frames(fromClient).frame(15, NONE)),
                        breach(
                                fromClient,
                                1002,
                                "a long ping",
                                frames(fromClient).frame(9, new byte[126])),
                        breach(
                                fromClient,
                                1002,
                                "a ping in fragments",
                                frames(fromClient).fragment(9, NONE)),
                        breach(
                                fromClient,
                                1002,
                                "close code 1006",
                                frames(fromClient).close(1_006, NONE)),
                        breach(
                                fromClient,
                                1002,
                                "close code 999",
                                frames(fromClient).close(999, NONE)),
                        breach(
                                fromClient,
                                1002,
                                "half a close code",
                                frames(fromClient).frame(8, new byte[1])),
                        breach(
                                fromClient,
                                1002,
                                "a long length",
                                frames(fromClient).frame(0x82, new byte[1], 126)),
                        breach(
                                fromClient,
                                1002,
                                "a message within a message",
                                frames(fromClient).fragment(1, NONE).frame(1, NONE)),
                        breach(fromClient, 1007, "no UTF-8", frames(fromClient).frame(1, new byte[] {(byte) 0x80})),
                        breach(
                                fromClient,
                                1007,
                                "a reason that is no UTF-8",
                                frames(fromClient).close(1_000, new byte[] {(byte) 0x80})),
                        breach(fromClient, 1009, "too long", frames(fromClient).header(0x82, 1 << 25, 127)),
                        breach(fromClient, 1008, "empty fragments", emptyFragments(fromClient))));
    }

    private static RawFrames frames(boolean fromClient) {
        return RawFrames.of(fromClient);
    }

    private static RawFrames emptyFragments(boolean fromClient) {
        RawFrames frames = frames(fromClient).fragment(2, NONE);
        for (int i = 0; i < 15; i++) {
            frames.fragment(0, NONE);
        }
        return frames;
    }

    private static Arguments breach(boolean fromClient, int code, String what, RawFrames frames) {
        return Arguments.of(fromClient, code, what, frames);
    }

    @ParameterizedTest(name = "{0} {1} {2}")
    @MethodSource("breaches")
    void whoBreaksARuleIsToldAndTheOtherGetsWhatCameBefore(
            boolean fromClient, int code, String what, RawFrames breach) {
        RelayRig.Side guilty = side(fromClient);
        RelayRig.Side other = side(!fromClient);

        guilty.sends(guilty.frames().frame(1, text("before"))).sends(breach);
        guilty.sends(guilty.frames().frame(1, text("after")));

        assertThat(guilty.received()).singleElement().asString().startsWith("close " + code + " ");
        assertThat(other.received()).hasSize(2).element(0).isEqualTo("text before");
        assertThat(other.received().get(1)).startsWith("close 1011 ");
        assertThat(other.outcome().code()).isEqualTo(expected(fromClient, code).value());
        assertThat(guilty.channel.isOpen()).isFalse();
        assertThat(other.channel.isOpen()).isFalse();
    }

    private static ErrorCode expected(boolean fromClient, int closeCode) {
        return switch (closeCode) {
            case 1008 -> ErrorCode.CALM_DOWN;
            case 1009 -> ErrorCode.FRAME_TOO_LARGE;
            default -> fromClient ? ErrorCode.PROTOCOL_ERROR : ErrorCode.UPSTREAM_INVALID;
        };
    }

    @Test
    void aBombIsRefusedAndCostsNoMemory() {
        RelayRig.Options options = new RelayRig.Options();
        options.isClientDeflating = true;
        start(options);
        java.util.zip.Deflater deflater = new java.util.zip.Deflater(9, true);
        byte[] zeros = new byte[256 << 20];
        deflater.setInput(zeros);
        byte[] bomb = new byte[1 << 20];
        int length = deflater.deflate(bomb, 0, bomb.length, java.util.zip.Deflater.SYNC_FLUSH);
        deflater.end();
        rig.server.stops();

        rig.client.sends(rig.client.frames().frame(0xc2, Arrays.copyOf(bomb, length - 4), 127));

        assertThat(rig.client.isReading())
                .as("nothing more is read while the server takes nothing")
                .isFalse();
        assertThat(rig.client.stream.tunnel().heldBytes()).isLessThan(1 << 20);
        rig.server.goesOn();
        assertThat(rig.client.received()).singleElement().asString().startsWith("close 1009 ");
        assertThat(rig.server.received())
                .last()
                .asString()
                .startsWith("binary ")
                .endsWith("+");
        assertThat(rig.server.received().get(0)).startsWith("close 1011 ");
    }

    // ---- losses ----

    @Test
    void aClientThatIsGoneIsToldToTheServerAsGoingAway() {
        rig.client.sends(rig.client.frames().frame(1, text("last words")));
        rig.client.channel.close();
        rig.pump();

        assertThat(rig.server.received()).hasSize(2).element(1).asString().startsWith("close 1001 ");
        assertThat(rig.server.outcome().is(ErrorCode.CANCELLED)).isTrue();
        assertThat(rig.server.channel.isOpen()).isFalse();
    }

    @Test
    void aClientThatEndsWithoutACloseFrameHasSaidWhatItSaid() {
        rig.server.stops();
        rig.client.sends(rig.client.frames().frame(2, new byte[500_000]));
        rig.client.endsOutput();
        rig.server.goesOn();

        assertThat(rig.server.received()).hasSize(2).element(0).asString().hasSize(7 + 500_000);
        assertThat(rig.server.received().get(1)).startsWith("close 1001 ");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aServerThatDiesWithinAMessageIsNoCleanEnd(boolean isReset) {
        rig.server.sends(rig.server.frames().frame(1, text("whole")).fragment(1, text("half")));
        if (isReset) {
            rig.server.channel.pipeline().fireExceptionCaught(new java.io.IOException("connection reset"));
        } else {
            rig.server.endsOutput();
        }
        rig.pump();

        assertThat(rig.client.received()).hasSize(3).startsWith("text whole").endsWith("text half+");
        assertThat(rig.client.received().get(1)).startsWith("close 1011 ");
        assertThat(rig.client.outcome().is(ErrorCode.UPSTREAM_RESET)).isTrue();
        assertThat(rig.client.channel.isOpen()).isFalse();
    }

    @Test
    void aTunnelThatIsLostLetsBothEndsGo() {
        rig.loseTunnel();

        assertThat(rig.client.received()).singleElement().asString().startsWith("close 1001 ");
        assertThat(rig.server.received()).singleElement().asString().startsWith("close 1001 ");
        assertThat(rig.client.channel.isOpen()).isFalse();
    }

    @Test
    void aServerThatEndsInPlaceOfAnAnswerToACloseFrameHasEndedWell() {
        rig.client.sends(rig.client.frames().close(1_000, NONE));
        rig.server.endsOutput();

        assertThat(rig.client.received()).containsExactly("close 1000 ");
        assertThat(rig.client.outcome().isClean()).isTrue();
    }

    @Test
    void aClientThatHangsUpBehindItsCloseFrameHasEndedWell() {
        rig.client.sends(rig.client.frames().frame(1, text("a")).close(1_000, text("bye")));
        rig.client.channel.close();
        rig.pump();

        assertThat(rig.server.received()).containsExactly("text a", "close 1000 bye");
        assertThat(rig.server.outcome().isClean()).isTrue();
    }

    // ---- pressure ----

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoTakesNothingStopsWhoSends(boolean fromClient) {
        side(!fromClient).stops();
        byte[] message = new byte[100_000];
        int sent = 0;
        while (side(fromClient).isReading() && sent < 100) {
            side(fromClient).sends(side(fromClient).frames().frame(2, message));
            sent++;
        }

        assertThat(sent).as("messages of 100,000 bytes").isLessThan(10);
        side(!fromClient).goesOn();
        assertThat(side(fromClient).isReading()).isTrue();
        assertThat(side(!fromClient).received()).hasSize(sent).allMatch(received -> received.length() == 7 + 100_000);
    }

    @Test
    void messagesWithoutAByteDoNotFillTheMemoryOfOneWhoTakesNothing() {
        rig.client.stops();
        rig.server.sends(rig.server.frames().frame(2, new byte[60_000]));
        RawFrames empty = rig.server.frames();
        for (int i = 0; i < 1_000; i++) {
            empty.frame(2, NONE);
        }
        for (int i = 0; i < 11 && rig.server.channel.isOpen(); i++) {
            rig.server.sends(empty);
        }

        assertThat(rig.server.received()).last().asString().startsWith("close 1008 ");
        assertThat(rig.client.outcome().is(ErrorCode.OVERLOADED)).isTrue();
        rig.client.goesOn();
        assertThat(rig.client.received()).last().asString().startsWith("close 1011 ");
    }

    // ---- a peer at the other end that is no relay of ours ----

    private RecordingHandler far() {
        RecordingHandler far = new RecordingHandler();
        RelayRig.Options options = new RelayRig.Options();
        options.far = far;
        start(options);
        return far;
    }

    @Test
    void anEndWithoutACloseFrameIsOneThatSaysNothing() {
        far();
        rig.server.stream.writeUnit(Payload.of(text("a")), true, false);
        rig.server.stream.end();
        rig.pump();

        assertThat(rig.client.received()).containsExactly("text a", "close 1005 ");
    }

    @Test
    void anOrderlyCloseOfTheStreamIsOneThatSaysNothing() {
        far();
        rig.server.stream.writeUnit(Payload.of(text("a")), false, false);
        rig.server.stream.close(ErrorCode.NO_ERROR, "");
        rig.pump();

        assertThat(rig.client.received()).containsExactly("binary a", "close 1005 ");
    }

    @Test
    void anEndWithinAUnitIsATruncation() {
        far();
        rig.server.stream.writeUnit(Payload.of(text("a")), true, true);
        rig.server.stream.close(ErrorCode.NO_ERROR, "");
        rig.pump();

        assertThat(rig.client.received()).hasSize(2).element(0).asString().startsWith("close 1011 ");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 999, 1_006, 5_000})
    void aCloseCodeThatNobodyMaySendIsABreachOfTheOtherEnd(int code) {
        RecordingHandler far = far();
        rig.server.stream.send(new Message.ProxyWebSocketClose(code, ""), true);
        rig.pump();

        assertThat(rig.client.received()).singleElement().asString().startsWith("close 1011 ");
        assertThat(far.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
        assertThat(far.messages())
                .singleElement()
                .isInstanceOfSatisfying(
                        Message.ProxyWebSocketClose.class,
                        close -> assertThat(close.code()).isEqualTo(1_002));
    }

    @Test
    void aMessageThatHasNoPlaceHereIsABreachOfTheOtherEnd() {
        RecordingHandler far = far();
        rig.server.stream.send(new Message.ProxyResponse("r", 200, io.tunnelmux.protocol.Headers.EMPTY), false);
        rig.pump();

        assertThat(rig.client.received()).singleElement().asString().startsWith("close 1011 ");
        assertThat(far.outcome().is(ErrorCode.PROTOCOL_ERROR)).isTrue();
    }

    @Test
    void messagesOfTheApplicationAreNoBusinessOfTheClient() {
        far();
        rig.server.stream.send(new Message.Application("note", "x"), false);
        rig.server.stream.writeUnit(Payload.of(text("a")), true, false);
        rig.pump();

        assertThat(rig.client.received()).containsExactly("text a");
    }

    // ---- the tap ----

    @Test
    void theTapIsShownWhatIsHandedOn() {
        List<String> shown = new ArrayList<>();
        RelayRig.Options options = new RelayRig.Options();
        options.isClientDeflating = true;
        options.tap = new MessageTap() {
            @Override
            public void onPart(boolean isFromChannel, boolean isText, ByteBuf lent, boolean isLast) {
                shown.add((isFromChannel ? "> " : "< ")
                        + (isText ? "text " : "binary ")
                        + lent.toString(UTF_8)
                        + (isLast ? "" : "+"));
            }

            @Override
            public void onControl(boolean isFromChannel, Control control, int bytes) {
                shown.add((isFromChannel ? "> " : "< ") + control + " " + bytes);
            }

            @Override
            public void onClose(boolean isFromChannel, int code, String reason) {
                shown.add((isFromChannel ? "> " : "< ") + code + " " + reason);
            }
        };
        start(options);

        rig.client.sends(
                rig.client.frames().fragment(1, text("a")).frame(9, text("pp")).frame(0, text("b")));
        rig.server.sends(rig.server.frames().frame(2, text("c")).frame(10, NONE).close(4_000, text("d")));
        rig.client.sends(rig.client.frames().close(4_000, NONE));

        assertThat(shown)
                .containsExactly("> text a+", "> PING 2", "> text b", "< binary c", "< PONG 0", "< 4000 d", "> 4000 ");
    }
}
