/** Gateway, agent and upstream in one process, to try and to read. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.quickstart;
