/** Benchmarks of the codecs, the tunnel and the whole way through gateway and agent. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.benchmarks;
