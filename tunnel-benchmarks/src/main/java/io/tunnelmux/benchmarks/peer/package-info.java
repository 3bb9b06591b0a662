/**
 * What else could carry many TCP connections over one: pairs of relays that do with RSocket, with gRPC, and with parsed messages what a
 * gateway and its agent do for TCP forwards. They are here to be measured beside those and for nothing else: no authentication, no TLS, no
 * second attempt. Each runs on one event loop, keeps a bounded number of bytes for each stream, and drops none. Read {@code PeerRelay}, then
 * {@code PeerSocket}, then one of {@code EnvelopeTunnel}, {@code RSocketStream} and {@code GrpcStream}.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.benchmarks.peer;
