/**
 * A client, a gateway, an agent and an upstream in a row: the two in the middle are real, the two at the ends are sockets in the hands of a
 * test, which say and hear every byte. Begin with {@code Chain}.
 *
 * <p>What each test here is worth is shown by {@code src/test/planted-faults/run}, which switches off the rules one by one.
 */
package io.tunnelmux.netty.endtoend;
