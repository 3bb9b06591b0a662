package io.tunnelmux.netty.transport;

import io.tunnelmux.core.transport.Transport;
import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.core.transport.TunnelLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.Hello;
import io.tunnelmux.protocol.codec.HelloCodec;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;

/** A transport that keeps the first HELLO to itself, for tests of what comes behind it. */
final class WithoutGreeting implements Transport {
    private final Transport transport;

    WithoutGreeting(Transport transport) {
        this.transport = transport;
    }

    /** An agent's HELLO. */
    static Frame.Hello greeting(String token) {
        return new Frame.Hello(
                HelloCodec.encode(Hello.builder()
                        .role(Hello.Role.AGENT)
                        .agentId("demo")
                        .token(token)
                        .build()),
                false);
    }

    @Override
    public void start(TransportListener listener, int maxFrameBytes) {
        AtomicBoolean hasGreeted = new AtomicBoolean();
        transport.start(
                (TransportListener) Proxy.newProxyInstance(
                        TransportListener.class.getClassLoader(),
                        new Class<?>[] {TransportListener.class},
                        (proxy, method, arguments) -> {
                            if (method.getName().equals("onHello") && !hasGreeted.getAndSet(true)) {
                                ((Frame.Hello) arguments[0]).payload().release();
                                return null;
                            }
                            try {
                                return method.invoke(listener, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        }),
                maxFrameBytes);
    }

    @Override
    public TunnelLoop loop() {
        return transport.loop();
    }

    @Override
    public void write(Frame frame) {
        transport.write(frame);
    }

    @Override
    public void flush() {
        transport.flush();
    }

    @Override
    public boolean isWritable() {
        return transport.isWritable();
    }

    @Override
    public void close(ErrorCode code, String reason) {
        transport.close(code, reason);
    }

    @Override
    public String peer() {
        return transport.peer();
    }
}
