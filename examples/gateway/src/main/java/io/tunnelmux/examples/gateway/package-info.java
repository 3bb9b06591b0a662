/** A gateway as a program: options in, a running gateway out. */
package io.tunnelmux.examples.gateway;
