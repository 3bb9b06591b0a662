/** An agent as a program: options in, a running agent out. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.agent;
