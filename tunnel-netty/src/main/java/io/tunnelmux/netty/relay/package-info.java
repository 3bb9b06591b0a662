/** A tunnel stream joined to a channel, pressure handed on both ways, and what HTTP must leave behind at each hop. */
package io.tunnelmux.netty.relay;
