package io.tunnelmux.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.tunnelmux.protocol.Message.Application;
import io.tunnelmux.protocol.Message.Destination;
import io.tunnelmux.protocol.Message.EnvelopeRequest;
import io.tunnelmux.protocol.Message.EnvelopeRequest.BodyForm;
import io.tunnelmux.protocol.Message.Heartbeat;
import io.tunnelmux.protocol.Message.HttpHead;
import io.tunnelmux.protocol.Message.ProxyCancel;
import io.tunnelmux.protocol.Message.ProxyChunk;
import io.tunnelmux.protocol.Message.ProxyError;
import io.tunnelmux.protocol.Message.ProxyRequest;
import io.tunnelmux.protocol.Message.ProxyResponse;
import io.tunnelmux.protocol.Message.ProxyWebSocketClose;
import io.tunnelmux.protocol.Message.ProxyWebSocketPing;
import io.tunnelmux.protocol.Message.ProxyWebSocketStart;
import io.tunnelmux.protocol.Message.Register;
import io.tunnelmux.protocol.Message.TcpTunnelStart;
import io.tunnelmux.protocol.Message.Upgrade;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MessageTest {

    private static final HttpHead HEAD = new HttpHead("GET", "/", null, null, null, Headers.EMPTY);

    @Test
    void cutsTextsForPeopleAtACharacter() {
        String reason = "x".repeat(1_023) + "ä";

        assertThat(new ProxyCancel("r", 7, reason).reason()).isEqualTo("x".repeat(1_023));
        assertThat(new ProxyCancel("r", 7, "x".repeat(1_022) + "ä").reason()).hasSize(1_023);
        assertThat(new ProxyWebSocketClose(1_000, "😀".repeat(40)).reason()).isEqualTo("😀".repeat(30));
        assertThat(error("m".repeat(9_000)).message()).hasSize(8_192);
        assertThat(error("half \ud83d pair").message()).isEqualTo("half ? pair");
    }

    @Test
    void takesEmptyOptionalTextsForAbsentOnes() {
        Destination destination = new Destination("", "", "", 0);

        assertThat(destination).isEqualTo(Destination.ANY);
        assertThat(new ProxyRequest("r", HEAD, Upgrade.NONE, destination, 0, "", "").clientAddr())
                .isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 99, 1_000, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void refusesStatusesThatAreNotOfThreeDigits(int status) {
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyResponse("r", status, Headers.EMPTY));
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 65_536, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void refusesPortsOutOfRange(int port) {
        assertThatIllegalArgumentException().isThrownBy(() -> new Destination(null, null, null, port));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TcpTunnelStart("r", Destination.ANY, "db", port, null, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "a\rb", "a\u0000b", "a\u007fb", "a\ud800b"})
    void refusesControlCharactersInTextsForPrograms(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyCancel(text, 7, ""));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new HttpHead("GET", text, null, null, null, Headers.EMPTY));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new HttpHead("GET", "/", text, null, null, Headers.EMPTY));
        assertThatIllegalArgumentException().isThrownBy(() -> new Destination(text, null, null, 0));
    }

    @Test
    void refusesTextsForProgramsThatAreOneCharTooLong() {
        assertThat(new ProxyCancel("r".repeat(256), 7, "").requestId()).hasSize(256);
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyCancel("r".repeat(257), 7, ""));
        assertThat(new HttpHead("GET", "/".repeat(65_536), null, null, null, Headers.EMPTY).path())
                .hasSize(65_536);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new HttpHead("GET", "/".repeat(65_537), null, null, null, Headers.EMPTY));
        assertThat(new ProxyWebSocketPing(bytes(125)).data().length()).isEqualTo(125);
        assertThatIllegalArgumentException().isThrownBy(() -> new ProxyWebSocketPing(bytes(126)));
    }

    @ParameterizedTest
    @EnumSource
    void endsAStreamOnlyWhereItsKindCanSaySo(ProxyChunk.Kind kind) {
        boolean canEndEmpty =
                kind == ProxyChunk.Kind.STREAM || kind == ProxyChunk.Kind.REQUEST || kind == ProxyChunk.Kind.RESPONSE;

        assertThat(new ProxyChunk("r", bytes(1), false, kind).end()).isFalse();
        if (canEndEmpty) {
            assertThat(new ProxyChunk("r", Payload.EMPTY, true, kind).end()).isTrue();
        } else {
            assertThatIllegalArgumentException().isThrownBy(() -> new ProxyChunk("r", Payload.EMPTY, true, kind));
        }
        if (kind != ProxyChunk.Kind.STREAM) {
            assertThatIllegalArgumentException().isThrownBy(() -> new ProxyChunk("r", bytes(1), true, kind));
        }
    }

    @Test
    void hasABodyInAtMostOnePlace() {
        ProxyRequest request = new ProxyRequest("r", HEAD, Upgrade.NONE, Destination.ANY, 0, null, null);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new EnvelopeRequest(request, bytes(1), BodyForm.CHUNKS, false));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new EnvelopeRequest(request, bytes(1), BodyForm.NEXT_MESSAGE, false));
    }

    @ParameterizedTest
    @ValueSource(strings = {"proxy_request", "heartbeat", "proxy_chunk", "proxy_cancel", "health_probe"})
    void refusesKnownTypesAsTheApplications(String type) {
        assertThat(Message.isKnown(type)).isTrue();
        assertThatIllegalArgumentException().isThrownBy(() -> new Application(type, null));
    }

    @Test
    void copiesFreeFieldsDeeplyAndMakesThemPlain() {
        List<Object> list = new ArrayList<>(Arrays.asList(1, (short) 2, null, 1.5f, new byte[] {0, -1}));
        Map<String, Object> nested = new HashMap<>(Map.of("list", list));
        nested.put("nothing", null);

        Register register = new Register(null, null, Map.of("nested", nested));
        list.clear();
        nested.clear();

        assertThat(register.payload())
                .isEqualTo(Map.of("nested", Map.of("list", Arrays.asList(1L, 2L, null, 1.5, "AP8="))));
    }

    @Test
    void refusesFreeFieldsThatNoFormatCanSay() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", Double.NaN));
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", Float.POSITIVE_INFINITY));
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", new Object()));
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", Map.of(1, 2)));
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", Map.of("k".repeat(257), 2)));
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", "half \udc00 pair"));
        List<Object> endless = new ArrayList<>();
        endless.add(endless);
        assertThatIllegalArgumentException().isThrownBy(() -> new Application("event", endless));
    }

    @Test
    void showsNoCredentials() {
        Headers headers = Headers.builder().add("Cookie", "s3cret").build();
        HttpHead head = new HttpHead("GET", "/p", "token=s3cret", "https", "h", headers);

        assertThat(new ProxyRequest("r", head, Upgrade.NONE, Destination.ANY, 0, null, null).toString())
                .contains("/p?***")
                .doesNotContain("s3cret");
        assertThat(new ProxyWebSocketStart("r", "/p", null, "t=s3cret", null, headers, null).toString())
                .doesNotContain("s3cret");
        assertThat(new Heartbeat("r", null, Map.of("password", "s3cret")).toString())
                .contains("password")
                .doesNotContain("s3cret");
        assertThat(new Application("event", Map.of("k", Map.of("token", "s3cret"))).toString())
                .doesNotContain("s3cret");
        assertThat(new Application("event", "s3cret").toString()).doesNotContain("s3cret");
    }

    private static ProxyError error(String message) {
        return new ProxyError("r", "timeout", message, 0, null, null, null, false);
    }

    private static Payload bytes(int count) {
        return Payload.of("b".repeat(count).getBytes(StandardCharsets.US_ASCII));
    }
}
