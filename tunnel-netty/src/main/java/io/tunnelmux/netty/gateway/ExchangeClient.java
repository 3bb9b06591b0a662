package io.tunnelmux.netty.gateway;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaders;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.netty.relay.ReadGate;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.transport.NettyAcceptor;
import io.tunnelmux.netty.transport.NettyLoop;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * A client with one request under way, whichever HTTP it speaks: what {@link RequestDispatcher} and {@link Exchange} need of it. The client in turn tells its
 * exchange what comes of the request's body, and that it has gone or waited too long. On {@link #loop}, which calls come on and are made on.
 */
interface ExchangeClient {

    /** In place of a number of bytes: nobody has said. */
    long UNKNOWN_LENGTH = -1;

    /** What the body of the response is written to as buffers: of a connection with many requests, this one's part. */
    Channel channel();

    /** Where {@link #channel} is. Another one after {@link #join}. */
    NettyLoop loop();

    /** Of {@link #channel}. */
    ReadGate gate();

    /** {@code http} or {@code https}. */
    String scheme();

    /** The request is not for an agent but opens a tunnel. Nothing more is heard of it here. */
    void handOver(NettyAcceptor acceptor);

    /** The request has a route: what the client has to tell goes to {@code exchange} from here on. Until {@link #join} it brings none of its body. */
    void begin(Exchange exchange);

    /**
     * Runs {@code then} on {@link #loop} once streams of {@code tunnel} can be joined to {@link #channel}, at once if they can; never, if the client goes
     * before that. From then on the request's body comes.
     */
    void join(Tunnel tunnel, Runnable then);

    /** Of a request for an upgrade: what came behind it so far, as far as a message shall hold it. Taken. The rest comes once the protocol is switched. */
    Payload takeEarlyBytes();

    /** Begins to wait for the head of the response, which ends with {@link #respond}, {@link #answer} or {@link #switchProtocols}. */
    void awaitResponse(Duration timeout);

    /** Writes a response that is followed by another one, if this client is of those who understand that and read. Takes {@code headers}. */
    void inform(int status, HttpHeaders headers);

    /**
     * Writes the head of the final response. Its body follows as buffers written to {@link #channel}, then {@link #end}.
     *
     * @param headers taken; without any field of one connection only
     * @param bodyBytes what follows; {@link #UNKNOWN_LENGTH} if that shows at its end only. A {@code Content-Length} may speak of more, which HEAD and some
     *     statuses leave out
     * @param isEnd whether nothing follows, not even {@link #end}
     */
    void respond(int status, HttpHeaders headers, long bodyBytes, boolean isEnd);

    /** Whether this client would take a final response of this status for a switch of protocols. */
    boolean takesForSwitch(int status);

    /** Whether trailers behind the response that was begun would reach this client. */
    boolean carriesTrailers();

    /** The response is complete. Takes {@code trailers}. */
    void end(HttpHeaders trailers);

    /** Answers the request in an agent's place. */
    void answer(ProxyError told);

    /**
     * Says that the protocol is switched, and has {@link #channel} joined to a stream: after this there is nothing but bytes.
     *
     * @param headers of the 101; taken
     * @param join called once, when nothing of this client's own stands in the channel's way any more; what it returns gets what came early
     */
    Relay switchProtocols(HttpHeaders headers, Supplier<Relay> join);

    /** Nobody wants the rest of the request's body any more. */
    void onBodyUnwanted();

    /** Goes no further with a request that was answered: the client gets all that was written. */
    void closeGently();

    /** Breaks off: the client must not take for complete what it has. */
    void abort();
}
