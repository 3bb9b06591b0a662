/** What the gateway and the agent have in common as programs. Read {@link Program}, then {@link WindowOptions}. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.common;
