/** Benchmarks of the codecs, the tunnel and the whole way through gateway and agent. */
package io.tunnelmux.benchmarks;
