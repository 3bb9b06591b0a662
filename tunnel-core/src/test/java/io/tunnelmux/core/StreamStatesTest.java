package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.MessageFormat;
import io.tunnelmux.protocol.Payload;
import io.tunnelmux.protocol.codec.MessageCodec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every frame in every state that a stream can be in, as the table in {@code PROTOCOL.md} (Streams) has it. */
class StreamStatesTest {

    private static final String OF_THE_PEER = """
            received      | never opened | opening | open          | other half ended | own half ended | ended
            OPEN          | opens        | opens   | breach        | breach           | breach         | breach
            PIECE         | waits        | waits   | breach        | breach           | breach         | breach
            DATA          | breach       | breach  | handed on     | stream closed    | handed on      | dropped
            MESSAGE       | breach       | breach  | handed on     | stream closed    | handed on      | dropped
            DATA_END      | breach       | breach  | ends the half | stream closed    | ended          | dropped
            MESSAGE_END   | breach       | breach  | ends the half | stream closed    | ended          | dropped
            EMPTY_END     | breach       | breach  | ends the half | stream closed    | ended          | dropped
            WINDOW        | breach       | breach  | credit        | credit           | no use         | dropped
            CLOSE         | breach       | breach  | ended         | ended            | ended          | dropped
            CANCEL        | breach       | given up | ended        | ended            | ended          | dropped
            """;

    private static final String OF_THIS_SIDE = """
            received      | never opened | open          | other half ended | own half ended | ended
            OPEN          | breach       | breach        | breach           | breach         | breach
            PIECE         | breach       | breach        | breach           | breach         | breach
            DATA          | breach       | handed on     | stream closed    | handed on      | dropped
            MESSAGE       | breach       | handed on     | stream closed    | handed on      | dropped
            DATA_END      | breach       | ends the half | stream closed    | ended          | dropped
            MESSAGE_END   | breach       | ends the half | stream closed    | ended          | dropped
            EMPTY_END     | breach       | ends the half | stream closed    | ended          | dropped
            WINDOW        | breach       | credit        | credit           | no use         | dropped
            CLOSE         | breach       | ended         | ended            | ended          | dropped
            CANCEL        | breach       | ended         | ended            | ended          | dropped
            """;

    private static final int PEERS_ID = 5;
    private static final int OWN_ID = 2;
    private static final MessageCodec CODEC = MessageCodec.of(MessageFormat.CBOR);
    private static final Payload REQUEST = CODEC.encode(Rig.request());
    private static final Payload RESPONSE = CODEC.encode(new Message.ProxyResponse("r1", 200, Headers.EMPTY));
    private static final int FIRST_BYTES = 3;
    private static final int WINDOW_BYTES = 131_072;

    /** The ways in which a stream ends. */
    private enum End {
        BOTH_ENDS,
        CLOSE_RECEIVED,
        CLOSE_SENT,
        CANCEL_RECEIVED,
        CANCEL_SENT,
        LEFT_OUT
    }

    static List<Arguments> cells() {
        List<Arguments> cells = new ArrayList<>();
        addCells(cells, OF_THE_PEER, true);
        addCells(cells, OF_THIS_SIDE, false);
        return cells;
    }

    private static void addCells(List<Arguments> cells, String table, boolean byPeer) {
        List<List<String>> rows = table.lines()
                .map(row -> Arrays.stream(row.split("\\|")).map(String::strip).toList())
                .toList();
        for (List<String> row : rows.subList(1, rows.size())) {
            for (int column = 1; column < row.size(); column++) {
                String state = rows.get(0).get(column);
                if (!state.equals("ended")) {
                    cells.add(Arguments.of(byPeer, state, row.get(0), row.get(column)));
                    continue;
                }
                for (End end : End.values()) {
                    // This side leaves out ids only when a stream is cancelled before its OPEN.
                    if (byPeer || end != End.LEFT_OUT) {
                        cells.add(Arguments.of(byPeer, "ended by " + end, row.get(0), row.get(column)));
                    }
                }
            }
        }
    }

