package io.tunnelmux.examples.common;

import java.util.Map;
import java.util.Set;

/** A key of a configuration file that holds keys of its own, which are other names for options. Immutable; any thread. */
public interface ConfigSection {

    /** The keys that there may be. */
    Set<String> keys();

    /**
     * What they say.
     *
     * @param values those of {@link #keys} that the file has, in its order
     * @return values by the names of options, with their dashes
     * @throws IllegalArgumentException with a line for people
     */
    Map<String, String> toOptions(Map<String, String> values);
}
