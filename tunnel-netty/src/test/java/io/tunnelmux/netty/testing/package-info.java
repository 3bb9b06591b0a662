/** What the tests of this module share. */
package io.tunnelmux.netty.testing;
