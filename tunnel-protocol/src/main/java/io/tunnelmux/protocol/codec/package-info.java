/** How frames and messages become bytes and come back. The only place that knows Jackson, and its API does not show it. */
package io.tunnelmux.protocol.codec;
