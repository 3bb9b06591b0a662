package io.tunnelmux.examples.common;

import java.util.Map;

/** A key of a configuration file that holds keys of its own, which are other names for options. Immutable; any thread. */
public interface ConfigSection {

    /** The keys that there may be, each with the name of the option whose value it says, with its dashes. */
    Map<String, String> options();

    /**
     * What they say.
     *
     * @param values by keys, those that the file has, in its order
     * @return values by the names of options; one at least for each of these keys
     * @throws IllegalArgumentException with a line for people, which begins with one of these keys and a colon
     */
    Map<String, String> toOptions(Map<String, String> values);
}
