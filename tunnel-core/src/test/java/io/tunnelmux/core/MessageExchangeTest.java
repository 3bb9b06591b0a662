package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tunnelmux.core.testing.RecordingHandler;
import io.tunnelmux.core.testing.RecordingTunnelHandler;
import io.tunnelmux.core.testing.ThreadLoop;
import io.tunnelmux.core.testing.TunnelPair;
import io.tunnelmux.core.testing.VirtualLoop;
import io.tunnelmux.protocol.ErrorCode;
import io.tunnelmux.protocol.Message;
import io.tunnelmux.protocol.Payload;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What the applications at both ends of a tunnel say to each other, in virtual time. */
class MessageExchangeTest {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final VirtualLoop loop = new VirtualLoop();
    private final List<Message.Application> events = new ArrayList<>();
    private final Queue<IncomingMessage> commands = new ArrayDeque<>();
    private final RecordingTunnelHandler behindAgent = new RecordingTunnelHandler((stream, request, isEnd) -> {
        RecordingHandler handler = new RecordingHandler();
        stream.close(ErrorCode.NO_ERROR, "");
        return handler;
    });
    private final MessageExchange gateway = MessageExchange.builder().build();
    private final TunnelHandler ofGateway = gateway.before(new RecordingTunnelHandler());
    private @Nullable MessageExchange agent;
    private @Nullable TunnelHandler ofAgent;
    private @Nullable TunnelPair pair;

    @Test
    void aRequestGetsItsAnswerWheneverThatComes() {
        opens(builder -> builder.on("command", commands::add));
        CompletableFuture<Message.Application> first = asks("command", "first");
        CompletableFuture<Message.Application> second = asks("command", Map.of("list", List.of(1, "two")));
        loop.runUntilIdle();

        assertThat(commands)
                .extracting(each -> each.message().payload())
                .containsExactly("first", Map.of("list", List.of(1L, "two")));
        IncomingMessage one = commands.remove();
        commands.remove().answer("to the second");
        loop.advance(PATIENCE.minusMillis(1));
        one.answer(List.of(1, 2));
        loop.runUntilIdle();

        assertThat(first.join().payload()).isEqualTo(List.of(1L, 2L));
        assertThat(first.join().type()).isEqualTo("command");
        assertThat(second.join().payload()).isEqualTo("to the second");
        assertThat(one.tunnel()).isSameAs(pair.agent());
        assertThatIllegalStateException().isThrownBy(() -> one.answer("again"));
    }

    @Test
    void bothSidesAsk() {
        MessageExchange left = MessageExchange.builder()
                .on("status", each -> each.answer("of the gateway"))
                .build();
        MessageExchange right = MessageExchange.builder()
                .on("status", each -> each.answer("of the agent"))
                .build();
        TunnelPair both = TunnelPair.open(loop, left.before(new RecordingTunnelHandler()), right.before(behindAgent));

        CompletableFuture<Message.Application> toAgent =
                left.request(both.gateway(), application("status"), PATIENCE).toCompletableFuture();
        CompletableFuture<Message.Application> toGateway =
                right.request(both.agent(), application("status"), PATIENCE).toCompletableFuture();
        loop.runUntilIdle();

        assertThat(toAgent.join().payload()).isEqualTo("of the agent");
        assertThat(toGateway.join().payload()).isEqualTo("of the gateway");
    }

    @Test
    void messagesOfATypeComeInOrder() {
        opens(builder -> builder.on("event", each -> {
            assertThat(each.wantsAnswer()).isFalse();
            assertThatIllegalStateException().isThrownBy(() -> each.answer("?"));
            events.add(each.message());
        }));
        List<Message.Application> sent = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            sent.add(new Message.Application("event", i));
        }

        sent.forEach(pair.gateway()::send);
        loop.runUntilIdle();

