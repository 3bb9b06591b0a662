/** The end that dials out: keeps a tunnel to the gateway up and serves its streams from the upstreams nearby. */
package io.tunnelmux.netty.agent;
