/** A gateway that is part of an application with a server of its own. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.examples.embedding;
