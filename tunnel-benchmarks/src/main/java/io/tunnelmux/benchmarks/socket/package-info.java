/**
 * What gateway and agent cost over real sockets of this machine, both in one JVM with what they relay between. Start with {@code SocketBenchmark}; the guard among
 * the tests stands on the same {@code LoopbackRelay}.
 */
package io.tunnelmux.benchmarks.socket;
