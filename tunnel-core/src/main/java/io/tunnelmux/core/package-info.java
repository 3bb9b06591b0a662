/** One multiplexed tunnel: many streams over one transport, sharing its bandwidth by credit and priority. */
package io.tunnelmux.core;