        assertThat(events).isEqualTo(sent);
    }

    @Test
    void anAnswerWithAnErrorFailsTheRequest() {
        opens(builder -> builder.on("command", each -> each.fail("no such thing"))
                .on("resource", each -> {
                    throw new IllegalStateException("secret");
                }));

        assertFails(asks("command", null), MessageException.Reason.ANSWERED_WITH_ERROR, "no such thing");
        assertFails(asks("resource", null), MessageException.Reason.ANSWERED_WITH_ERROR, "the handler failed");
    }

    @Test
    void aRequestWithoutAnAnswerFailsAtItsDeadlineAndALateAnswerIsDropped() {
        opens(builder -> builder.on("command", commands::add));
        CompletableFuture<Message.Application> answer = asks("command", null);
        loop.advance(PATIENCE.minusNanos(1));
        assertThat(answer).isNotDone();

        loop.advance(Duration.ofNanos(1));
        assertFails(answer, MessageException.Reason.TIMEOUT, "no answer to command within PT10S");
        commands.remove().answer("late");
        loop.runUntilIdle();

        assertThat(gateway.unmatchedAnswers()).isEqualTo(1);
    }

    @Test
    void deadlinesComeDueInTheirOrderWithOneTimer() {
        opens(builder -> builder.on("command", commands::add));
        int timers = loop.pendingTimers();
        List<Integer> failed = new ArrayList<>();
        for (int seconds : List.of(5, 3, 9, 1, 7, 3)) {
            gateway.request(pair.gateway(), application("command"), Duration.ofSeconds(seconds))
                    .whenComplete((answer, failure) -> failed.add(seconds));
        }
        loop.runUntilIdle();

        // One for what this side asked, one for what the other side has to answer.
        assertThat(loop.pendingTimers() - timers).isEqualTo(2);
        loop.advance(Duration.ofSeconds(4));
        assertThat(failed).containsExactly(1, 3, 3);
        loop.advance(Duration.ofSeconds(6));
        assertThat(failed).containsExactly(1, 3, 3, 5, 7, 9);
    }

    @Test
    void noMoreThanTheLimitWait() {
        opens(builder -> builder.on("command", commands::add));
        MessageExchange small = MessageExchange.builder().maxPending(3).build();
        TunnelPair other = TunnelPair.open(loop, small.before(new RecordingTunnelHandler()), ofAgent);
        List<CompletableFuture<Message.Application>> answers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            answers.add(small.request(other.gateway(), application("command"), PATIENCE)
                    .toCompletableFuture());
        }

        assertFails(answers.get(3), MessageException.Reason.TOO_MANY_PENDING, "3 requests wait for answers");
        loop.runUntilIdle();
        commands.remove().answer(null);
        loop.runUntilIdle();
        assertThat(answers.get(0).join().payload()).isNull();
        CompletableFuture<Message.Application> next =
                small.request(other.gateway(), application("command"), PATIENCE).toCompletableFuture();
        loop.runUntilIdle();
        assertThat(next).isNotDone();
        assertThat(commands).hasSize(3);
    }

    @Test
    void requestsBeyondWhatIsHandledAreTurnedAway() {
        opens(builder -> builder.maxPending(2).on("command", commands::add));
        CompletableFuture<Message.Application> first = asks("command", 1);
        CompletableFuture<Message.Application> second = asks("command", 2);
        CompletableFuture<Message.Application> third = asks("command", 3);

        assertFails(third, MessageException.Reason.ANSWERED_WITH_ERROR, MessageExchange.OVERLOADED);
        assertThat(agent.turnedAway()).isEqualTo(1);
        commands.forEach(each -> each.answer("done"));
        loop.runUntilIdle();
        assertThat(first.join().payload()).isEqualTo("done");
        assertThat(second.join().payload()).isEqualTo("done");
        asks("command", 4);
        loop.runUntilIdle();
        assertThat(agent.turnedAway()).isEqualTo(1);
    }

    @Test
    void whatIsHandledIsBoundedInBytesToo() {
        opens(builder -> builder.on("command", commands::add));
        String large = "x".repeat(250_000);
        int fit = Conversation.MAX_HANDLED_BYTES / 250_100;
        for (int i = 0; i < fit + 3; i++) {
            asks("command", large);
            loop.runUntilIdle();
        }

        assertThat(commands).hasSizeBetween(fit - 1, fit + 1);
        assertThat(agent.turnedAway()).isEqualTo(fit + 3 - commands.size());
    }

    @Test
    void aHandlerThatNeverAnswersIsAnsweredFor() {
        opens(builder ->
                builder.maxPending(1).answerTimeout(Duration.ofSeconds(3)).on("command", commands::add));
        CompletableFuture<Message.Application> answer = asks("command", null);
        loop.advance(Duration.ofSeconds(3));

        assertFails(answer, MessageException.Reason.ANSWERED_WITH_ERROR, "no answer within PT3S");
        assertThat(agent.unanswered()).isEqualTo(1);
        commands.remove().answer("late, and nobody is told");
        CompletableFuture<Message.Application> next = asks("command", null);
        loop.runUntilIdle();
        commands.remove().answer("in time");
        loop.runUntilIdle();
        assertThat(next.join().payload()).isEqualTo("in time");
        assertThat(gateway.unmatchedAnswers()).isZero();
    }

    @Test
    void unknownTypesAndUnmatchedAnswersAreCountedAndDropped() {
        opens(builder -> builder.on("command", commands::add));

        pair.gateway().send(application("unheard-of"));
        pair.gateway().send(new Message.Application("command", null, "42", null, "an answer to nothing", null));
        pair.gateway().send(new Message.Heartbeat(null, null, Map.of()));
        loop.runUntilIdle();

        assertThat(agent.unknownTypes()).isEqualTo(1);
        assertThat(agent.unmatchedAnswers()).isEqualTo(1);
        assertThat(commands).isEmpty();
        assertThat(behindAgent.messages()).containsExactly(new Message.Heartbeat(null, null, Map.of()));
    }

    @Test
    void theEndOfTheTunnelFailsWhatWaits() {
        opens(builder -> builder.on("command", commands::add));
        CompletableFuture<Message.Application> answer = asks("command", null);
        loop.runUntilIdle();

        pair.lose();
        assertFails(answer, MessageException.Reason.TUNNEL_ENDED, "the tunnel does not stand");
        assertFails(asks("command", null), MessageException.Reason.TUNNEL_ENDED, "the tunnel does not stand");
        commands.remove().answer("to nobody");
        loop.advance(PATIENCE);

        assertThat(behindAgent.outcome()).isNotNull();
        assertThat(loop.pendingTimers()).isZero();
    }

    @Test
    void streamsAndDrainingPassThrough() {
        opens(builder -> builder.on("command", commands::add));
        RecordingHandler stream = new RecordingHandler();

        pair.gateway().open(Rig.request(), true, stream);
        loop.runUntilIdle();
        pair.gateway().drain("test", PATIENCE);
        loop.runUntilIdle();

        assertThat(stream.outcome().isClean()).isTrue();
        assertThat(behindAgent.isDraining()).isTrue();
    }

    @Test
    void whatIsTooLongFailsAndNothingElse() {
        opens(builder -> builder.on("command", commands::add));
        String tooLong = "x".repeat(300_000);

        CompletableFuture<Message.Application> request = asks("command", tooLong);
        assertThat(request).isCompletedExceptionally();
        assertThat(request.handle((answer, failure) -> failure).join()).isInstanceOf(IllegalArgumentException.class);
        CompletableFuture<Message.Application> answer = asks("command", "short");
        loop.runUntilIdle();
        assertThatIllegalArgumentException().isThrownBy(() -> commands.peek().answer(tooLong));

        assertFails(answer, MessageException.Reason.ANSWERED_WITH_ERROR, "the answer is too long");
    }

    @Test
    void anErrorThatAHandlerThrowsKeepsNoOtherMessageFromIt() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        opens(builder -> builder.on("event", tasks::add, each -> {
            events.add(each.message());
            throw new StackOverflowError();
        }));
        for (int i = 0; i < 3; i++) {
            pair.gateway().send(new Message.Application("event", i));
        }
        loop.runUntilIdle();

        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> tasks.remove().run()).isInstanceOf(StackOverflowError.class);
        }

        assertThat(events).extracting(Message.Application::payload).containsExactly(0L, 1L, 2L);
        assertThat(tasks).isEmpty();
    }

    @Test
    void whatWaitsBehindAnErrorRunsEvenIfTheExecutorTakesNoMore() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        opens(builder -> builder.on(
                "event",
                task -> {
                    if (!events.isEmpty()) {
                        throw new RejectedExecutionException();
                    }
                    tasks.add(task);
                },
                each -> {
                    events.add(each.message());
                    if (events.size() == 1) {
                        throw new StackOverflowError();
                    }
                }));
        for (int i = 0; i < 3; i++) {
            pair.gateway().send(new Message.Application("event", i));
        }
        loop.runUntilIdle();

        assertThatThrownBy(() -> tasks.remove().run()).isInstanceOf(StackOverflowError.class);

        assertThat(events).extracting(Message.Application::payload).containsExactly(0L, 1L, 2L);
    }

    @Test
    void patienceMayBeForEver() {
        opens(builder -> builder.answerTimeout(ChronoUnit.FOREVER.getDuration()).on("command", commands::add));
        CompletableFuture<Message.Application> first = gateway.request(
                        pair.gateway(), application("command"), ChronoUnit.FOREVER.getDuration())
                .toCompletableFuture();
        CompletableFuture<Message.Application> second = asks("command", null);
        loop.runUntilIdle();

        assertThat(commands).hasSize(2);
        commands.remove().answer("here");
        loop.advance(PATIENCE);
        assertThat(first.join().payload()).isEqualTo("here");
        assertFails(second, MessageException.Reason.TIMEOUT, "no answer to command within PT10S");
    }

    @Test
    void anExecutorThatTakesNoMoreTurnsAway() {
        opens(builder -> builder.on(
                "command",
                task -> {
                    throw new RejectedExecutionException();
                },
                commands::add));

        for (int i = 0; i < 3; i++) {
            assertFails(asks("command", null), MessageException.Reason.ANSWERED_WITH_ERROR, MessageExchange.OVERLOADED);
        }
        pair.gateway().send(application("command"));
        loop.runUntilIdle();

        assertThat(agent.turnedAway()).isEqualTo(4);
        assertThat(commands).isEmpty();
    }

    @Test
    void onAnotherExecutorMessagesOfATypeStayInOrderAndBounded() {
        Queue<Runnable> tasks = new ArrayDeque<>();
        opens(builder -> builder.maxPending(5).on("event", tasks::add, each -> events.add(each.message())));
        for (int i = 0; i < 8; i++) {
            pair.gateway().send(new Message.Application("event", i));
        }
        loop.runUntilIdle();

        assertThat(tasks).hasSize(1);
        assertThat(agent.turnedAway()).isEqualTo(3);
        tasks.remove().run();
        assertThat(events).extracting(Message.Application::payload).containsExactly(0L, 1L, 2L, 3L, 4L);
        pair.gateway().send(new Message.Application("event", 8));
        loop.runUntilIdle();
        tasks.remove().run();
        assertThat(events).extracting(Message.Application::payload).endsWith(4L, 8L);
    }

    @Test
    void threadsAskAndAnswer() throws InterruptedException, ExecutionException {
        ExecutorService executor = Executors.newFixedThreadPool(4);
        try (ThreadLoop left = new ThreadLoop("gateway");
                ThreadLoop right = new ThreadLoop("agent")) {
            MessageExchange answering = MessageExchange.builder()
                    .on(
                            "command",
                            executor,
                            each -> executor.execute(
                                    () -> each.answer(each.message().payload())))
                    .build();
            TunnelPair threads = TunnelPair.open(
                    new TunnelPair.End(left, TunnelConfig.DEFAULTS, ofGateway),
                    new TunnelPair.End(right, TunnelConfig.DEFAULTS, answering.before(new RecordingTunnelHandler())));
            for (int round = 0; round < 20; round++) {
                List<CompletableFuture<Message.Application>> answers = new ArrayList<>();
                for (int i = 0; i < 500; i++) {
                    answers.add(gateway.request(
                                    threads.gateway(), new Message.Application("command", i), Duration.ofMinutes(1))
                            .toCompletableFuture());
                }
                for (int i = 0; i < 500; i++) {
                    assertThat(answers.get(i).get().payload()).isEqualTo((long) i);
                }
            }
            threads.gateway().close(ErrorCode.NO_ERROR, "");
        } finally {
            executor.shutdown();
            assertThat(executor.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void streamsOfANamedTypeAreTakenAndOthersGoOn() {
        RecordingHandler upload = new RecordingHandler();
        opens(builder -> builder.onStream("upload", (stream, request, isEnd) -> {
            events.add(request);
            return upload;
        }));
        TunnelStream taken =
                pair.gateway().open(new Message.Application("upload", "a.txt"), false, new RecordingHandler());
        taken.writeLast(Payload.of(new byte[100]));
        RecordingHandler other = new RecordingHandler();
        pair.gateway().open(application("another"), true, other);
        loop.runUntilIdle();

        assertThat(events).extracting(Message.Application::payload).containsExactly("a.txt");
        assertThat(upload.bytes()).hasSize(100);
        assertThat(other.outcome().isClean()).isTrue(); // the handler behind closes what it gets
    }

    @Test
    void callersMistakesAreTold() {
        opens(builder -> builder);
        MessageExchange.Builder builder = MessageExchange.builder().on("event", commands::add);

        assertThatIllegalArgumentException().isThrownBy(() -> builder.on("event", commands::add));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.on("heartbeat", commands::add));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.onStream("heartbeat", (s, r, isEnd) -> null));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.maxPending(0));
        assertThatIllegalArgumentException().isThrownBy(() -> builder.answerTimeout(Duration.ZERO));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gateway.request(pair.gateway(), application("x"), Duration.ZERO));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> gateway.request(
                        pair.gateway(), new Message.Application("x", "id", null, null, null, null), PATIENCE));
    }

    private void opens(UnaryOperator<MessageExchange.Builder> withHandlers) {
        agent = withHandlers.apply(MessageExchange.builder()).build();
        ofAgent = agent.before(behindAgent);
        pair = TunnelPair.open(loop, ofGateway, ofAgent);
    }

    private CompletableFuture<Message.Application> asks(String type, @Nullable Object payload) {
        return gateway.request(pair.gateway(), new Message.Application(type, payload), PATIENCE)
                .toCompletableFuture();
    }

    private static Message.Application application(String type) {
        return new Message.Application(type, null);
    }

    private void assertFails(CompletableFuture<?> answer, MessageException.Reason reason, String message) {
        loop.runUntilIdle();
        assertThat(answer).isCompletedExceptionally();
        Throwable failure = answer.handle((value, cause) -> cause).join();
        assertThat(failure).isInstanceOf(MessageException.class).hasMessage(message);
        assertThat(((MessageException) failure).reason()).isEqualTo(reason);
    }
}
