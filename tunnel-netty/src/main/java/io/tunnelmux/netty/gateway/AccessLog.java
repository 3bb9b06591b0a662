package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One line per request, at debug: who asked for what, what came of it. Never a query, which may hold secrets. */
final class AccessLog {

    private static final Logger LOG = LoggerFactory.getLogger("io.tunnelmux.access");

    private final RequestHead head;
    private final String agentId;
    private final String client;
    private final long beganNanos = System.nanoTime();
    private int status;
    private long receivedBytes;
    private long sentBytes;

    AccessLog(RequestHead head, String agentId, String client) {
        this.head = head;
        this.agentId = agentId;
        this.client = client;
    }

    void received(int bytes) {
        receivedBytes += bytes;
    }

    void sent(int bytes) {
        sentBytes += bytes;
    }

    void answered(int newStatus) {
        status = newStatus;
    }

    void ended(Channel channel, String outcome) {
        if (LOG.isDebugEnabled()) {
            LOG.debug(
                    "method={} host={} path={} status={} agent_id={} client={} connection={} bytes_in={} bytes_out={} ms={} outcome=\"{}\"",
                    head.request().method(),
                    head.authority(),
                    head.path(),
                    status,
                    agentId,
                    client,
                    channel.id().asShortText(),
                    receivedBytes,
                    sentBytes,
                    (System.nanoTime() - beganNanos) / 1_000_000,
                    outcome);
        }
    }
}
