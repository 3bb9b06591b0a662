/**
 * Whole tunnels in virtual time, with everything that chance can do to them, and what must hold of them nevertheless. Begin with {@code Simulation}; a
 * {@code Scenario} says what happens, {@code World} when, {@code WireModel} and {@code SimStream} judge.
 */
package io.tunnelmux.core.simulation;
