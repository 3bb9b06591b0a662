/**
 * Hostile input, found by Jazzer: one class for each target, because a JVM fuzzes one. In a normal build the kept inputs are played again; the profile
 * {@code fuzz} looks for new ones.
 */
package io.tunnelmux.fuzz;
