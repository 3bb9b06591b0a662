/** What all who listen for HTTP here share: a strict reading of requests, and JSON for answers of our own. Not for others' use. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.netty.http;
