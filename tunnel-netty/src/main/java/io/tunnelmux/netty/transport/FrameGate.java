package io.tunnelmux.netty.transport;

import io.tunnelmux.core.transport.TransportListener;
import io.tunnelmux.protocol.Frame;
import io.tunnelmux.protocol.FrameHandler;
import io.tunnelmux.protocol.ProtocolException;
import org.jspecify.annotations.Nullable;

/**
 * Stands between a decoder and a listener. A listener may close its transport while the decoder still has frames of the same read: once
 * shut, the gate releases what comes. It also sees to it that the listener hears of one breach and of one end at most. One thread.
 */
final class FrameGate implements FrameHandler {
    private final TransportListener listener;
    private boolean isOpen = true;
    private boolean hasEnded;
    private boolean hasHeardGoAway;

    FrameGate(TransportListener listener) {
        this.listener = listener;
    }

    /** Lets nothing more through but the end. */
    void shut() {
        isOpen = false;
    }

    boolean isOpen() {
        return isOpen;
    }

    /** Whether a GOAWAY has gone through. */
    boolean hasHeardGoAway() {
        return hasHeardGoAway;
    }

    void onBytesReceived() {
        if (isOpen) {
            listener.onBytesReceived();
        }
    }

    void onBreach(ProtocolException breach) {
        if (isOpen) {
            isOpen = false;
            listener.onBreach(breach);
        }
    }

    void onClosed(@Nullable Throwable cause) {
        isOpen = false;
        if (!hasEnded) {
            hasEnded = true;
            listener.onClosed(cause);
        }
    }

    @Override
    public void onData(Frame.Data frame) {
        if (isOpen) {
            listener.onData(frame);
        } else {
            frame.payload().release();
        }
    }

    @Override
    public void onOpen(Frame.Open frame) {
        if (isOpen) {
            listener.onOpen(frame);
        } else {
            frame.payload().release();
        }
    }

    @Override
    public void onMessage(Frame.Message frame) {
        if (isOpen) {
            listener.onMessage(frame);
        } else {
            frame.payload().release();
        }
    }

    @Override
    public void onHello(Frame.Hello frame) {
        if (isOpen) {
            listener.onHello(frame);
        } else {
            frame.payload().release();
        }
    }

    @Override
    public void onWindow(Frame.Window frame) {
        if (isOpen) {
            listener.onWindow(frame);
        }
    }

    @Override
    public void onClose(Frame.Close frame) {
        if (isOpen) {
            listener.onClose(frame);
        }
    }

    @Override
    public void onCancel(Frame.Cancel frame) {
        if (isOpen) {
            listener.onCancel(frame);
        }
    }

    @Override
    public void onPing(Frame.Ping frame) {
        if (isOpen) {
            listener.onPing(frame);
        }
    }

    @Override
    public void onGoAway(Frame.GoAway frame) {
        if (isOpen) {
            hasHeardGoAway = true;
            listener.onGoAway(frame);
        }
    }

    @Override
    public void onAck(Frame.Ack frame) {
        if (isOpen) {
            listener.onAck(frame);
        }
    }

    @Override
    public void onExtension(Frame.Extension frame) {
        if (isOpen) {
            listener.onExtension(frame);
        }
    }

    @Override
    public void onStreamBreach(ProtocolException breach) {
        if (isOpen) {
            listener.onStreamBreach(breach);
        }
    }

    /** Releases the payload of a frame that nobody wants. */
    static void release(Frame frame) {
        if (frame instanceof Frame.Data data) {
            data.payload().release();
        } else if (frame instanceof Frame.Message message) {
            message.payload().release();
        } else if (frame instanceof Frame.Open open) {
            open.payload().release();
        } else if (frame instanceof Frame.Hello hello) {
            hello.payload().release();
        }
    }
}
