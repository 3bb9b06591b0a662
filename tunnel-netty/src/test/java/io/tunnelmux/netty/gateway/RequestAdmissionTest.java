package io.tunnelmux.netty.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import io.tunnelmux.core.testing.TunnelPair;
import io.tunnelmux.protocol.ErrorCode;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is let in, who waits, and who is not, in virtual time and with real tunnels. */
class RequestAdmissionTest {

    private static final Route ROUTE = Route.to(AdmissionRig.AGENT);
    private static final InetAddress CLIENT = AdmissionRig.address("192.0.2.1");

    // Places.

    @Test
    void asManyAreLetInAsTheTunnelTakesAndTheRestWaitsInOrder() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(3);
        List<AdmissionRig.Guest> guests = rig.guests(6);

        assertThat(rig.inside).isEqualTo(guests.subList(0, 3));
        assertThat(rig.admission.queueDepth(AdmissionRig.AGENT)).isEqualTo(3);
        assertThat(rig.admission.queueDepth()).isEqualTo(3);
        guests.get(1).ends();
        guests.get(0).ends();
        guests.get(3).ends();

        assertThat(rig.inside).isEqualTo(guests);
        guests.forEach(AdmissionRig.Guest::ends);
        assertNothingLeft(rig);
    }

    @Test
    void nobodyOvertakesThoseWhoWait() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1);
        AdmissionRig.Guest first = rig.guest();
        AdmissionRig.Guest second = rig.guest();
        first.visit.end();
        AdmissionRig.Guest third = rig.guest();

        assertThat(second.isInside()).isTrue();
        assertThat(third.isWaiting()).isTrue();
    }

    @Test
    void whoGoesAwayLeavesTheQueueAtOnce() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1);
        List<AdmissionRig.Guest> guests = rig.guests(5);
        for (int leaving : new int[] {4, 2, 1}) {
            guests.get(leaving).ends();
        }

        assertThat(rig.admission.queueDepth(AdmissionRig.AGENT)).isEqualTo(1);
        guests.get(0).ends();
        assertThat(rig.inside).containsExactly(guests.get(0), guests.get(3));
        guests.get(3).ends();
        assertNothingLeft(rig);
    }

    @Test
    void whoGoesAwayWhenCalledGivesItsPlaceToTheNext() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1);
        List<AdmissionRig.Guest> guests = rig.guests(3);
        guests.get(0).visit.end();
        // It has been called, and does not know yet.
        guests.get(1).ends();

        assertThat(rig.inside).containsExactly(guests.get(0), guests.get(2));
        guests.get(2).ends();
        assertNothingLeft(rig);
    }

    @Test
    void whoHasWaitedLongEnoughIsRefused() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1);
        AdmissionRig.Guest first = rig.guest();
        AdmissionRig.Guest second = rig.guest();
        rig.advance(Duration.ofMillis(99));
        assertThat(second.isWaiting()).isTrue();

        rig.advance(Duration.ofMillis(1));

        assertThat(second.refusedWith()).isEqualTo("overloaded");
        assertThat(Objects.requireNonNull(second.refusal).status()).isEqualTo(503);
        assertThat(second.refusal.isRetryable()).isTrue();
        assertThat(second.refusal.retryAfterSeconds()).isEqualTo(1);
        first.ends();
        assertNothingLeft(rig);
    }

    @Test
    void beyondTheQueueOneIsRefusedAtOnce() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().maxWaitingPerAgent(2).build());
        rig.connect(1);
        List<AdmissionRig.Guest> guests = rig.guests(4);

        assertThat(guests.get(2).isWaiting()).isTrue();
        assertThat(guests.get(3).refusedWith()).isEqualTo("overloaded");
        assertThat(Objects.requireNonNull(guests.get(3).refusal).cause()).contains("agent");
    }

    @Test
    void allQueuesTogetherHaveALimit() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().maxWaiting(2).build());
        rig.connect(1);
        List<AdmissionRig.Guest> guests = rig.guests(4);

        assertThat(guests.get(3).refusedWith()).isEqualTo("overloaded");
        guests.get(1).ends();
        assertThat(rig.guest().isWaiting()).isTrue();
    }

    @Test
    void anAgentHasALimitOverAllItsTunnels() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().maxStreamsPerAgent(2).build());
        rig.connect(1_000);
        List<AdmissionRig.Guest> guests = rig.guests(3);

        assertThat(rig.inside).isEqualTo(guests.subList(0, 2));
    }

    @Test
    void aTunnelHasTheGatewaysLimitIfThatIsLower() {
        AdmissionRig rig = new AdmissionRig(
                AdmissionConfig.builder().maxStreamsPerTunnel(2).build());
        rig.connect(1_000);
        rig.guests(3);

        assertThat(rig.inside).hasSize(2);
    }

    @Test
    void theGatewayHasALimitAndKeepsNobodyWaitingForIt() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().maxRequests(2).build());
        rig.connect(1);
        List<AdmissionRig.Guest> guests = rig.guests(3);

        assertThat(guests.get(1).isWaiting()).isTrue();
        assertThat(guests.get(2).refusedWith()).isEqualTo("overloaded");
        guests.get(0).ends();
        assertThat(rig.guest().isWaiting()).isTrue();
    }

    @Test
    void aRouteHasALimitAndKeepsNobodyWaitingForIt() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1_000);
        Route narrow = ROUTE.withMaxConcurrent(1);
        AdmissionRig.Guest first = rig.guest(narrow, null);

        // An equal route is the same one.
        assertThat(rig.guest(ROUTE.withMaxConcurrent(1), null).refusedWith()).isEqualTo("overloaded");
        assertThat(rig.guest(ROUTE, null).isInside()).isTrue();
        first.ends();
        assertThat(rig.guest(narrow, null).isInside()).isTrue();
    }

    @Test
    void aThousandAreLetInAtOnceAndTheNextOnesWait() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(100_000);
        List<AdmissionRig.Guest> guests = rig.guests(1_024 + 1_024 + 1);

        assertThat(rig.inside).isEqualTo(guests.subList(0, 1_024));
        assertThat(rig.admission.queueDepth(AdmissionRig.AGENT)).isEqualTo(1_024);
        assertThat(guests.get(2_048).refusedWith()).isEqualTo("overloaded");
    }

    // Agents that go and come.

    @Test
    void nobodyWaitsForAnAgentThatWasNeverThere() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);

        AdmissionRig.Guest guest = rig.guest();

        assertThat(guest.refusedWith()).isEqualTo("agent_offline");
        assertThat(Objects.requireNonNull(guest.refusal).retryAfterSeconds()).isEqualTo(5);
        assertNothingLeft(rig);
    }

    @Test
    void whoComesWhileTheAgentIsAwayWaitsForItAndIsLetInInOrder() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.lose(rig.connect(1_000));
        List<AdmissionRig.Guest> guests = rig.guests(50);
        rig.advance(Duration.ofSeconds(9));
        assertThat(rig.inside).isEmpty();

        TunnelPair fresh = rig.connect(1_000);

        assertThat(rig.inside).isEqualTo(guests);
        assertThat(guests).allMatch(guest -> guest.tunnel == fresh.gateway());
        guests.forEach(AdmissionRig.Guest::ends);
        assertNothingLeft(rig);
    }

    @Test
    void itIsWaitedForAsLongAfterItWasLost() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.lose(rig.connect(1_000));
        rig.advance(Duration.ofSeconds(7));
        AdmissionRig.Guest guest = rig.guest();
        rig.advance(Duration.ofMillis(2_999));
        assertThat(guest.isWaiting()).isTrue();

        rig.advance(Duration.ofMillis(1));

        assertThat(guest.refusedWith()).isEqualTo("agent_reconnecting");
        assertThat(Objects.requireNonNull(guest.refusal).status()).isEqualTo(503);
        assertThat(guest.refusal.isRetryable()).isTrue();
        assertThat(guest.refusal.retryAfterSeconds()).isPositive();
        assertThat(rig.guest().refusedWith()).isEqualTo("agent_reconnecting");
        rig.advance(Duration.ofSeconds(20));
        assertThat(rig.guest().refusedWith()).isEqualTo("agent_offline");
        assertNothingLeft(rig);
    }

    @Test
    void whoWaitedForAStreamWaitsOnWhenTheAgentIsLost() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        TunnelPair lost = rig.connect(1);
        AdmissionRig.Guest first = rig.guest();
        AdmissionRig.Guest second = rig.guest();
        rig.advance(Duration.ofMillis(50));
        rig.lose(lost);
        first.ends();
        rig.advance(Duration.ofSeconds(5));
        assertThat(second.isWaiting()).isTrue();

        rig.connect(1);

        assertThat(second.isInside()).isTrue();
    }

    @Test
    void anAgentThatKeepsComingAndGoingIsNotWaitedForForEver() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().maxStreamsPerAgent(1).build());
        TunnelPair pair = rig.connect(1);
        rig.guest();
        AdmissionRig.Guest second = rig.guest();
        rig.lose(pair);
        rig.advance(Duration.ofSeconds(9));
        rig.lose(rig.connect(1));
        rig.advance(Duration.ofMillis(1_099));
        assertThat(second.isWaiting()).isTrue();

        rig.advance(Duration.ofMillis(1));

        assertThat(second.refusedWith()).isEqualTo("agent_reconnecting");
    }

    @Test
    void withoutPatienceNobodyWaits() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.builder()
                .reconnectWait(Duration.ZERO)
                .queueWait(Duration.ZERO)
                .build());
        TunnelPair pair = rig.connect(1);
        rig.guest();
        assertThat(rig.guest().refusedWith()).isEqualTo("overloaded");

        rig.lose(pair);

        assertThat(rig.guest().refusedWith()).isEqualTo("agent_reconnecting");
    }

    @Test
    void anotherTunnelIsTriedBeforeAnybodyElseIsCalled() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        TunnelPair lost = rig.connect(1);
        AdmissionRig.Guest refused = rig.guest();
        rig.lose(lost);
        List<AdmissionRig.Guest> later = rig.guests(2);
        assertThat(refused.visit.enterAgain(rig.loop, true)).isTrue();
        rig.loop.runUntilIdle();
        assertThat(rig.inside).containsExactly(refused);

        TunnelPair fresh = rig.connect(1);

        assertThat(rig.inside).containsExactly(refused, refused);
        assertThat(refused.tunnel).isSameAs(fresh.gateway());
        refused.ends();
        assertThat(rig.inside).containsExactly(refused, refused, later.get(0));
    }

    @Test
    void whatMustNotWaitIsNotTriedAgainWhileTheAgentIsAway() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        TunnelPair lost = rig.connect(1);
        AdmissionRig.Guest refused = rig.guest();
        rig.lose(lost);

        assertThat(refused.visit.enterAgain(rig.loop, false)).isFalse();
        refused.ends();
        assertNothingLeft(rig);
    }

    @Test
    void aTunnelThatRefusesIsNotTriedAgain() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(10);
        AdmissionRig.Guest refused = rig.guest();

        assertThat(refused.visit.enterAgain(rig.loop, true)).isFalse();
        refused.ends();
        assertNothingLeft(rig);
    }

    @Test
    void whoWaitsIsSentAwayWhenTheGatewayGoesDown() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.lose(rig.connect(1));
        List<AdmissionRig.Guest> guests = rig.guests(3);

        rig.admission.drain();
        rig.loop.runUntilIdle();

        assertThat(guests).allMatch(guest -> "shutting_down".equals(guest.refusedWith()));
        assertThat(rig.guest().isWaiting()).isFalse();
        assertNothingLeft(rig);
    }

    // Rates.

    @Test
    void anAgentHasARate() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.builder()
                .agentRate(RateLimit.perSecond(1).withBurst(2))
                .build());
        rig.connect(1_000);
        rig.guests(2);
        AdmissionRig.Guest third = rig.guest();
        assertThat(third.refusedWith()).isEqualTo("rate_limited");
        assertThat(Objects.requireNonNull(third.refusal).status()).isEqualTo(429);
        assertThat(third.refusal.retryAfterSeconds()).isEqualTo(1);

        rig.advance(Duration.ofSeconds(1));

        assertThat(rig.guest().isInside()).isTrue();
        assertThat(rig.guest().refusedWith()).isEqualTo("rate_limited");
    }

    @Test
    void aRouteHasARate() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1_000);
        Route narrow = ROUTE.withRate(new RateLimit(1, Duration.ofMinutes(1), 1));
        rig.guest(narrow, null);

        AdmissionRig.Guest second = rig.guest(narrow, null);

        assertThat(second.refusedWith()).isEqualTo("rate_limited");
        assertThat(Objects.requireNonNull(second.refusal).retryAfterSeconds()).isEqualTo(60);
        assertThat(rig.guest(ROUTE, null).isInside()).isTrue();
    }

    @Test
    void aClientHasARateOfItsOwn() {
        AdmissionRig rig = new AdmissionRig(
                AdmissionConfig.builder().clientRate(RateLimit.perSecond(1)).build());
        rig.connect(1_000);
        rig.guest(ROUTE, CLIENT);

        assertThat(rig.guest(ROUTE, CLIENT).refusedWith()).isEqualTo("rate_limited");
        assertThat(rig.guest(ROUTE, AdmissionRig.address("192.0.2.2")).isInside())
                .isTrue();
    }

    @Test
    void aClientThatGivesUpTooMuchIsNotListenedToForAWhile() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.builder()
                .abortRate(RateLimit.perSecond(1).withBurst(3))
                .build());
        rig.connect(1_000);
        abort(rig, CLIENT, 3);

        assertThat(rig.guest(ROUTE, CLIENT).refusedWith()).isEqualTo("rate_limited");
        assertThat(rig.guest(ROUTE, AdmissionRig.address("192.0.2.2")).isInside())
                .isTrue();
        rig.advance(Duration.ofSeconds(1));
        assertThat(rig.guest(ROUTE, CLIENT).isInside()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.9.9.9", "::1"})
    void whatManyMayShareIsNotHeldAgainstOne(String address) {
        AdmissionRig rig = new AdmissionRig(
                AdmissionConfig.builder().abortRate(RateLimit.perSecond(1)).build());
        rig.connect(1_000);
        abort(rig, AdmissionRig.address(address), 5);

        assertThat(rig.guest(ROUTE, AdmissionRig.address(address)).isInside()).isTrue();
    }

    private static void abort(AdmissionRig rig, InetAddress client, int times) {
        for (int i = 0; i < times; i++) {
            AdmissionRig.Guest guest = rig.guest(ROUTE, client);
            guest.visit.onAborted();
            guest.ends();
        }
    }

    // The breaker.

    @ParameterizedTest
    @EnumSource(names = {"UPSTREAM_UNREACHABLE", "TIMEOUT"})
    void whatFailsAgainAndAgainRests(ErrorCode code) {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1_000);
        fail(rig, ROUTE, code, 5);

        assertThat(rig.circuits).containsExactly("/ to demo OPEN");
        AdmissionRig.Guest refused = rig.guest();
        assertThat(refused.refusedWith()).isEqualTo("circuit_open");
        assertThat(Objects.requireNonNull(refused.refusal).status()).isEqualTo(503);
        assertThat(refused.refusal.retryAfterSeconds()).isEqualTo(5);
        assertThat(rig.guest(Route.of("", "/other", AdmissionRig.AGENT), null).isInside())
                .isTrue();

        rig.advance(Duration.ofSeconds(5));
        AdmissionRig.Guest probe = rig.guest();
        assertThat(probe.isInside()).isTrue();
        probe.visit.onAnswered();
        probe.ends();
        assertThat(rig.circuits).containsExactly("/ to demo OPEN", "/ to demo CLOSED");
        assertThat(rig.guest().isInside()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(names = {"UPSTREAM_RESET", "REFUSED", "CANCELLED", "OVERLOADED", "UPSTREAM_INVALID", "FORBIDDEN"})
    void whatSaysNothingOfTheUpstreamsHealthDoesNotCount(ErrorCode code) {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(1_000);
        fail(rig, ROUTE, code, 100);

        assertThat(rig.guest().isInside()).isTrue();
    }

    @Test
    void aLostTunnelIsOneFailureHoweverManyItCarried() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        for (int times = 1; times <= 5; times++) {
            TunnelPair pair = rig.connect(1_000);
            List<AdmissionRig.Guest> guests = rig.guests(100);
            assertThat(guests).allMatch(AdmissionRig.Guest::isInside);
            rig.lose(pair);
            for (AdmissionRig.Guest guest : guests) {
                guest.visit.onFailed(ErrorCode.TRANSPORT_LOST, pair.gateway());
                guest.ends();
            }
        }

        rig.connect(1_000);
        assertThat(rig.guest().refusedWith()).isEqualTo("circuit_open");
    }

    @Test
    void timeoutsOfOneClientAtOnceAreOneFailure() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        TunnelPair pair = rig.connect(1_000);
        InetAddress client = AdmissionRig.address("203.0.113.7");
        for (int times = 1; times <= 4; times++) {
            rig.advance(Duration.ofSeconds(1));
            for (int i = 0; i < 20; i++) {
                AdmissionRig.Guest guest = rig.guest(ROUTE, client);
                guest.visit.onFailed(ErrorCode.TIMEOUT, pair.gateway());
                guest.ends();
            }
        }
        assertThat(rig.circuits).isEmpty();

        AdmissionRig.Guest other = rig.guest(ROUTE, AdmissionRig.address("203.0.113.8"));
        other.visit.onFailed(ErrorCode.TIMEOUT, pair.gateway());
        other.ends();
        assertThat(rig.circuits).containsExactly("/ to demo OPEN");
    }

    @Test
    void aProbeThatWaitsInVainLeavesItsTurnToAnother() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        TunnelPair pair = rig.connect(1_000);
        fail(rig, ROUTE, ErrorCode.TIMEOUT, 5);
        rig.advance(Duration.ofSeconds(5));
        for (int i = 0; i < 10; i++) {
            AdmissionRig.Guest gone = rig.guest();
            assertThat(gone.isInside()).isTrue();
            gone.ends();
        }
        rig.lose(pair);
        List<AdmissionRig.Guest> probes = rig.guests(Breaker.PROBES);
        assertThat(probes).allMatch(AdmissionRig.Guest::isWaiting);
        assertThat(rig.guest().refusedWith()).isEqualTo("circuit_open");
        rig.advance(Duration.ofSeconds(10));
        assertThat(probes).allMatch(probe -> "agent_reconnecting".equals(probe.refusedWith()));

        rig.connect(1_000);

        assertThat(rig.guest().isInside()).isTrue();
    }

    @Test
    void theBreakerCanBeTurnedOff() {
        AdmissionRig rig =
                new AdmissionRig(AdmissionConfig.builder().circuitFailures(0).build());
        rig.connect(1_000);
        fail(rig, ROUTE, ErrorCode.TIMEOUT, 100);

        assertThat(rig.guest().isInside()).isTrue();
    }

    private static void fail(AdmissionRig rig, Route route, ErrorCode code, int times) {
        for (int i = 0; i < times; i++) {
            rig.advance(Duration.ofSeconds(1));
            AdmissionRig.Guest guest = rig.guest(route, null);
            guest.visit.onFailed(code, Objects.requireNonNull(guest.tunnel));
            guest.ends();
        }
    }

    // All of it.

    @Test
    void aHundredThousandRequestsLeaveNothingBehind() {
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.DEFAULTS);
        rig.connect(100);
        int mostTimers = 0;
        for (int round = 0; round < 500; round++) {
            List<AdmissionRig.Guest> guests = rig.guests(200);
            mostTimers = Math.max(mostTimers, rig.loop.pendingTimers());
            guests.forEach(AdmissionRig.Guest::ends);
        }

        assertThat(rig.inside).hasSizeGreaterThanOrEqualTo(100_000 - 100);
        // One for each that waits, and what the tunnel needs.
        assertThat(mostTimers).isBetween(100, 110);
        assertNothingLeft(rig);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void whateverHappensNobodyIsForgotten(long seed) {
        Random random = new Random(seed);
        AdmissionRig rig = new AdmissionRig(AdmissionConfig.builder()
                .maxWaitingPerAgent(20)
                .maxStreamsPerAgent(12)
                .build());
        TunnelPair pair = rig.connect(10);
        List<AdmissionRig.Guest> all = new ArrayList<>();
        List<AdmissionRig.Guest> present = new ArrayList<>();
        for (int step = 0; step < 5_000; step++) {
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3, 4 -> {
                    AdmissionRig.Guest guest = rig.guest();
                    all.add(guest);
                    present.add(guest);
                }
                case 5, 6, 7, 8 -> {
                    if (!present.isEmpty()) {
                        AdmissionRig.Guest leaving = present.remove(random.nextInt(present.size()));
                        leaving.visit.end();
                        if (random.nextBoolean()) {
                            rig.loop.runUntilIdle();
                        }
                    }
                }
                case 9 -> rig.advance(Duration.ofMillis(random.nextInt(40)));
                case 10 -> {
                    if (random.nextInt(10) == 0) {
                        rig.lose(pair);
                    }
                }
                default -> {
                    if (random.nextInt(10) == 0) {
                        pair = rig.connect(1 + random.nextInt(15));
                    }
                }
            }
            rig.loop.runUntilIdle();
            present.removeIf(guest -> guest.refusal != null);
            long waiting =
                    present.stream().filter(AdmissionRig.Guest::isWaiting).count();
            assertThat(rig.admission.queueDepth(AdmissionRig.AGENT))
                    .as("seed %d, step %d", seed, step)
                    .isEqualTo((int) waiting)
                    .isLessThanOrEqualTo(20);
            assertThat(present.size() - waiting).isLessThanOrEqualTo(12);
            assertThat(rig.admission.requests()).isEqualTo(present.size());
        }
        // In the order in which they came.
        List<AdmissionRig.Guest> inside = new ArrayList<>(all);
        inside.retainAll(new java.util.HashSet<>(rig.inside));
        assertThat(rig.inside).isEqualTo(inside);
        present.forEach(AdmissionRig.Guest::ends);
        assertNothingLeft(rig);
    }

    private static void assertNothingLeft(AdmissionRig rig) {
        rig.loop.runUntilIdle();
        assertThat(rig.admission.requests()).isZero();
        assertThat(rig.admission.queueDepth()).isZero();
        AgentPool pool = rig.registry.pool(AdmissionRig.AGENT);
        if (pool != null) {
            assertThat(pool.inside()).isZero();
            assertThat(pool.waiting()).isZero();
        }
        // Both ends of the tunnel watch for life.
        assertThat(rig.loop.pendingTimers()).isLessThanOrEqualTo(4);
    }
}
