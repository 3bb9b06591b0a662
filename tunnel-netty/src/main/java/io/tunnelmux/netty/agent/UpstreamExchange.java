package io.tunnelmux.netty.agent;

import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http2.Http2Exception;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.TraceContext;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Headers;
import io.tunnelmux.protocol.Message;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * One request of the gateway, answered by an upstream: what plain requests and upgrades have in common, which is all about the answer. Its
 * body goes on as it comes, in the buffers that the socket filled; while the stream is full the socket is not read.
 *
 * <p>An exchange is over once: when the answer was handed on whole, when it failed and the gateway was told, or when the stream closed
 * under it. On the loop.
 */
abstract class UpstreamExchange implements StreamHandler, UpstreamConnection.User, UpstreamConnections.Listener {

    /** Of one request; more are a fault, for they cost the gateway memory that no credit bounds. */
    private static final int MAX_INTERIM_RESPONSES = 16;

    /** Of these an upstream wants to hear that there is no body. */
    private static final Set<String> MAY_HAVE_BODY = Set.of("POST", "PUT", "PATCH");

    final LoopUpstreams shared;
    final Upstream upstream;
    final TunnelStream stream;
    final Message.ProxyRequest request;

    private @Nullable RequestLog log;
    private UpstreamConnections.@Nullable Ticket ticket;
    private @Nullable UpstreamConnection connection;
    private @Nullable StreamPressure pressure;
    private TunnelLoop.@Nullable Timer deadline;
    private @Nullable HttpResponse response;
    private int interimResponses;
    private boolean isAnswerTaken;
    private boolean hasBegunAgain;
    private boolean isOver;

    UpstreamExchange(LoopUpstreams shared, Upstream upstream, TunnelStream stream, Message.ProxyRequest request) {
        this.shared = shared;
        this.upstream = upstream;
        this.stream = stream;
        this.request = request;
    }

    /** Sends the request as soon as there is a connection. Once, first. */
    final void begin() {
        RequestLog begun = RequestLog.begin(shared, request, upstream);
        log = begun;
        TraceContext trace = begun.toTell();
        if (trace != null) {
            toSend().headers().set(TraceContext.FIELD, trace.toString());
        }
        start();
    }

    /** What the stream tells. */
    StreamHandler handler() {
        return this;
    }

    /** What is told of this exchange. */
    final RequestLog log() {
        return Objects.requireNonNull(log);
    }

    /** The request as the upstream gets it. */
    abstract HttpRequest toSend();

    abstract void start();

    /**
     * The connection stands; what the request has to say first is to be written.
     *
     * @param pressure between the stream and the connection
     */
    abstract void onReady(UpstreamConnection connection, StreamPressure pressure);

    /** The upstream changed protocols. What comes on the connection from now on is no HTTP. */
    abstract void onSwitched(UpstreamConnection connection, HttpResponse switched);

    /** Frees what the exchange still holds of the request. Once, last. */
    abstract void onOver();

    /** Whether something of the request's body was written. */
    abstract boolean isBodyBegun();

    /** Whether the request was written to its end. */
    abstract boolean isRequestSent();

    /** Whether the connection may carry another request after this one. */
    abstract boolean isReusable();

    final boolean isOver() {
        return isOver;
    }

    final @Nullable UpstreamConnection connection() {
        return connection;
    }

    final @Nullable StreamPressure pressure() {
        return pressure;
    }

    /** Begins the time in which there must be a final response. */
    final void startDeadline() {
        long millis = request.timeoutMillis();
        if (millis > 0) {
            deadline = shared.loop().schedule(this::onDeadline, TimeUnit.MILLISECONDS.toNanos(millis));
        }
    }

    /** @param isForUpgrade see {@link UpstreamConnections#connect} */
    final void connect(boolean isForUpgrade) {
        ticket = shared.connections().connect(upstream, isForUpgrade, this);
    }

    final void use(UpstreamConnection ready) {
        ticket = null;
        StreamPressure newPressure = new StreamPressure(stream, ready.channel(), shared.loop(), ready.gate());
        connection = ready;
        pressure = newPressure;
        ready.use(this, request.head().method().equals(HttpMethod.HEAD.name()));
        if (ready.channel().isActive()) {
            onReady(ready, newPressure);
        } else {
            onBroken(null);
        }
    }

