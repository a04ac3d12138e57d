package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.Durability;
import io.beachdb.dbtestkit.CrashOperation.Edit;
import io.beachdb.dbtestkit.CrashOperation.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The oracle must accept every state that a correct engine can leave, and catch each way of being wrong. States are made
 * here by plain replay, apart from the oracle's own reasoning.
 */
class CrashOracleTest {
    private static final int RUN = 3;
    private static final Map<String, CrashOrigin> EMPTY = Map.of();

    /** Replays a lane: all writes up to {@code all}, and the logged ones up to {@code log}. */
    private static void replay(CrashWorkload workload, int lane, int all, int log, Map<String, CrashOrigin> state) {
        for (CrashOperation operation : workload.operations(lane)) {
            if (operation.index() <= all || operation.index() <= log && operation.isLogged()) {
                apply(lane, operation, operation.edits().size(), state);
            }
        }
    }

    private static void apply(int lane, CrashOperation operation, int edits, Map<String, CrashOrigin> state) {
        for (int slot = 0; slot < edits; slot++) {
            Edit edit = operation.edits().get(slot);
            if (edit.isPut()) {
                state.put(edit.key(), new CrashOrigin(RUN, lane, operation.index(), slot));
            } else {
                state.remove(edit.key());
            }
        }
    }

    private static List<String> check(
            CrashWorkload workload,
            Map<String, CrashOrigin> before,
            Map<String, CrashOrigin> after,
            CrashPromise... all) {
        return new CrashOracle(workload, RUN, before).check(after, all);
    }

    private static CrashPromise[] nothing(CrashWorkload workload) {
        CrashPromise[] promises = new CrashPromise[workload.lanes()];
        Arrays.fill(promises, CrashPromise.NOTHING);
        return promises;
    }

    /** What was there before: some keys of the workload, and one that it never writes. */
    private static Map<String, CrashOrigin> before(CrashWorkload workload, SplittableRandom random) {
        Map<String, CrashOrigin> before = new TreeMap<>();
        for (int lane = 0; lane < workload.lanes(); lane++) {
            for (CrashOperation operation : workload.operations(lane)) {
                for (Edit edit : operation.edits()) {
                    if (random.nextInt(10) == 0) {
                        before.put(edit.key(), new CrashOrigin(1, lane, operation.index(), 0));
                    }
                }
            }
        }
        before.put("k99999/0", new CrashOrigin(0, 0, 0, 0));
        return before;
    }

    @ParameterizedTest
    @EnumSource(CrashProfile.class)
    void check_anyPrefixThatKeepsThePromises_accepted(CrashProfile profile) {
        for (long seed = 0; seed < 60; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            CrashWorkload workload = new CrashWorkload(seed, random.nextInt(1, 1500), profile);
            Map<String, CrashOrigin> before = before(workload, random);
            Map<String, CrashOrigin> after = new TreeMap<>(before);
            CrashPromise[] promises = nothing(workload);
            for (int lane = 0; lane < workload.lanes(); lane++) {
                int log = random.nextInt(-1, workload.operations(lane).size());
                int all = random.nextInt(-1, log + 1);
                replay(workload, lane, all, log, after);
                promises[lane] = new CrashPromise(random.nextInt(-1, log + 1), random.nextInt(-1, all + 1));
            }
            assertThat(check(workload, before, after, promises))
                    .as("seed " + seed)
                    .isEmpty();
        }
    }

    @Test
    void check_eachKeyLostInTurn_caughtUnlessADeleteExplainsIt() {
        CrashWorkload workload = new CrashWorkload(11, 400, CrashProfile.TINY);
        Map<String, CrashOrigin> after = new TreeMap<>();
        replay(workload, 0, 399, 399, after);
        int caught = 0;
        for (String key : after.keySet()) {
            Map<String, CrashOrigin> damaged = new TreeMap<>(after);
            damaged.remove(key);
            List<String> violations = check(workload, EMPTY, damaged, new CrashPromise(399, 399));
            assertThat(violations).as(key).hasSize(1);
            assertThat(violations.getFirst())
                    .contains("'" + key + "' is absent")
                    .contains("must be there");
            caught++;
        }
        assertThat(caught).isGreaterThan(100);
    }

