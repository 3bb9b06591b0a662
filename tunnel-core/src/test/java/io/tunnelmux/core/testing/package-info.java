/** Virtual time, a scripted peer and the contracts every transport must pass. For tests, in this module and in others. */
package io.tunnelmux.core.testing;
