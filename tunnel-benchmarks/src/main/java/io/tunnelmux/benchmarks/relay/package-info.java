/**
 * Round trips and bulk through whole processes. A {@code LoadServer} is the upstream; {@code LoadRound} sends to it, straight or
 * through whatever relays stand between, and measures; {@code Comparison} takes the targets in turns, so that what else
 * happens on the machine meets all of them alike; {@code Compare} starts the processes and says what came of it.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.benchmarks.relay;
