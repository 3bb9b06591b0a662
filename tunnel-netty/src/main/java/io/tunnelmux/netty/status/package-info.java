/**
 * What operators see of a running gateway or agent: a small HTTP listener of its own. Begin with {@code StatusListener}. Not for others' use.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.netty.status;
