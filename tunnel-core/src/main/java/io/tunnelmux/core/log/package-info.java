/** How texts of others stand in logs. Not for others' use. */
@org.jspecify.annotations.NullMarked
package io.tunnelmux.core.log;
