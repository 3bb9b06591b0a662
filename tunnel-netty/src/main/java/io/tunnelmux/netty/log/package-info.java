/** How what happens is told, to logs and to observers, without harm to what it is told of. Not for others' use. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.netty.log;
