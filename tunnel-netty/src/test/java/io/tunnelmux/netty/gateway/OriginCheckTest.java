package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OriginCheckTest {

    private static final Set<String> LISTED =
            Set.of("friend.example", "other.example:8443", "*.wide.example", "app://id");

    @ParameterizedTest
    @CsvSource({
        // The host that is asked, with every way to say its port.
        "http://good.com, good.com, true",
        "https://good.com, good.com, true",
        "HTTPS://GOOD.com, Good.Com, true",
        "http://good.com:80, good.com, true",
        "https://good.com:443, good.com, true",
        "http://good.com, good.com:80, true",
        "https://good.com, good.com:443, true",
        "https://good.com:8443, good.com:8443, true",
        "http://[::1]:8080, [::1]:8080, true",
        "http://[::1], [::1], true",
        // Another port is another server.
        "https://good.com:8443, good.com, false",
        "https://good.com, good.com:8443, false",
        "http://good.com:443, good.com, false",
        "https://good.com:80, good.com, false",
        "https://good.com, good.com:80, false",
        "http://[::1]:8080, [::1], false",
        // Other hosts, however alike they look.
        "https://good.com.evil, good.com, false",
        "https://evil-good.com, good.com, false",
        "https://evil.com, good.com, false",
        "https://evil.com/good.com, good.com, false",
        "https://good.com@evil.com, good.com, false",
        "https://good.com., good.com, false",
        "https://sub.good.com, good.com, false",
        "https://com, good.com, false",
        // What is no page's origin.
        "null, good.com, false",
        "null, null, false",
        "good.com, good.com, false",
        "'', good.com, false",
        "https://, good.com, false",
        "file://, good.com, false",
        "ftp://good.com, good.com, false",
        "chrome-extension://good.com, good.com, false",
        // What is listed.
        "https://friend.example, good.com, true",
        "http://friend.example:80, good.com, true",
        "https://friend.example:8443, good.com, false",
        "https://other.example:8443, good.com, true",
        "https://other.example, good.com, false",
        "https://friend.example.evil, good.com, false",
        "https://a.wide.example, good.com, true",
        "https://a.b.wide.example, good.com, true",
        "https://wide.example, good.com, false",
        "https://evilwide.example, good.com, false",
        "https://a.wide.example.evil, good.com, false",
        "app://id, good.com, true",
        "app://other, good.com, false"
    })
    void pagesThatMayOpenWebSockets(String origin, String host, boolean isAllowed) {
        assertThat(OriginCheck.allows(List.of(origin), List.of(host), LISTED)).isEqualTo(isAllowed);
    }

    @Test
    void clientsThatAreNoBrowsersMay() {
        assertThat(OriginCheck.allows(List.of(), List.of("good.com"), Set.of())).isTrue();
    }

    @Test
    void twoOriginsAreNone() {
        assertThat(OriginCheck.allows(List.of("https://good.com", "https://good.com"), List.of("good.com"), Set.of()))
                .isFalse();
    }

    @Test
    void anyMayIfTheRouteSaysSo() {
        assertThat(OriginCheck.allows(List.of("null"), List.of("good.com"), Set.of(Route.ANY)))
                .isTrue();
    }

    @Test
    void pagesWithoutAnOriginMayIfTheyAreListed() {
        assertThat(OriginCheck.allows(List.of("null"), List.of("good.com"), Set.of("null")))
                .isTrue();
    }

    @Test
    void aProxyMayHaveBeenAskedForAnotherHost() {
        assertThat(OriginCheck.allows(List.of("https://public"), List.of("inner:8080", "public"), Set.of()))
                .isTrue();
    }
}
