/** What it costs to put bytes on the wire and to take them off again, without any wire. */
package io.tunnelmux.benchmarks.codec;
