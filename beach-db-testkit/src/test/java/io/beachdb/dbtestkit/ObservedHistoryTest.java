package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.ObservedHistory.ABSENT;
import static io.beachdb.dbtestkit.ObservedHistory.UNTOUCHED;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.dbtestkit.ObservedHistory.Operation;
import org.junit.jupiter.api.Test;

/** What can have happened, and what cannot. */
class ObservedHistoryTest {
    private final ObservedHistory history = new ObservedHistory(2);

    private Operation write(int a, int b) {
        return history.write("w", new int[] {a, b});
    }

    private void wrote(int a, int b) {
        write(a, b).returned();
    }

    private void read(int key, int value) {
        Operation read = history.read("r");
        read.returned();
        read.saw(key, value);
    }

    private void assertPossible(int... found) {
        assertThatCode(() -> history.check(found)).doesNotThrowAnyException();
    }

    private void assertImpossible(int... found) {
        assertThatThrownBy(() -> history.check(found))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("no order");
    }

    @Test
    void check_oneAfterTheOther_theNewestCounts() {
        wrote(1, UNTOUCHED);
        read(0, 1);
        wrote(2, 3);
        read(0, 2);
        read(1, 3);
        wrote(ABSENT, UNTOUCHED);
        read(0, ABSENT);
        assertPossible(ABSENT, 3);
    }

    @Test
    void check_staleRead_isFound() {
        wrote(1, UNTOUCHED);
        wrote(2, UNTOUCHED);
        read(0, 1);
        assertImpossible(2, ABSENT);
    }

    @Test
    void check_readOfAWriteThatComesLater_isFound() {
        read(0, 1);
        wrote(1, UNTOUCHED);
        assertImpossible(1, ABSENT);
    }

    @Test
    void check_readDuringAWrite_mayOrMayNotSeeIt() {
        Operation write = write(1, UNTOUCHED);
        read(0, ABSENT);
        read(0, 1);
        write.returned();
        assertPossible(1, ABSENT);
    }

    @Test
    void check_readDuringAWriteThatSawItAndThenNot_isFound() {
        Operation write = write(1, UNTOUCHED);
        read(0, 1);
        read(0, ABSENT);
        write.returned();
        assertImpossible(1, ABSENT);
    }

    /** Each key by itself is as it should be. */
    @Test
    void check_batchSeenInParts_isFound() {
        Operation write = write(1, 1);
        Operation read = history.read("r");
        read.saw(0, 1);
        read.saw(1, ABSENT);
        read.returned();
        write.returned();
        assertImpossible(1, 1);
    }

    @Test
    void check_twoReadersSeeTwoWritesInOppositeOrders_isFound() {
        Operation one = write(1, UNTOUCHED);
        Operation two = write(UNTOUCHED, 2);
        Operation first = history.read("r");
        Operation second = history.read("s");
        first.saw(0, 1);
        first.saw(1, ABSENT);
        second.saw(0, ABSENT);
        second.saw(1, 2);
        first.returned();
        second.returned();
        one.returned();
        two.returned();
        assertImpossible(1, 2);
    }

    @Test
    void saw_snapshotThatChanges_isFound() {
        Operation read = history.read("r");
        read.saw(0, 1);
        assertThatThrownBy(() -> read.saw(0, 2)).isInstanceOf(AssertionError.class);
    }

    // ---- after a crash

    @Test
    void check_writeWithoutReturn_mayBeThereOrNot() {
        write(1, 1);
        assertPossible(1, 1);
        write(2, 2);
        assertPossible(1, 1);
        write(3, 3);
        assertImpossible(3, 1);
    }

    @Test
    void check_deathOfTheProcess_losesNothingThatReturned() {
        wrote(1, UNTOUCHED);
        assertImpossible(ABSENT, ABSENT);
    }

    @Test
    void check_powerLost_leavesAPrefix() {
        wrote(1, UNTOUCHED);
        wrote(UNTOUCHED, 2);
        wrote(3, UNTOUCHED);
        history.powerLost();
        assertPossible(1, 2);
    }

    @Test
    void check_powerLost_aLaterWriteWithoutAnEarlierOne_isFound() {
        wrote(1, UNTOUCHED);
        wrote(UNTOUCHED, 2);
        history.powerLost();
        assertImpossible(ABSENT, 2);
    }

    @Test
    void check_powerLost_losesNothingDurable() {
        wrote(1, UNTOUCHED);
        write(2, UNTOUCHED).returnedDurable();
        wrote(3, UNTOUCHED);
        history.powerLost();
        assertImpossible(1, ABSENT);
    }

    @Test
    void check_powerLostAfterASync_losesNothingBeforeIt() {
        wrote(1, UNTOUCHED);
        history.durable(history.returnedWrites());
        wrote(2, UNTOUCHED);
        history.powerLost();
        assertImpossible(ABSENT, ABSENT);
    }

    @Test
    void check_refusedWrite_isNeverThere() {
        write(1, UNTOUCHED).refused();
        assertImpossible(1, ABSENT);
    }

    @Test
    void check_valueFoundOnce_staysFound() {
        write(1, UNTOUCHED);
        history.powerLost();
        assertPossible(1, ABSENT);
        history.powerLost();
        assertImpossible(ABSENT, ABSENT);
    }
}
