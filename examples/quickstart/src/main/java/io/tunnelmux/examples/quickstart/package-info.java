/** Gateway, agent and upstream in one process, to try and to read. */
package io.tunnelmux.examples.quickstart;
