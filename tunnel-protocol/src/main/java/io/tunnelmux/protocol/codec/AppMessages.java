package io.tunnelmux.protocol.codec;

import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Message.Heartbeat;
import io.tunnelmux.protocol.Message.HeartbeatAck;
import io.tunnelmux.protocol.Message.Register;
import io.tunnelmux.protocol.Message.RegisterError;
import io.tunnelmux.protocol.Message.RegisterSuccess;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The five messages of a register, which differ in nothing but their type. */
final class AppMessages {

    /** Makes one of the five. */
    interface Maker {
        Message make(@Nullable String requestId, @Nullable String timestamp, Map<String, Object> payload);
    }

    /** The parts of one of the five. */
    record Parts(@Nullable String timestamp, Map<String, Object> payload) {}

    private static final Map<String, Maker> MAKERS = Map.of(
            Register.TYPE, Register::new,
            RegisterSuccess.TYPE, RegisterSuccess::new,
            RegisterError.TYPE, RegisterError::new,
            Heartbeat.TYPE, Heartbeat::new,
            HeartbeatAck.TYPE, HeartbeatAck::new);

    private AppMessages() {}

    /** What makes messages of this type, or null if it is none of the five. */
    static @Nullable Maker maker(String type) {
        return MAKERS.get(type);
    }

    /** The parts of a message, or null if it is none of the five. */
    static @Nullable Parts parts(Message message) {
        if (message instanceof Register m) {
            return new Parts(m.timestamp(), m.payload());
        } else if (message instanceof RegisterSuccess m) {
            return new Parts(m.timestamp(), m.payload());
        } else if (message instanceof RegisterError m) {
            return new Parts(m.timestamp(), m.payload());
        } else if (message instanceof Heartbeat m) {
            return new Parts(m.timestamp(), m.payload());
        } else if (message instanceof HeartbeatAck m) {
            return new Parts(m.timestamp(), m.payload());
        }
        return null;
    }
}
