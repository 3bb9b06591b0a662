package io.tunnelmux.examples.embedding;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;

/** Reads a stream on threads that may wait, a piece for each that is asked for. For one subscriber. */
record StreamBody(InputStream in, Executor threads) implements Flow.Publisher<ByteBuffer> {

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
        Semaphore asked = new Semaphore(0);
        AtomicBoolean isCancelled = new AtomicBoolean();
        subscriber.onSubscribe(new Flow.Subscription() {
            @Override
            public void request(long count) {
                asked.release((int) count); // the gateway asks for one at a time
            }

            @Override
            public void cancel() {
                isCancelled.set(true);
                asked.release();
            }
        });
        threads.execute(() -> publish(subscriber, asked, isCancelled));
    }

    private void publish(Flow.Subscriber<? super ByteBuffer> to, Semaphore asked, AtomicBoolean isCancelled) {
        byte[] piece = new byte[16_384];
        try (in) {
            for (asked.acquire(); !isCancelled.get(); asked.acquire()) {
                int length = in.read(piece);
                if (length < 0) {
                    to.onComplete();
                    return;
                }
                to.onNext(ByteBuffer.wrap(piece, 0, length)); // is copied before this returns
            }
        } catch (IOException | InterruptedException e) {
            to.onError(e);
        }
    }
}
