package io.tunnelmux.netty.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TraceContextTest {

    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String PARENT = "b7ad6b7169203331";
    private static final String VALID = "00-" + TRACE + "-" + PARENT + "-01";

    @Test
    void readsAndWritesTheField() {
        TraceContext context = TraceContext.parse(VALID);

        assertThat(context).isEqualTo(new TraceContext(TRACE, PARENT, true));
        assertThat(context).hasToString(VALID);
        assertThat(TraceContext.of(List.of(VALID))).isEqualTo(context);
    }

    @ParameterizedTest
    @CsvSource({"00-, -00, false", "00-, -03, true", "00-, -02, false", "01-, -01, true", "cc-, -01-what-will-be, true"
    })
    void readsWhatIsKnownOfOtherFlagsAndVersionsAndWritesItsOwn(String before, String behind, boolean isSampled) {
        TraceContext context = TraceContext.parse(before + TRACE + "-" + PARENT + behind);

        assertThat(context).hasToString("00-" + TRACE + "-" + PARENT + (isSampled ? "-01" : "-00"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "00",
                "ff-" + TRACE + "-" + PARENT + "-01",
                "0g-" + TRACE + "-" + PARENT + "-01",
                "00-" + TRACE + "-" + PARENT + "-0",
                "00-" + TRACE + "-" + PARENT + "-01-",
                "00-" + TRACE + "-" + PARENT + "-01 ",
                " 00-" + TRACE + "-" + PARENT + "-01",
                "01-" + TRACE + "-" + PARENT + "-01x",
                "00-0AF7651916CD43DD8448EB211C80319C-" + PARENT + "-01",
                "00-00000000000000000000000000000000-" + PARENT + "-01",
                "00-" + TRACE + "-0000000000000000-01",
                "00-" + TRACE + "_" + PARENT + "-01",
                "00-" + TRACE + "-" + PARENT + "x01",
                "00-0af7651916cd43dd8448eb211c80319-" + PARENT + "-01x",
                "00-" + TRACE + "-b7ad6b716920333\u0661-01"
            })
    void takesNothingElse(String field) {
        assertThat(TraceContext.parse(field)).isNull();
    }

    @Test
    void severalFieldsAreAsGoodAsNone() {
        assertThat(TraceContext.of(List.of())).isNull();
        assertThat(TraceContext.of(List.of(VALID, VALID))).isNull();
        assertThat(TraceContext.parse(null)).isNull();
    }

    @Test
    void beginsTracesOfTheirOwn() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 1_000; i++) {
            TraceContext begun = TraceContext.begin(true);
            assertThat(TraceContext.parse(begun.toString())).isEqualTo(begun);
            ids.add(begun.traceId());
            ids.add(begun.parentId());
        }

        assertThat(ids).hasSize(2_000);
    }

    @Test
    void hasNoOtherIds() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TraceContext("1", PARENT, true));
        assertThatIllegalArgumentException().isThrownBy(() -> new TraceContext(TRACE, "0000000000000000", true));
    }
}
