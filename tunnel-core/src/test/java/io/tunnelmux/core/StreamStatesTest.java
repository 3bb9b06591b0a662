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
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every frame in every state that a stream can be in. What is to come of it is read from the table in {@code PROTOCOL.md}, section Streams. */
class StreamStatesTest {

    private static final Path PROTOCOL =
            Path.of(System.getProperty("basedir", "."), "..", "tunnel-protocol", "PROTOCOL.md");
    private static final String PEERS_OPEN = "OPEN, of the sender's parity";
    private static final String OWN_OPEN = "OPEN, of the receiver's parity";
    private static final List<String> COLUMNS =
            List.of("received", "never opened", "opening", "open", "other half ended", "own half ended", "ended");
    /** The rows, and the frames that stand for each. */
    private static final Map<String, List<String>> FRAMES = Map.of(
            PEERS_OPEN,
            List.of("OPEN", "PIECE"),
            OWN_OPEN,
            List.of("OPEN", "PIECE"),
            "DATA",
            List.of("DATA"),
            "MESSAGE",
            List.of("MESSAGE"),
            "END, on either",
            List.of("DATA_END", "MESSAGE_END", "EMPTY_END"),
            "WINDOW",
            List.of("WINDOW"),
            "CLOSE",
            List.of("CLOSE"),
            "CANCEL",
            List.of("CANCEL"));

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

    static List<Arguments> cells() throws IOException {
        List<List<String>> table = Files.readAllLines(PROTOCOL).stream()
                .dropWhile(line -> !line.startsWith("| received |"))
                .takeWhile(line -> line.startsWith("|"))
                .map(StreamStatesTest::cellsOf)
                .toList();
        assertThat(table).first().isEqualTo(COLUMNS);
        List<List<String>> rows = table.subList(2, table.size());
        assertThat(rows).extracting(row -> row.get(0)).containsExactlyInAnyOrderElementsOf(FRAMES.keySet());
        List<Arguments> cells = new ArrayList<>();
        for (List<String> row : rows) {
            assertThat(row).hasSameSizeAs(COLUMNS);
            for (int column = 1; column < row.size(); column++) {
                for (String frame : FRAMES.get(row.get(0))) {
                    if (!row.get(0).equals(OWN_OPEN)) {
                        addCells(cells, true, COLUMNS.get(column), frame, row.get(column));
                    }
                    if (!row.get(0).equals(PEERS_OPEN)) {
                        addCells(cells, false, COLUMNS.get(column), frame, row.get(column));
                    }
                }
            }
        }
        return cells;
    }

    /** What stands in a line of the table, without the signs of footnotes. */
    private static List<String> cellsOf(String line) {
        return Arrays.stream(line.substring(1).split("\\|"))
                .map(cell -> cell.replaceAll("[¹²]", "").strip())
                .toList();
    }

    private static void addCells(List<Arguments> cells, boolean byPeer, String state, String frame, String answer) {
        if (!state.equals("ended")) {
            // The pieces of its own OPEN no side receives.
            if (byPeer || !state.equals("opening")) {
                cells.add(Arguments.of(byPeer, state, frame, answer));
            }
            return;
        }
        for (End end : End.values()) {
            // This side leaves out ids only when a stream is cancelled before its OPEN.
            if (byPeer || end != End.LEFT_OUT) {
                cells.add(Arguments.of(byPeer, "ended by " + end, frame, answer));
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
        boolean hadId = rig.tunnel().streams().wasOpened(id);

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
            case "CANCEL `STREAM_CLOSED`" -> {
                assertThat(answered).singleElement().isInstanceOfSatisfying(Frame.Cancel.class, cancel -> {
                    assertThat(cancel.streamId()).isEqualTo(id);
                    assertThat(ErrorCode.of(cancel.code())).isEqualTo(ErrorCode.STREAM_CLOSED);
                });
                assertThat(handler.outcome().is(ErrorCode.STREAM_CLOSED)).isTrue();
            }
            case "takes the id", "next piece" -> {
                assertThat(hadId).isEqualTo(answer.equals("next piece"));
                if (received.equals("OPEN")) {
                    assertThat(rig.accepted).containsOnlyKeys(id);
                } else {
                    assertThat(rig.accepted).isEmpty();
                }
            }
            case "handed on", "other half ends" -> {
                assertThat(handler.bytes().length + handler.messages().size())
                        .isGreaterThanOrEqualTo(bytesBefore + messagesBefore + (received.equals("EMPTY_END") ? 0 : 1));
                assertThat(handler.isEnded()).isEqualTo(answer.equals("other half ends"));
                assertThat(handler.outcome()).isNull();
            }
            case "ended", "ended at once", "ended, behind what came before" -> {
                if (state.equals("opening")) {
                    assertThat(answered).isEmpty();
                    rig.peer.sends(frame("OPEN", id), frame("OPEN", id + 2));
                    assertThat(rig.accepted).containsOnlyKeys(id + 2);
                } else {
                    assertThat(handler.outcome()).isNotNull();
                }
            }
            case "credit", "of no use" -> {
                assertThat(stream.sending.creditBytes()).isEqualTo(WINDOW_BYTES + 7);
                assertThat(stream.state().canSend()).isEqualTo(answer.equals("credit"));
                assertThat(handler.outcome()).isNull();
            }
            case "dropped" -> {
                assertThat(answered).isEmpty();
                assertThat(state).isNotEqualTo("opening");
                assertThat(rig.tunnel().streams().get(id)).isNull();
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
