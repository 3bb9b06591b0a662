/**
 * Round trips through whole processes. An {@code EchoServer} is the upstream; {@code LoadRound} sends to it, straight or
 * through whatever relays stand between, and measures; {@code Comparison} takes the targets in turns, so that what else
 * happens on the machine meets all of them alike; {@code Report} says what came of it. The script
 * {@code compare-haproxy} starts the processes.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.benchmarks.relay;
