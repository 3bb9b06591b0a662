package io.tunnelmux.netty.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.tunnelmux.core.Outcome;
import io.tunnelmux.core.StreamHandler;
import io.tunnelmux.core.Tunnel;
import io.tunnelmux.core.TunnelStream;
import io.tunnelmux.netty.observe.ExchangeEnd;
import io.tunnelmux.netty.observe.RelayMode;
import io.tunnelmux.netty.relay.HttpMapping;
import io.tunnelmux.netty.relay.MalformedHttpException;
import io.tunnelmux.netty.relay.Relay;
import io.tunnelmux.netty.relay.StreamPressure;
import io.tunnelmux.netty.relay.StreamRelay;
import io.tunnelmux.netty.transport.NettyPayload;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One request and its response: a client on one side, a stream on the other. Ends when the response is complete and the client has been
 * told so, when either side is lost, or, after an upgrade, when the bytes end. Knows nothing of how the client frames its messages.
 *
 * <pre>
 * {@link #onTunnel} → stream open → AWAITED → FLOWING → COMPLETE
 * {@link #onNoTunnel}                       → COMPLETE
 * </pre>
 *
 * On the client's loop, which the stream's handler is called on as well.
 */
final class Exchange implements StreamHandler, Visit.Visitor {

    private enum Answer {
        AWAITED,
        /** The head is written, the body flows. */
        FLOWING,
        /** Everything is written, be it the agent's answer or one of ours. */
        COMPLETE
    }

    /** More would be a way to fill the memory of the gateway: they need no credit. */
    private static final int MAX_INFORMATIONAL = 16;

    private static final int MAX_ATTEMPTS = 2;

    private final Visit visit;
    private final ExchangeClient client;
    private final Channel channel;
    private final RequestHead head;
    private final Route route;
    private final ProxyRequestFactory requests;
    private final @Nullable UpgradeCheck upgrade;
    /** Of an upgrade whose bytes are read as messages. */
    private final @Nullable MessageSwitch messages;

    private final @Nullable Duration idleTimeout;
    private final ExchangeLog log;
    private Answer answer = Answer.AWAITED;
    private @Nullable Tunnel tunnel;
    private @Nullable TunnelStream stream;
    private @Nullable StreamPressure pressure;
    /** Of an upgrade: who hears what its stream says. */
    private @Nullable UpgradeStream upgraded;
    /** What the client of an upgrade sent before the stream was opened. */
    private @Nullable Payload headData;

    private int earlyBytes;
    private boolean isStreamClosed;
    private boolean isOver;
    private boolean isBodyBegun;
    private boolean isBodyEnded;
    private int attempts;
    private int informational;
    /** What the response's body still lacks; negative where its length was not told. */
    private long missingBytes;

    /**
     * @param messages how an upgrade is read as messages; null if nobody reads it
     * @param idleTimeout after which it ends if nothing moves behind the response's head; null is never
     */
    Exchange(
            RequestAdmission admission,
            ExchangeClient client,
            Client sender,
            RequestHead head,
            Route route,
            ProxyRequestFactory requests,
            @Nullable UpgradeCheck upgrade,
            @Nullable MessageSwitch messages,
            @Nullable Duration idleTimeout,
            ExchangeLog log) {
        this.client = client;
        this.head = head;
        this.route = route;
        this.requests = requests;
        this.upgrade = upgrade;
        this.messages = messages;
        this.idleTimeout = idleTimeout;
        channel = client.channel();
        this.log = log;
        visit = new Visit(admission, route, head.path(), sender.address(), this);
    }

    RequestHead head() {
        return head;
    }

    boolean isUpgrade() {
        return upgrade != null;
    }

    /** Whether the client waits for leave to send its body. */
    boolean isHoldingBody() {
        return head.expectsContinue() && !isBodyBegun && informational == 0;
    }

    /** Whether nobody wants the rest of the request's body. */
    boolean discardsBody() {
        return isStreamClosed || isOver && stream == null;
    }

    /** Whether no stream has been opened yet, so that nothing takes the request's body. */
    boolean isWaitingForTunnel() {
        return stream == null && !isOver;
    }

    /** Asks for a tunnel, which may take its time. */
    void enter() {
        visit.enter(client.loop());
    }

    @Override
    public void onWaiting() {
        log.queued();
    }

    /** The request goes to this tunnel. */
    @Override
    public void onTunnel(Tunnel chosen) {
        log.unqueued();
        if (!isOver) {
            client.join(chosen, () -> open(chosen));
        }
    }

    /** No tunnel takes the request. Does nothing if the client has gone meanwhile. */
    @Override
    public void onNoTunnel(ProxyError told) {
        if (!isOver) {
            log.refused(told);
            answerWith(told, told.code());
        }
    }

    private void open(Tunnel chosen) {
        attempts++;
        tunnel = chosen;
        isStreamClosed = false;
        boolean isEnd = !head.hasBody() && upgrade == null;
        TunnelStream opened = chosen.open(request(), isEnd, handlerFor(chosen));
        stream = opened;
        pressure = new StreamPressure(opened, channel, client.loop(), client.gate());
        client.awaitResponse(requests.timeout());
    }

    private Message request() {
        if (messages != null) {
            return messages.request(requests);
        }
        if (upgrade != null && headData == null) {
            headData = client.takeEarlyBytes();
            earlyBytes = headData.length();
        }
        return requests.create(headData == null ? Payload.EMPTY : headData);
    }

    private StreamHandler handlerFor(Tunnel chosen) {
        StreamHandler handler = this;
        if (upgrade != null) {
            upgraded = new UpgradeStream(this, visit, log.info());
            handler = upgraded;
        }
        return chosen.loop() == client.loop() ? handler : new HandlerOnLoop(handler, client.loop());
    }

    // The client's side.

    /** More of the request's body, and with the last of it the trailers. Takes {@code bytes}. */
    void onBody(ByteBuf bytes, boolean isLast, HttpHeaders trailers) {
        if (isStreamClosed || stream == null || pressure == null || upgrade != null) {
            bytes.release();
            return;
        }
        int length = bytes.readableBytes();
        isBodyEnded |= isLast;
        if (length == 0) {
            bytes.release();
        } else {
            isBodyBegun = true;
            log.received(length);
            if (isLast && trailers.isEmpty()) {
                stream.writeLast(NettyPayload.of(bytes));
                return;
            }
            pressure.toStream(bytes);
        }
        if (isLast && head.hasBody()) {
            endBody(stream, trailers);
        }
    }

    /** The client breaks its own rules in the middle of the request's body. */
    void onMalformedBody(String what) {
        fail(ErrorCode.CANCELLED, ProxyError.refused(HttpResponseStatus.BAD_REQUEST, what));
    }

    private void endBody(TunnelStream to, HttpHeaders trailers) {
        if (trailers.isEmpty()) {
            to.end();
            return;
        }
        try {
            to.send(
                    new Message.ProxyTrailers(HttpMapping.toCarried(HttpMapping.toTrailers(trailers), false)
                            .build()),
                    true);
        } catch (MalformedHttpException e) {
            onMalformedBody("malformed trailers");
        }
    }

    void onChannelWritabilityChanged() {
        if (pressure != null) {
            pressure.onChannelWritabilityChanged();
        }
    }

    /** The client has gone, and with it the reason for all this. */
    void onClientGone() {
        if (!isOver) {
            visit.onAborted();
        }
        end(ExchangeEnd.CLIENT_GONE, "");
        if (stream != null && !isStreamClosed) {
            isStreamClosed = true;
            stream.cancel(ErrorCode.CANCELLED, "the client went away");
        }
    }

    /** The response took too long to begin. */
    void onResponseTimeout() {
        String message = upgrade == null ? "no response in time" : "no answer to the upgrade in time";
        onFailed(ErrorCode.TIMEOUT);
        fail(ErrorCode.TIMEOUT, ProxyError.timeout(message, route.agentId(), head.path()));
    }

    /** The request's body does not move: for want of bytes, or of room for them. */
    void onBodyTimeout(boolean isWaitingForClient) {
        if (isWaitingForClient) {
            fail(
                    ErrorCode.CANCELLED,
                    ProxyError.refused(HttpResponseStatus.REQUEST_TIMEOUT, "the body came too slowly"));
        } else {
            fail(ErrorCode.TIMEOUT, ProxyError.timeout("the body was not taken", route.agentId(), head.path()));
        }
    }

    /** The client takes nothing. */
    void onWriteTimeout() {
        end(ExchangeEnd.CLIENT_STALLED, "");
        cancel(ErrorCode.CANCELLED, "the client takes nothing");
        client.abort();
    }

    // The stream's side.

    @Override
    public void onMessage(TunnelStream from, Message message, boolean isEnd) {
        if (isOver) {
            return;
        } else if (answer == Answer.AWAITED && messages != null && messages.isAnswer(message)) {
            onMessages(messages, message, isEnd);
        } else if (message instanceof Message.ProxyResponse response) {
            onResponse(response, isEnd);
        } else if (message instanceof Message.ProxyError error) {
            onError(error);
        } else if (message instanceof Message.ProxyTrailers trailers && isEnd) {
            onTrailers(trailers);
        } else if (!(message instanceof Message.Application)) {
            invalid(message.type() + " in place of a response");
        } else if (isEnd) {
            onEnd(EmptyHttpHeaders.INSTANCE);
        }
    }

    private void onResponse(Message.ProxyResponse response, boolean isEnd) {
        int status = response.status();
        if (answer != Answer.AWAITED) {
            invalid("a second response");
            return;
        }
        try {
            if (status == HttpResponseStatus.SWITCHING_PROTOCOLS.code()) {
                onSwitched(response, isEnd);
            } else if (status < HttpResponseStatus.OK.code()) {
                onInformational(response, isEnd);
            } else {
                onFinal(response, isEnd);
            }
        } catch (MalformedHttpException e) {
            invalid(String.valueOf(e.getMessage()));
        }
    }

    private void onInformational(Message.ProxyResponse response, boolean isEnd) throws MalformedHttpException {
        if (isEnd || ++informational > MAX_INFORMATIONAL) {
            invalid(isEnd ? "an end in place of a response" : "too many informational responses");
        } else {
            HttpHeaders headers = HttpMapping.toHttp(response.headers(), false);
            headers.remove(HttpHeaderNames.CONTENT_LENGTH);
            client.inform(response.status(), headers);
        }
    }

    private void onFinal(Message.ProxyResponse response, boolean isEnd) throws MalformedHttpException {
        HttpHeaders headers = HttpMapping.toHttp(response.headers(), false);
        long length = HttpMapping.contentLength(response.headers());
        if (client.takesForSwitch(response.status())) {
            throw new MalformedHttpException(response.status() + " in place of 101");
        }
        if (response.status() == HttpResponseStatus.NO_CONTENT.code()) {
            headers.remove(HttpHeaderNames.CONTENT_LENGTH);
        }
        if (isBodiless(response.status())) {
            missingBytes = 0;
        } else if (isEnd && length > 0) {
            throw new MalformedHttpException("a body of " + length + " bytes was announced and does not come");
        } else if (isEnd) {
            missingBytes = 0;
            if (length < 0) {
                headers.set(HttpHeaderNames.CONTENT_LENGTH, HttpHeaderValues.ZERO);
            }
        } else {
            missingBytes = length;
        }
        answer = isEnd ? Answer.COMPLETE : Answer.FLOWING;
        visit.onAnswered();
        log.answered(response.status());
        if (isEnd) {
            end(ExchangeEnd.COMPLETE, "");
        }
        client.respond(response.status(), headers, missingBytes, isEnd);
        if (upgrade != null && stream != null) {
            stream.end();
        }
        if (idleTimeout != null && !isEnd && pressure != null) {
            pressure.watch(idleTimeout, this::onIdle);
        }
    }

    /** The head has been answered, and nothing has moved since for too long. */
    private void onIdle() {
        if (!isOver) {
            fail(
                    ErrorCode.TIMEOUT,
                    ProxyError.timeout("nothing has moved for " + idleTimeout, route.agentId(), head.path()));
        }
    }

    private boolean isBodiless(int status) {
        return head.isHeadMethod()
                || status == HttpResponseStatus.NO_CONTENT.code()
                || status == HttpResponseStatus.RESET_CONTENT.code()
                || status == HttpResponseStatus.NOT_MODIFIED.code();
    }

    private void onSwitched(Message.ProxyResponse message, boolean isEnd) throws MalformedHttpException {
        String fault =
                upgrade == null || messages != null ? "101 that nobody asked for" : upgrade.faultOf(message.headers());
        TunnelStream switched = stream;
        if (fault != null || switched == null) {
            invalid(String.valueOf(fault));
            return;
        }
        HttpHeaders headers = HttpMapping.toHttp(message.headers(), true);
        headers.remove(HttpHeaderNames.CONTENT_LENGTH);
        onSwitched(
                RelayMode.ZERO_COPY,
                headers,
                () -> StreamRelay.join(switched, channel, client.loop(), client.gate(), ErrorCode.CANCELLED, heard()),
                isEnd);
    }

    private void onMessages(MessageSwitch by, Message message, boolean isEnd) {
        TunnelStream switched = stream;
        HttpHeaders headers;
        try {
            headers = by.answerTo(message);
        } catch (MalformedHttpException e) {
            invalid(String.valueOf(e.getMessage()));
            return;
        }
        if (switched != null) {
            onSwitched(
                    by.mode(),
                    headers,
                    () -> by.join(switched, channel, client.loop(), client.gate(), heard(), log.tap()),
                    isEnd);
        }
    }

    private void onSwitched(RelayMode mode, HttpHeaders headers, Supplier<Relay> join, boolean isEnd) {
        answer = Answer.COMPLETE;
        visit.onAnswered();
        log.answered(HttpResponseStatus.SWITCHING_PROTOCOLS.code());
        log.upgraded(mode, earlyBytes);
        Relay joined = client.switchProtocols(headers, join);
        if (upgraded != null) {
            upgraded.switchTo(joined, heard());
        }
        if (idleTimeout != null) {
            joined.cutWhenIdle(idleTimeout);
        }
        if (isEnd && stream != null) {
            joined.onData(stream, new Frame.Data(stream.id(), Payload.EMPTY, Frame.FLAG_END));
        }
    }

    private @Nullable ExchangeLog heard() {
        return log.isHeard() ? log : null;
    }

    private void onError(Message.ProxyError error) {
        if (answer == Answer.AWAITED) {
            onFailed(ProxyError.codeNamed(error.code()));
            ProxyError told = ProxyError.of(error, route.agentId(), head.path());
            answerWith(told, told.isKnown() ? told.code() : ExchangeEnd.APPLICATION_ERROR);
        } else {
            invalid("an error in place of a body");
        }
    }

    private void onTrailers(Message.ProxyTrailers trailers) {
        try {
            onEnd(
                    client.carriesTrailers()
                            ? HttpMapping.toTrailers(HttpMapping.toHttp(trailers.headers(), false))
                            : EmptyHttpHeaders.INSTANCE);
        } catch (MalformedHttpException e) {
            invalid("trailers: " + e.getMessage());
        }
    }

    @Override
    public void onData(TunnelStream from, Frame.Data data) {
        int length = data.payload().length();
        if (isOver || pressure == null || answer != Answer.FLOWING || missingBytes >= 0 && length > missingBytes) {
            data.payload().release();
            from.consumed(length);
            if (!isOver) {
                invalid(answer == Answer.FLOWING ? "a body longer than announced" : "a body without a head");
            }
            return;
        }
        if (length > 0) {
            missingBytes -= missingBytes >= 0 ? length : 0;
            log.sent(length);
            pressure.toChannel(NettyPayload.toByteBuf(data.payload()), length);
        } else {
            data.payload().release();
        }
        if (data.isEnd()) {
            onEnd(EmptyHttpHeaders.INSTANCE);
        }
    }

    private void onEnd(HttpHeaders trailers) {
        if (answer != Answer.FLOWING || missingBytes > 0) {
            invalid(answer == Answer.FLOWING ? "a body shorter than announced" : "an end without a response");
            return;
        }
        answer = Answer.COMPLETE;
        end(ExchangeEnd.COMPLETE, "");
        client.end(trailers);
    }

    @Override
    public void onWritable(TunnelStream from) {
        if (pressure != null) {
            pressure.onStreamWritable();
        }
    }

    @Override
    public void onClosed(TunnelStream from, Outcome outcome) {
        isStreamClosed = true;
        if (pressure != null) {
            pressure.onStreamClosed();
        }
        if (!isOver && answer == Answer.AWAITED && triedAgain(outcome)) {
            return;
        }
        if (!isOver && answer == Answer.AWAITED) {
            onFailed(ErrorCode.of(outcome.code()));
        }
        visit.end();
        if (isOver) {
            client.onBodyUnwanted();
        } else if (answer == Answer.FLOWING) {
            end(outcome);
            client.abort();
        } else {
            ProxyError told = ProxyError.of(outcome, route.agentId(), head.path());
            answerWith(told, told.code());
        }
    }

    /** A request that no upstream has seen goes to another tunnel, once. One with a body goes now or not at all: its body is on its way. */
    private boolean triedAgain(Outcome outcome) {
        if (!outcome.isRetryable() || isBodyBegun || informational > 0 || attempts == MAX_ATTEMPTS) {
            return false;
        }
        stream = null;
        pressure = null;
        return visit.enterAgain(client.loop(), !head.hasBody());
    }

    private void onFailed(@Nullable ErrorCode code) {
        if (tunnel != null && !(code == ErrorCode.TIMEOUT && mayBeClientsFault())) {
            visit.onFailed(code, tunnel);
        }
    }

    /** Whether there may be no answer because the client has not sent all, or has asked for a protocol that is not spoken there. */
    private boolean mayBeClientsFault() {
        return upgrade != null || head.hasBody() && !isBodyEnded;
    }

    /** Nothing more is to be said about the exchange. What comes yet is for nobody. */
    private void end(String outcome, String detail) {
        if (!isOver) {
            isOver = true;
            log.ended(outcome, detail);
        }
        if (stream == null) {
            visit.end();
        }
    }

    /** The stream is what ended it. */
    private void end(Outcome outcome) {
        ErrorCode code = ErrorCode.of(outcome.code());
        String name = outcome.isClean()
                ? ExchangeEnd.COMPLETE
                : code == null ? ExchangeEnd.APPLICATION_ERROR : code.wireName();
        end(name, outcome.toString());
    }

    /** For people who look at what is under way; never with the query. */
    @Override
    public String toString() {
        return log.toString();
    }

    private void invalid(String cause) {
        fail(ErrorCode.PROTOCOL_ERROR, ProxyError.invalid(cause, route.agentId(), head.path()));
    }

    /** The stream is cancelled, and the client told as well as it still can be. */
    private void fail(ErrorCode code, ProxyError told) {
        switch (answer) {
            case AWAITED -> answerWith(told, told.code());
            case FLOWING -> {
                end(told.code(), told.message());
                // Before the client goes, who would be taken for the cause.
                cancel(code, told.message());
                client.abort();
            }
            case COMPLETE -> client.closeGently();
        }
        cancel(code, told.message());
    }

    private void cancel(ErrorCode code, String reason) {
        if (stream != null && !isStreamClosed) {
            isStreamClosed = true;
            stream.cancel(code, reason);
        }
    }

    private void answerWith(ProxyError told, String outcome) {
        answer = Answer.COMPLETE;
        log.answered(told.status());
        end(outcome, told.message());
        client.answer(told);
    }
}
