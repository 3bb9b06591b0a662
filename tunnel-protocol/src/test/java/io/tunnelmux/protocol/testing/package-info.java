/**
 * The test kit of the protocol, in this module's test-jar together with the {@code vectors}. Start with
 * {@link io.tunnelmux.protocol.testing.PayloadTracker}, or {@link io.tunnelmux.protocol.testing.Vectors} to test another implementation.
 *
 * <ul>
 *   <li>Leaks: {@code PayloadTracker} issues payloads and counts those that are not released.
 *   <li>Test vectors as values: {@code Vectors} reads {@code FrameVector}s and {@code TunnelVector}s (made of {@code TunnelStep}s and
 *       {@code ExpectedFrame}s), {@code MessageVectors} reads {@code MessageVector}s; {@code VectorFiles} gives the plain JSON. A {@code Breach} is what
 *       a vector expects of bytes that break the protocol.
 *   <li>What a decoder delivers: {@code CollectedFrames}.
 *   <li>Properties: {@code RandomMessages} makes valid messages by chance.
 *   <li>Garbage: {@code AllocatedBytes} counts what a piece of code allocates.
 * </ul>
 */
package io.tunnelmux.protocol.testing;
