/**
 * The test kit of tunnels, in this module's test-jar. Start with {@link io.tunnelmux.core.testing.TunnelPair} and
 * {@link io.tunnelmux.core.testing.VirtualLoop}.
 *
 * <ul>
 *   <li>Loops: {@code VirtualLoop} (the test's thread, in virtual time), {@code ThreadLoop} (a thread, in real time).
 *   <li>A whole tunnel: {@code TunnelPair}, both ends of it within the JVM.
 *   <li>Handlers that remember: {@code RecordingTunnelHandler}, {@code RecordingHandler} for one stream (which may stop reading).
 *   <li>One end of a tunnel alone: {@code ScriptedPeer} is the other end, frame by frame; {@code PeerBytes} sends bytes of any kind.
 *   <li>Lines between two ends: {@code BytePipe} (encoded bytes, cut, delayed and lost as told), {@code DelayRelay} (TCP, made long).
 *   <li>A transport of one's own: {@code TransportContract} is what it has to pass (a class of JUnit tests that uses AssertJ),
 *       {@code TransportRecorder} what watches it.
 * </ul>
 *
 * Whether any payload leaks is for {@code PayloadTracker} of {@code io.tunnelmux.protocol.testing} to find, in the test-jar of the protocol.
 */
package io.tunnelmux.core.testing;
