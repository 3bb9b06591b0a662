/** What the core costs by itself: the scheduler, streams, and memory, without sockets. */
package io.tunnelmux.benchmarks.core;