    @Override
    public final void onConnected(UpstreamConnection connected) {
        use(connected);
    }

    @Override
    public final void onUnreachable(IOException cause) {
        ticket = null;
        fail(ErrorCode.UPSTREAM_UNREACHABLE, "the upstream cannot be reached", cause);
    }

    private void onDeadline() {
        deadline = null;
        String what = connection == null ? "no connection to the upstream" : "no answer from the upstream";
        fail(ErrorCode.TIMEOUT, what + " within " + request.timeoutMillis() + " ms", null);
    }

    @Override
    public final void onResponse(HttpResponse head) {
        UpstreamConnection current = connection;
        if (isOver || current == null) {
            return;
        }
        Throwable fault = head.decoderResult().cause();
        if (fault instanceof PrematureChannelClosureException) {
            fail(ErrorCode.UPSTREAM_RESET, "the upstream broke off the head of its answer", null);
        } else if (fault != null) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", fault);
        } else if (response != null) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream answered twice", null);
        } else if (head.headers().size() > ResponseDecoder.MAX_HEADERS) {
            String what = "the upstream's answer has " + head.headers().size() + " headers";
            fail(ErrorCode.UPSTREAM_INVALID, what, null);
        } else if (head.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
            onSwitched(current, head);
        } else if (head.status().code() >= HttpResponseStatus.OK.code() && takesAnswer(head)) {
            isAnswerTaken = true;
        } else {
            sendHead(head);
        }
    }

    /**
     * A final answer has begun. Where true is returned it does not go to the gateway, and its content to {@link #onTakenContent}; the exchange then ends by
     * {@link #fail}.
     */
    boolean takesAnswer(HttpResponse head) {
        return false;
    }

    /** More of an answer that was taken. Takes {@code content}. */
    void onTakenContent(HttpContent content) {
        content.release();
    }

    private void sendHead(HttpResponse head) {
        int status = head.status().code();
        Message.ProxyResponse message;
        try {
            message = HttpMapping.toMessage(request.requestId(), head, false);
        } catch (MalformedHttpException e) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", e);
            return;
        }
        if (status < HttpResponseStatus.OK.code()) {
            if (++interimResponses > MAX_INTERIM_RESPONSES) {
                fail(ErrorCode.UPSTREAM_INVALID, "more than " + MAX_INTERIM_RESPONSES + " interim answers", null);
            } else {
                stream.send(message, false);
            }
            return;
        }
        response = head;
        stopDeadline();
        log().answered(status);
        stream.send(message, hasNoBody(status, head.headers()));
    }

    private boolean hasNoBody(int status, HttpHeaders headers) {
        return status == HttpResponseStatus.NO_CONTENT.code()
                || status == HttpResponseStatus.NOT_MODIFIED.code()
                || request.head().method().equals(HttpMethod.HEAD.name())
                || "0".equals(headers.get(HttpHeaderNames.CONTENT_LENGTH));
    }

    @Override
    public final void onContent(HttpContent content) {
        if (isAnswerTaken && !isOver) {
            onTakenContent(content);
            return;
        }
        UpstreamConnection current = connection;
        HttpResponse head = response;
        StreamPressure toStream = pressure;
        if (isOver || current == null || head == null || toStream == null) {
            // The end that the decoder puts behind an interim answer, or what follows a fault.
            content.release();
        } else if (content.decoderResult().isFailure()) {
            content.release();
            Throwable fault = content.decoderResult().cause();
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", fault);
        } else if (content instanceof LastHttpContent last) {
            onLastContent(current, head, last);
        } else {
            log().sent(content.content().readableBytes());
            toStream.toStream(content.content());
        }
    }

    private void onLastContent(UpstreamConnection current, HttpResponse head, LastHttpContent last) {
        if (endsWithConnection(head) && !current.isEndProven()) {
            last.release();
            fail(ErrorCode.UPSTREAM_RESET, "the upstream's connection broke where its answer may have gone on", null);
            return;
        }
        log().sent(last.content().readableBytes());
        if (hasNoBody(head.status().code(), head.headers())) {
            last.release(); // END went with the head
        } else if (last.trailingHeaders().isEmpty()) {
            stream.writeLast(NettyPayload.of(last.content()));
        } else {
            stream.write(NettyPayload.of(last.content()));
            try {
                Headers trailers = HttpMapping.toCarried(HttpMapping.toTrailers(last.trailingHeaders()), false)
                        .build();
                stream.send(new Message.ProxyTrailers(trailers), true);
            } catch (MalformedHttpException e) {
                fail(ErrorCode.UPSTREAM_INVALID, "the upstream's trailers are invalid", e);
                return;
            }
        }
        complete(current, head);
    }

    private boolean endsWithConnection(HttpResponse head) {
        return !hasNoBody(head.status().code(), head.headers())
                && !head.headers().contains(HttpHeaderNames.CONTENT_LENGTH)
                && !HttpUtil.isTransferEncodingChunked(head);
    }

    private void complete(UpstreamConnection current, HttpResponse head) {
        boolean isKept = current.finish() && isRequestSent() && isReusable() && HttpUtil.isKeepAlive(head);
        if (isKept) {
            shared.connections().put(current, head.headers());
        } else {
            current.close();
        }
        boolean isRequestSent = isRequestSent();
        over();
        log().ended(ExchangeEnd.COMPLETE);
        if (!isRequestSent) {
            stream.close(ErrorCode.NO_ERROR, "answered before the request was complete");
        }
    }

    @Override
    public final void onUpstreamWritable() {
        if (pressure != null) {
            pressure.onChannelWritabilityChanged();
        }
    }

    @Override
    public final void onBroken(@Nullable Throwable cause) {
        if (isOver) {
            return;
        }
        UpstreamConnection broken = connection;
        if (cause instanceof StreamRefusedException && response == null && beginsAgain()) {
            return;
        }
        if (cause instanceof Http2Exception) {
            fail(ErrorCode.UPSTREAM_INVALID, "the upstream's answer is invalid", cause);
        } else if (response != null) {
            fail(ErrorCode.UPSTREAM_RESET, "the upstream broke off its answer", cause);
        } else if (broken != null && broken.wasUsed()) {
            fail(ErrorCode.UPSTREAM_RESET, "the upstream closed a kept connection without an answer", cause);
        } else {
            fail(ErrorCode.UPSTREAM_RESET, "the upstream closed the connection without an answer", cause);
        }
    }

    /** The upstream has seen to nothing of a request that it refused so; once it gets another chance, if all of it is still here. */
    private boolean beginsAgain() {
        if (hasBegunAgain || isBodyBegun()) {
            return false;
        }
        hasBegunAgain = true;
        connection = null;
        pressure = null;
        connect(false);
        return true;
    }

    @Override
    public void onWritable(TunnelStream writable) {
        if (pressure != null) {
            pressure.onStreamWritable();
        }
    }

    @Override
    public void onClosed(TunnelStream closed, Outcome outcome) {
        drop();
        log().ended(outcome);
    }

    /** Ends the exchange because of the upstream: with a report or, if an answer has begun, with a break in it that shows. */
    final void fail(ErrorCode code, String message, @Nullable Throwable cause) {
        String why = cause == null ? null : describe(cause);
        String told = cause == null ? null : told(cause);
        fail(code, statusOf(code), message, told, why, cause instanceof StreamRefusedException);
    }

    /**
     * As the other.
     *
     * @param status HTTP status to show, if no answer has begun
     * @param cause for people
     */
    final void fail(ErrorCode code, int status, String message, @Nullable String cause) {
        fail(code, status, message, cause, cause, false);
    }

    /**
     * @param told the cause as clients may hear it
     * @param logged the cause as it is
     * @param isRefused whether the upstream says that it has not looked at the request
     */
    private void fail(
            ErrorCode code,
            int status,
            String message,
            @Nullable String told,
            @Nullable String logged,
            boolean isRefused) {
        if (isOver) {
            return;
        }
        UpstreamConnection failed = connection;
        over();
        if (failed != null) {
            failed.close();
        }
        Message.HttpHead head = request.head();
        shared.failures()
                .add(
                        code,
                        upstream,
                        head.method(),
                        head.path(),
                        logged == null ? message : message + ": " + logged,
                        log().traceId());
        if (response == null) {
            boolean isUntouched = failed == null || isRefused;
            log().answered(status);
            stream.send(error(shared.agentId(), request, code, status, message, told, isUntouched), false);
        }
        log().ended(code.wireName());
        stream.close(code, message);
    }

    /** HTTP is over on this connection, and the exchange too; the connection is somebody else's from here on. */
    final void finishHttp() {
        over();
    }

    final boolean isAnswerBegun() {
        return response != null;
    }

    /** Ends the exchange because of something that the gateway must not do. */
    final void abort(String breach) {
        drop();
        log().ended(ErrorCode.PROTOCOL_ERROR.wireName());
        stream.cancel(ErrorCode.PROTOCOL_ERROR, breach);
    }

    static Message.ProxyError error(
            String agentId,
            Message.ProxyRequest request,
            ErrorCode code,
            int status,
            String message,
            @Nullable String cause,
            boolean isRetryable) {
        return new Message.ProxyError(
                request.requestId(),
                code.wireName(),
                message,
                status,
                agentId,
                request.head().path(),
                cause,
                isRetryable);
    }

    /** The request as this upstream gets it. */
    static HttpRequest toRequest(Message.HttpHead head, Upstream upstream, boolean isUpgrade, boolean hasBody)
            throws MalformedHttpException {
        if (head.method().equals(HttpMethod.CONNECT.name())) {
            throw new MalformedHttpException("CONNECT is for proxies");
        }
        if (head.headers().all("host").size() > 1) {
            throw new MalformedHttpException("more than one Host");
        }
        HttpRequest request = HttpMapping.toRequest(head, isUpgrade, hasBody);
        HttpHeaders headers = request.headers();
        if (!headers.contains(HttpHeaderNames.HOST)) {
            headers.set(HttpHeaderNames.HOST, upstream.authority());
        }
        if (!hasBody && MAY_HAVE_BODY.contains(head.method()) && !headers.contains(HttpHeaderNames.CONTENT_LENGTH)) {
            headers.set(HttpHeaderNames.CONTENT_LENGTH, HttpHeaderValues.ZERO);
        }
        return request;
    }

    private static int statusOf(ErrorCode code) {
        return (code == ErrorCode.TIMEOUT ? HttpResponseStatus.GATEWAY_TIMEOUT : HttpResponseStatus.BAD_GATEWAY).code();
    }

    /** Without addresses and names of classes, which are no business of those outside. */
    private static String told(Throwable cause) {
        Throwable origin = cause.getCause() == null ? cause : cause.getCause();
        if (origin instanceof SocketTimeoutException) {
            return "no connection in time";
        } else if (origin instanceof ConnectException && origin != cause) {
            return "the connection was refused";
        } else if (origin instanceof SSLException) {
            return "no TLS";
        } else if (origin instanceof UnknownHostException) {
            return "its name is not known";
        } else if (origin instanceof SocketException) {
            return "no connection";
        }
        return describe(cause);
    }

    private static String describe(Throwable cause) {
        String message = cause.getMessage();
        return message == null ? cause.getClass().getSimpleName() : message;
    }

    /** For people who look at what is under way; never with the query. */
    @Override
    public final String toString() {
        String client = request.clientAddr();
        return request.head().method() + " " + request.head().path() + " at " + upstream
                + (client == null ? "" : " for " + client);
    }

    private void drop() {
        if (!isOver) {
            UpstreamConnection unfinished = connection;
            over();
            if (unfinished != null) {
                unfinished.close();
            }
        }
    }

    private void over() {
        isOver = true;
        connection = null;
        pressure = null;
        stopDeadline();
        if (ticket != null) {
            ticket.cancel();
            ticket = null;
        }
        onOver();
    }

    private void stopDeadline() {
        if (deadline != null) {
            deadline.cancel();
            deadline = null;
        }
    }
}