    @Test
    void check_eachKeyWithAnOlderValue_caught() {
        CrashWorkload workload = new CrashWorkload(12, 400, CrashProfile.TINY);
        Map<String, CrashOrigin> earlier = new TreeMap<>();
        replay(workload, 0, 200, 200, earlier);
        Map<String, CrashOrigin> after = new TreeMap<>();
        replay(workload, 0, 399, 399, after);
        int changed = 0;
        for (Map.Entry<String, CrashOrigin> old : earlier.entrySet()) {
            if (!old.getValue().equals(after.get(old.getKey()))) {
                Map<String, CrashOrigin> damaged = new TreeMap<>(after);
                damaged.put(old.getKey(), old.getValue());
                assertThat(check(workload, EMPTY, damaged, new CrashPromise(399, 399)))
                        .as("%s back to %s", old.getKey(), old.getValue())
                        .isNotEmpty();
                changed++;
            }
        }
        assertThat(changed).isGreaterThan(50);
    }

    @Test
    void check_tornBatch_caughtAtEachCut() {
        CrashWorkload workload = new CrashWorkload(13, 300, CrashProfile.TINY);
        int torn = 0;
        for (CrashOperation operation : workload.operations(0)) {
            if (operation.kind() != Kind.BATCH) {
                continue;
            }
            Map<String, CrashOrigin> start = new TreeMap<>();
            replay(workload, 0, operation.index() - 1, operation.index() - 1, start);
            Map<String, CrashOrigin> whole = new TreeMap<>(start);
            apply(0, operation, operation.edits().size(), whole);
            for (int edits = 1; edits < operation.edits().size(); edits++) {
                Map<String, CrashOrigin> part = new TreeMap<>(start);
                apply(0, operation, edits, part);
                if (!part.equals(start) && !part.equals(whole)) {
                    assertThat(check(workload, EMPTY, part, CrashPromise.NOTHING))
                            .as("first %s edits of %s", edits, operation)
                            .isNotEmpty();
                    torn++;
                }
            }
        }
        assertThat(torn).isGreaterThan(100);
    }

    @Test
    void check_tornBatchOfPuts_saysSo() {
        CrashWorkload workload = new CrashWorkload(14, 300, CrashProfile.TINY);
        CrashOperation batch = find(
                workload,
                operation -> operation.kind() == Kind.BATCH
                        && operation.edits().stream().allMatch(Edit::isPut)
                        && operation.edits().stream().map(Edit::key).distinct().count()
                                == operation.edits().size());
        Map<String, CrashOrigin> part = new TreeMap<>();
        replay(workload, 0, batch.index() - 1, batch.index() - 1, part);
        // All its keys hold something older, so that none is merely absent.
        Map<String, CrashOrigin> before = new TreeMap<>();
        batch.edits().forEach(edit -> before.put(edit.key(), new CrashOrigin(0, 0, 0, 0)));
        Map<String, CrashOrigin> start = new TreeMap<>(before);
        replay(workload, 0, batch.index() - 1, batch.index() - 1, start);
        apply(0, batch, 1, start);
        batch.edits().stream().skip(1).forEach(edit -> start.computeIfAbsent(edit.key(), before::get));

        assertThat(check(workload, before, start, CrashPromise.NOTHING))
                .first()
                .asString()
                .contains("torn batch");
    }

    @Test
    void check_resurrectedDelete_caught() {
        CrashWorkload workload = new CrashWorkload(15, 400, CrashProfile.TINY);
        Map<String, CrashOrigin> state = new TreeMap<>();
        int resurrected = 0;
        for (CrashOperation operation : workload.operations(0)) {
            String key = operation.kind() == Kind.DELETE
                    ? operation.edits().getFirst().key()
                    : "";
            CrashOrigin deleted = state.get(key);
            apply(0, operation, operation.edits().size(), state);
            if (deleted != null && operation.isLogged()) {
                Map<String, CrashOrigin> damaged = new TreeMap<>(state);
                damaged.put(key, deleted);
                List<String> violations =
                        check(workload, EMPTY, damaged, new CrashPromise(operation.index(), operation.index()));
                assertThat(violations).first().asString().contains(key).contains("should be absent");
                resurrected++;
            }
        }
        assertThat(resurrected).isGreaterThan(10);
    }

    @Test
    void check_keysFromNowhere_caught() {
        CrashWorkload workload = new CrashWorkload(16, 50, CrashProfile.TINY);
        Map<String, CrashOrigin> after = new TreeMap<>();
        replay(workload, 0, 49, 49, after);
        String own = after.keySet().iterator().next();

        Map<String, CrashOrigin> foreign = new TreeMap<>(after);
        foreign.put("k77777/0", new CrashOrigin(RUN, 0, 0, 0));
        assertThat(check(workload, EMPTY, foreign, CrashPromise.NOTHING))
                .first()
                .asString()
                .contains("'k77777/0' comes from nowhere");

        Map<String, CrashOrigin> misplaced = new TreeMap<>(after);
        misplaced.put(own, new CrashOrigin(RUN, 0, 49, 7));
        assertThat(check(workload, EMPTY, misplaced, CrashPromise.NOTHING))
                .first()
                .asString()
                .contains("which never put that key");
    }

