/**
 * What can be seen of requests from outside, at the gateway and at the agent alike: begin with {@link ExchangeObserver}, and with
 * {@link TraceContext} for what ties together the logs of all who work on a request.
 */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.netty.observe;