    @ParameterizedTest(name = "opened by the peer {0}, {1}: {2} is {3}")
    @MethodSource("cells")
    void everyFrameInEveryStateIsAnsweredAsTheTableSays(boolean byPeer, String state, String received, String answer) {
        Rig rig = Rig.open();
        int id = byPeer ? PEERS_ID : OWN_ID;
        TunnelStream stream = bring(rig, byPeer, state);
        rig.peer.takeReceived();
        RecordingHandler handler = rig.handlers.get(id);
        int bytesBefore = handler == null ? 0 : handler.bytes().length;
        int messagesBefore = handler == null ? 0 : handler.messages().size();
        Outcome outcomeBefore = handler == null ? null : handler.outcome();

        rig.peer.sends(frame(state.equals("opening") && received.equals("OPEN") ? "REST" : received, id));

        List<Frame> answered = rig.peer.takeReceived();
        switch (answer) {
            case "breach" -> {
                assertThat(answered)
                        .singleElement()
                        .isInstanceOfSatisfying(
                                Frame.GoAway.class,
                                goAway ->
                                        assertThat(ErrorCode.of(goAway.code())).isEqualTo(ErrorCode.PROTOCOL_ERROR));
                assertThat(rig.ended).hasSize(1);
                return;
            }
            case "stream closed" -> {
                assertThat(answered).singleElement().isInstanceOfSatisfying(Frame.Cancel.class, cancel -> {
                    assertThat(cancel.streamId()).isEqualTo(id);
                    assertThat(ErrorCode.of(cancel.code())).isEqualTo(ErrorCode.STREAM_CLOSED);
                });
                assertThat(handler.outcome().is(ErrorCode.STREAM_CLOSED)).isTrue();
            }
            case "opens" -> assertThat(rig.accepted).containsOnlyKeys(id);
            case "waits" -> assertThat(rig.accepted).isEmpty();
            case "given up" -> {
                assertThat(answered).isEmpty();
                rig.peer.sends(frame("OPEN", id), frame("OPEN", id + 2));
                assertThat(rig.accepted).containsOnlyKeys(id + 2);
            }
            case "handed on", "ends the half" -> {
                assertThat(handler.bytes().length + handler.messages().size())
                        .isGreaterThanOrEqualTo(bytesBefore + messagesBefore + (received.equals("EMPTY_END") ? 0 : 1));
                assertThat(handler.isEnded()).isEqualTo(answer.equals("ends the half"));
                assertThat(handler.outcome()).isNull();
            }
            case "ended" -> assertThat(handler.outcome()).isNotNull();
            case "credit" -> assertThat(stream.sendCreditBytes()).isEqualTo(WINDOW_BYTES + 7);
            case "no use" -> assertThat(handler.outcome()).isNull();
            case "dropped" -> {
                assertThat(answered).isEmpty();
                if (handler != null) {
                    assertThat(handler.bytes()).hasSize(bytesBefore);
                    assertThat(handler.messages()).hasSize(messagesBefore);
                    assertThat(handler.outcome()).isSameAs(outcomeBefore);
                }
            }
            default -> throw new AssertionError(answer);
        }
        assertThat(rig.ended).isEmpty();
    }

    private static TunnelStream bring(Rig rig, boolean byPeer, String state) {
        int id = byPeer ? PEERS_ID : OWN_ID;
        if (state.equals("never opened")) {
            return null;
        } else if (state.equals("opening")) {
            rig.peer.sends(frame("PIECE", id));
            return null;
        } else if (state.endsWith(End.LEFT_OUT.name())) {
            rig.peer.sends(frame("OPEN", id + 2));
            return null;
        }
        TunnelStream stream;
        if (byPeer) {
            rig.peer.sends(frame("OPEN", id));
            stream = rig.accepted.get(id);
        } else {
            stream = rig.opens();
        }
        switch (state) {
            case "open" -> {}
            case "other half ended" -> rig.peer.sends(frame("EMPTY_END", id));
            case "own half ended" -> stream.end();
            default -> end(rig, stream, End.valueOf(state.substring("ended by ".length())));
        }
        rig.loop.runUntilIdle();
        return stream;
    }

    private static void end(Rig rig, TunnelStream stream, End end) {
        switch (end) {
            case BOTH_ENDS -> {
                stream.end();
                rig.peer.sends(frame("EMPTY_END", stream.id()));
            }
            case CLOSE_RECEIVED -> rig.peer.sends(frame("CLOSE", stream.id()));
            case CLOSE_SENT -> stream.close(ErrorCode.NO_ERROR, "");
            case CANCEL_RECEIVED -> rig.peer.sends(frame("CANCEL", stream.id()));
            case CANCEL_SENT -> stream.cancel(ErrorCode.CANCELLED, "");
            case LEFT_OUT -> throw new AssertionError("was never there");
        }
    }

    private static Frame frame(String name, int id) {
        return switch (name) {
            case "OPEN" -> new Frame.Open(id, REQUEST, 0);
            case "PIECE" -> new Frame.Open(id, REQUEST.retainedSlice(0, FIRST_BYTES), Frame.FLAG_MORE);
            case "REST" -> new Frame.Open(id, REQUEST.retainedSlice(FIRST_BYTES, REQUEST.length() - FIRST_BYTES), 0);
            case "DATA" -> Rig.data(id, 3);
            case "MESSAGE" -> new Frame.Message(id, RESPONSE, 0);
            case "DATA_END" -> Rig.lastData(id, 3);
            case "MESSAGE_END" -> new Frame.Message(id, RESPONSE, Frame.FLAG_END);
            case "EMPTY_END" -> Rig.lastData(id, 0);
            case "WINDOW" -> new Frame.Window(id, 7);
            case "CLOSE" -> new Frame.Close(id, ErrorCode.UPSTREAM_RESET.value(), "");
            case "CANCEL" -> new Frame.Cancel(id, ErrorCode.CANCELLED.value(), "");
            default -> throw new AssertionError(name);
        };
    }
}
