package io.tunnelmux.netty.gateway;

import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;

/** Writes responses, and knows which of them have no body whatever their fields say. */
final class ResponseEncoder extends HttpResponseEncoder {

    private boolean isForHead;

    /** The next final response answers a HEAD request, or not. */
    void answerHead(boolean isForHead) {
        this.isForHead = isForHead;
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpResponse response) {
        HttpResponseStatus status = response.status();
        return isForHead || status.codeClass() == HttpStatusClass.INFORMATIONAL || super.isContentAlwaysEmpty(response);
    }
}
