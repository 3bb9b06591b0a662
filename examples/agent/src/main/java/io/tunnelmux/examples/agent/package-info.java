/** An agent as a program: options in, a running agent out. */
package io.tunnelmux.examples.agent;
