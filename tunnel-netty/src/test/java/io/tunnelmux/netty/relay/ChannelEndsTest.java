package io.tunnelmux.netty.relay;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.DefaultChannelConfig;
import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

class ChannelEndsTest {

    @Test
    void abortsAChannelThatTurnsOutToBeLostWhenItFlushes() {
        EmbeddedChannel channel = new LostChannel();
        channel.pipeline().addLast(new ChannelOutboundHandlerAdapter() {
            @Override
            public void flush(ChannelHandlerContext context) {
                context.close();
            }
        });
        channel.write(Unpooled.EMPTY_BUFFER);

        ChannelEnds.abort(channel);

        assertThat(channel.isOpen()).isFalse();
    }

    /** Options of a closed socket cannot be set. */
    private static final class LostChannel extends EmbeddedChannel {
        private final ChannelConfig config = new DefaultChannelConfig(this) {
            @Override
            public <T> boolean setOption(ChannelOption<T> option, T value) {
                if (!isOpen()) {
                    throw new IllegalStateException("closed: " + option);
                }
                return super.setOption(option, value);
            }
        };

        @Override
        public ChannelConfig config() {
            // The superclass asks before there is one.
            return config == null ? super.config() : config;
        }
    }
}
