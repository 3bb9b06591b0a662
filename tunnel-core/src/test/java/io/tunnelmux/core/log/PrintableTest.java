package io.tunnelmux.core.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrintableTest {

    @ParameterizedTest
    @ValueSource(strings = {"", "the upstream is gone", "größer als 10 €", "漢字", "🙂", "a=b; c'd [e] {f}"})
    void ordinaryTextIsLeftAloneAndNotCopied(String text) {
        assertThat(Printable.quoted(text)).isSameAs(text);
    }

    @Test
    void whatIsNoBlankNeedsNoQuotes() {
        String path = "/a/b;c=d/%20/größe/🙂";
        assertThat(Printable.bare(path)).isSameAs(path);
        assertThat(Printable.bare("/a b\u00a0c\u3000d")).isEqualTo("/a\\u{20}b\\u{a0}c\\u{3000}d");
        assertThat(Printable.quoted("/a b\u00a0c")).isEqualTo("/a b\u00a0c");
    }

    @Test
    void noTextEndsItsQuotesOrBeginsALine() {
        assertThat(Printable.quoted("a\" b=\"c\\\r\nINFO d")).isEqualTo("a\\u{22} b=\\u{22}c\\u{5c}\\u{d}\\u{a}INFO d");
        assertThat(Printable.bare("/a\"b\\c d=e")).isEqualTo("/a\\u{22}b\\u{5c}c\\u{20}d=e");
    }

    /** A character of each kind that is not printable, and both ends of the control characters. */
    @ParameterizedTest
    @CsvSource({
        "0", "9", "a", "d", "1b", "1f", "7f", "80", "85", "9b", "9f", // CONTROL
        "ad", "200b", "202e", "2066", "feff", "e0001", // FORMAT
        "2028", "2029", "e000", "10ffff", "378", "ffff"
    })
    void whatIsNotPrintableIsEscaped(String hex) {
        String text = "x" + Character.toString(Integer.parseInt(hex, 16)) + "y";
        assertThat(Printable.quoted(text)).isEqualTo("x\\u{" + hex + "}y");
        assertThat(Printable.bare(text)).isEqualTo("x\\u{" + hex + "}y");
    }

    @Test
    void halvesOfPairsAreEscaped() {
        assertThat(Printable.quoted("\ud83d")).isEqualTo("\\u{d83d}");
        assertThat(Printable.quoted("\ude42\ud83d!")).isEqualTo("\\u{de42}\\u{d83d}!");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\r\nb \"c\" d\\", "\u2028\udbff", "\\u{", "\\u{}", "\\u{1234567}", "\\u{A}", "\\\\u{a}"})
    void whatWasEscapedStaysAsItIs(String text) {
        String once = Printable.quoted(text);
        assertThat(Printable.quoted(once)).isSameAs(once);
        assertThat(once).doesNotContain("\"", "\r", "\n").isNotEqualTo(text);
        assertThat(Printable.bare(once)).isEqualTo(Printable.bare(text));
    }
}
