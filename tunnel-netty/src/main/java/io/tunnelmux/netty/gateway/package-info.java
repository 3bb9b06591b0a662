/** The end that clients reach: takes requests in, picks an agent, and sends them through its tunnel. */
package io.tunnelmux.netty.gateway;
