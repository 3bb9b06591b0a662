package io.tunnelmux.netty.transport;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.ssl.NotSslRecordException;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;

/** What people probably have to change where a gateway cannot be reached as its URI says. Any thread. */
final class DialHints {

    private DialHints() {}

    /** Where something listens that says nothing that can be understood: to append. */
    static String ofSilence(DialTarget target) {
        return target.isSecure() ? "" : ", does it want wss:// (TLS)?";
    }

    /** Where something answers that is perhaps no gateway: to append. */
    static String of(HttpResponseStatus status, DialTarget target) {
        if (status.equals(HttpResponseStatus.NOT_FOUND)) {
            return ", is '" + target.path() + "' the path of its tunnels (" + NettyAcceptor.DEFAULT_PATH
                    + ", unless it says otherwise), and this the port for agents?";
        }
        if (status.codeClass() == HttpStatusClass.REDIRECTION) {
            return ", and redirects are not followed";
        }
        return status.equals(HttpResponseStatus.BAD_REQUEST) ? ofSilence(target) : "";
    }

    /** Why a connection failed, and what of it somebody can mend. */
    static String explained(Throwable failure, DialTarget target) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof NotSslRecordException) {
                return "the gateway speaks no TLS, does it want " + (target.isWebSocket() ? "ws" : "tcp") + "://?";
            }
            if (isOfStranger(cause)) {
                return "the gateway's certificate is signed by nobody who is trusted here, --tls-ca names who else is ("
                        + cause.getMessage() + ")";
            }
        }
        return String.valueOf(failure.getMessage());
    }

    private static boolean isOfStranger(Throwable cause) {
        return cause instanceof CertPathBuilderException
                || cause instanceof CertPathValidatorException invalid
                        && invalid.getReason() == CertPathValidatorException.BasicReason.INVALID_SIGNATURE;
    }
}