    @Test
    void check_changeOfAKeyThatTheRunNeverWrites_caught() {
        CrashWorkload workload = new CrashWorkload(17, 20, CrashProfile.TINY);
        Map<String, CrashOrigin> before = Map.of("k88888/0", new CrashOrigin(1, 0, 5, 0));

        assertThat(check(workload, before, Map.of(), CrashPromise.NOTHING))
                .first()
                .asString()
                .contains("it is absent");
        assertThat(check(workload, before, Map.of("k88888/0", new CrashOrigin(1, 0, 4, 0)), CrashPromise.NOTHING))
                .first()
                .asString()
                .contains("not as it was");
        assertThat(check(workload, before, before, CrashPromise.NOTHING)).isEmpty();
    }

    @Test
    void check_promisedOperationsMissing_caught() {
        CrashWorkload workload = new CrashWorkload(18, 300, CrashProfile.TINY);
        int caught = 0;
        for (int lost = 1; lost < 300; lost++) {
            CrashOperation operation = workload.operations(0).get(lost);
            Map<String, CrashOrigin> without = new TreeMap<>();
            replay(workload, 0, lost - 1, lost - 1, without);
            Map<String, CrashOrigin> with = new TreeMap<>(without);
            apply(0, operation, operation.edits().size(), with);
            if (with.equals(without)) {
                continue;
            }
            CrashPromise promise = operation.isLogged() ? new CrashPromise(lost, -1) : new CrashPromise(lost, lost);
            assertThat(check(workload, EMPTY, without, promise))
                    .as("without %s", operation)
                    .isNotEmpty();
            assertThat(check(workload, EMPTY, with, promise))
                    .as("with %s", operation)
                    .isEmpty();
            caught++;
        }
        assertThat(caught).isGreaterThan(200);
    }

    @Test
    void check_holeInTheOrder_caught() {
        CrashWorkload workload = new CrashWorkload(19, 300, CrashProfile.TINY);
        int caught = 0;
        for (int hole = 0; hole < 300; hole++) {
            CrashOperation skipped = workload.operations(0).get(hole);
            if (skipped.kind() != Kind.PUT || !skipped.isLogged()) {
                continue;
            }
            Map<String, CrashOrigin> holed = new TreeMap<>();
            Map<String, CrashOrigin> whole = new TreeMap<>();
            for (CrashOperation operation : workload.operations(0)) {
                if (operation.isLogged()) {
                    apply(0, operation, operation.edits().size(), whole);
                    if (operation.index() != skipped.index()) {
                        apply(0, operation, operation.edits().size(), holed);
                    }
                }
            }
            if (!holed.equals(whole)) {
                assertThat(check(workload, EMPTY, holed, CrashPromise.NOTHING))
                        .as("without %s", skipped)
                        .isNotEmpty();
                caught++;
            }
        }
        assertThat(caught).isGreaterThan(20);
    }

    @Test
    void check_unloggedWritesLost_acceptedUnlessPromised() {
        CrashWorkload workload = new CrashWorkload(20, 300, CrashProfile.TINY);
        Map<String, CrashOrigin> withoutUnlogged = new TreeMap<>();
        replay(workload, 0, -1, 299, withoutUnlogged);
        assertThat(check(workload, EMPTY, withoutUnlogged, new CrashPromise(299, -1)))
                .isEmpty();
        assertThat(check(workload, EMPTY, withoutUnlogged, new CrashPromise(299, 299)))
                .isNotEmpty();
    }

    @Test
    void check_unloggedWriteWithoutAnEarlierOne_caught() {
        CrashWorkload workload = new CrashWorkload(21, 400, CrashProfile.TINY);
        List<CrashOperation> unlogged = new ArrayList<>(workload.operations(0));
        unlogged.removeIf(operation -> operation.durability() != Durability.UNLOGGED || operation.kind() != Kind.PUT);
        Map<String, CrashOrigin> onlyLast = new TreeMap<>();
        apply(0, unlogged.getLast(), 1, onlyLast);
        assertThat(check(workload, EMPTY, onlyLast, CrashPromise.NOTHING)).isNotEmpty();
    }

    private static CrashOperation find(CrashWorkload workload, Predicate<CrashOperation> wanted) {
        return workload.operations(0).stream().filter(wanted).findFirst().orElseThrow();
    }
}
