package io.tunnelmux.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class WindowsTest {

    private static final int SIZE_BYTES = 100;

    @Test
    void aReceiverTakesAsMuchAsItsWindowAndNotAByteMore() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);

        assertThat(window.onReceived(SIZE_BYTES - 1)).isTrue();
        assertThat(window.onReceived(2)).isFalse();
        assertThat(window.onReceived(1)).isTrue();
        assertThat(window.onReceived(0)).isTrue();
        assertThat(window.onReceived(1)).isFalse();
        assertThat(window.availableBytes()).isZero();
    }

    @Test
    void aGrantGoesAlongFromAnEighthOfTheWindowOnAndAloneFromAQuarterOn() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.onReceived(SIZE_BYTES);

        assertThat(window.onTaken(SIZE_BYTES / 8 - 1)).isEqualTo(ReceiveWindow.Due.NOT);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.ALONG);
        assertThat(window.onTaken(SIZE_BYTES / 8)).isEqualTo(ReceiveWindow.Due.ALONG);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.takeGrant()).isEqualTo(SIZE_BYTES / 4);
        assertThat(window.availableBytes()).isEqualTo(SIZE_BYTES / 4);
        assertThat(window.takeGrant()).isZero();
    }

    @Test
    void nothingIsTakenThatHasNotCome() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.onReceived(10);
        window.onTaken(4);

        assertThatIllegalArgumentException().isThrownBy(() -> window.onTaken(7));
        assertThatIllegalArgumentException().isThrownBy(() -> window.onTaken(-1));
        window.onTaken(6);
        assertThatIllegalArgumentException().isThrownBy(() -> window.onTaken(1));
    }

    @Test
    void growthIsGrantedOnTopOfWhatWasTaken() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.onReceived(60);
        window.onTaken(50);

        window.grow(300);

        assertThat(window.takeGrant()).isEqualTo(350);
        assertThat(window.availableBytes()).isEqualTo(390);
        assertThat(window.heldBytes()).isEqualTo(10);
        assertThat(window.grownBytes()).isEqualTo(300);
    }

    @Test
    void grantsOfAWindowThatHasGrownAreAnEighthOfItAndNotSmallerThanBefore() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.grow(SIZE_BYTES);
        window.takeGrant();
        window.onReceived(200);
        assertThat(window.onTaken(24)).isEqualTo(ReceiveWindow.Due.ALONG);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
        window.grow(600);
        window.takeGrant();
        assertThat(window.onTaken(99)).isEqualTo(ReceiveWindow.Due.ALONG);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
    }

    @Test
    void aWindowShrinksByHalfOfWhatWasTakenAndStillGrants() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.grow(300);
        window.takeGrant();
        window.onReceived(400);
        window.onTaken(80);

        assertThat(window.shrink()).isEqualTo(40);
        assertThat(window.takeGrant()).isEqualTo(40);
        assertThat(window.sizeBytes()).isEqualTo(360);
        window.onTaken(320);
        assertThat(window.shrink()).isEqualTo(160);
        assertThat(window.shrink()).isEqualTo(80);
        assertThat(window.shrink()).isEqualTo(20);
        assertThat(window.shrink()).isZero();
        assertThat(window.takeGrant()).isEqualTo(60);
        assertThat(window.availableBytes()).isEqualTo(SIZE_BYTES);
    }

    @Test
    void aWindowSmallerThanAtFirstGrantsFromAQuarterOfItOn() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES, SIZE_BYTES / 4);
        window.onReceived(SIZE_BYTES);
        window.onTaken(SIZE_BYTES);
        assertThat(window.shrink()).isEqualTo(SIZE_BYTES / 2);
        assertThat(window.shrink()).isEqualTo(SIZE_BYTES / 4);
        assertThat(window.shrink()).isZero();
        assertThat(window.takeGrant()).isEqualTo(SIZE_BYTES / 4);
        assertThat(window.grownBytes()).isEqualTo(-SIZE_BYTES * 3 / 4);

        window.onReceived(SIZE_BYTES / 4);
        assertThat(window.onTaken(SIZE_BYTES / 16 - 1)).isEqualTo(ReceiveWindow.Due.ALONG);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
    }

    @Test
    void grantsAreGatheredAsFarAsThePeerIsLeftWithWhatItUsesMeanwhile() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.leave(60);
        window.onReceived(SIZE_BYTES);

        assertThat(window.onTaken(39)).isNotEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.takeGrant()).isEqualTo(40);
    }

    @Test
    void notMoreThanHalfOfAWindowIsGatheredHoweverLittleThePeerUses() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.leave(0);
        window.onReceived(SIZE_BYTES);

        assertThat(window.onTaken(SIZE_BYTES / 2 - 1)).isNotEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);
    }

    @Test
    void whereThePeerCanUseAllOfAWindowGrantsComeAsOftenAsWithoutThat() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.leave(0);
        window.leave(Long.MAX_VALUE);
        window.onReceived(SIZE_BYTES);
        assertThat(window.onTaken(SIZE_BYTES / 4 - 1)).isNotEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.onTaken(1)).isEqualTo(ReceiveWindow.Due.NOW);

        window.grow(700);
        window.takeGrant();
        window.leave(800);
        assertThat(window.onTaken(99 - 25)).isNotEqualTo(ReceiveWindow.Due.NOW);
    }

    @Test
    void aWindowThatShrinksGathersNoMoreThanItIs() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES, SIZE_BYTES / 10);
        window.leave(0);
        window.onReceived(SIZE_BYTES);
        window.onTaken(SIZE_BYTES);
        while (window.shrink() > 0) {
            // To its least size: what was gathered so far is more than all of that.
        }
        int least = window.takeGrant();

        window.onReceived(least);
        assertThat(window.onTaken(least / 2)).isEqualTo(ReceiveWindow.Due.NOW);
    }

    @Test
    void whatIsTakenIsMeasuredFromWhenThatIsAskedFor() {
        ReceiveWindow window = new ReceiveWindow(SIZE_BYTES);
        window.onReceived(100);
        window.onTaken(30);
        assertThat(window.isMeasuring()).isFalse();

        window.measureFrom(-7);
        window.onTaken(20);
        window.onTaken(1);

        assertThat(window.isMeasuring()).isTrue();
        assertThat(window.measuredBytes()).isEqualTo(21);
        assertThat(window.measuredSinceNanos()).isEqualTo(-7);
    }

    @Test
    void theLargestWindowDoesNotOverflow() {
        ReceiveWindow window = new ReceiveWindow(Integer.MAX_VALUE);

        assertThat(window.onReceived(Integer.MAX_VALUE)).isTrue();
        assertThat(window.onReceived(1)).isFalse();
        assertThat(window.onTaken(Integer.MAX_VALUE)).isEqualTo(ReceiveWindow.Due.NOW);
        assertThat(window.takeGrant()).isEqualTo(Integer.MAX_VALUE);
        assertThat(window.onReceived(Integer.MAX_VALUE)).isTrue();
    }

    @Test
    void aSenderMayHaveCreditUpTo31Bits() {
        SendWindow window = new SendWindow(10);

        assertThat(window.onGranted(Integer.MAX_VALUE - 10)).isTrue();
        assertThat(window.availableBytes()).isEqualTo(Integer.MAX_VALUE);
        assertThat(window.onGranted(1)).isFalse();
        assertThat(window.availableBytes()).isEqualTo(Integer.MAX_VALUE);
        window.onSent(1);
        assertThat(window.onGranted(2)).isFalse();
        assertThat(window.onGranted(1)).isTrue();
        window.onSent(Integer.MAX_VALUE);
        assertThat(window.availableBytes()).isZero();
    }

    @Test
    void aSenderNeverHasMoreThanItsReceiverKnowsAndNeverStaysWithout() {
        for (long seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int size = 1 + random.nextInt(1_000);
            ReceiveWindow receiver = new ReceiveWindow(size);
            SendWindow sender = new SendWindow(size);
            long arrived = 0;
            long taken = 0;
            for (int i = 0; i < 1_000; i++) {
                int sent = random.nextInt(sender.availableBytes() + 1);
                sender.onSent(sent);
                assertThat(receiver.onReceived(sent)).as("seed %d", seed).isTrue();
                arrived += sent;
                int consumed = (int) random.nextLong(arrived - taken + 1);
                taken += consumed;
                if (random.nextInt(20) == 0) {
                    receiver.grow(random.nextInt(2_000));
                } else if (random.nextInt(20) == 0) {
                    receiver.shrink();
                } else if (random.nextInt(20) == 0) {
                    receiver.leave(random.nextInt(2_000));
                }
                if (receiver.onTaken(consumed) == ReceiveWindow.Due.NOW) {
                    assertThat(sender.onGranted(receiver.takeGrant())).isTrue();
                }
                assertThat(sender.availableBytes()).isEqualTo(receiver.availableBytes());
            }
            int left = sender.availableBytes();
            sender.onSent(left);
            receiver.onReceived(left);
            assertThat(receiver.onTaken((int) (arrived + left - taken)))
                    .as("seed %d", seed)
                    .isEqualTo(ReceiveWindow.Due.NOW);
            assertThat(receiver.takeGrant()).as("seed %d", seed).isPositive();
        }
    }
}
