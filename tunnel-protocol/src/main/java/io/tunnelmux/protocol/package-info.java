/** What two ends of a tunnel say to each other: frames, the messages inside them, and the errors both know. */
package io.tunnelmux.protocol;
