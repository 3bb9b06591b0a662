/**
 * Makes {@code docs/benchmarks.md} and its charts of what was measured, and says which claims hold and which goals are met: by code, from the figures. Measures nothing.
 * Read {@link ClaimsReport}, then {@code Line} (what one row asks for), then {@code Claims} and {@code Goals}.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.benchmarks.report;
