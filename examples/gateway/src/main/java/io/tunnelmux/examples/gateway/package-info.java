/** A gateway as a program: options in, a running gateway out. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.gateway;
