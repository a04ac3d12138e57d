package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.dbtestkit.MutantVfs.Mutant;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.DiskOperation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each scenario of the engine with errors of its disk: it may stop, never lie. The whole is {@code ./beach sweep}. */
class ErrorSweepTest {
    private static final long SEED = Long.getLong("beach.sweep.seed", 1);
    private static final int ONE_IN = Integer.getInteger("beach.sweep.onein", 60);
    private static final int ONE_IN_OF_A_MISTAKE = 15;

    @ParameterizedTest
    @EnumSource
    void scenario_withErrorsOfItsDisk_staysTrue(EngineScenario scenario) {
        ErrorSweep.Result result = new ErrorSweep(scenario, SEED, ONE_IN, 2).sweep();
        assertThat(result.violations()).isEmpty();
        assertThat(result.refused()).isPositive();
        assertThat(result.resumed()).isPositive();
        assertThat(result.notResumed()).isPositive();
        assertThat(result.notOpened()).isPositive();
        assertThat(result.states()).isGreaterThan(result.cases());
    }

    /** On a disk that is dead, or full, and stays so. */
    @Test
    void close_onAFailingDisk_saysWhatIsInDoubt() {
        assertThat(new ErrorSweep(EngineScenario.PUTS, SEED, ONE_IN, 2).sweep().closedInDoubt())
                .isPositive();
    }

    /** Mistakes below the engine, and which look tells of each; the disk's own check of what is counted on is off. */
    @SuppressWarnings("ImmutableEnumChecker") // each sweep is used by one test
    enum Mistake {
        /** What a cut leaves. */
        LOG_SYNC_IS_A_LIE(
                EngineScenario.PUTS,
                disk -> disk.inject(Fault.on(operation -> operation.site() == SyncSite.LOG_GROUP)
                        .with(Fault.Effect.IGNORED)
                        .sticky()),
                process -> process,
                "writes, promised "),
        DIRECTORY_OF_A_FLUSH_IS_NOT_SYNCED(
                EngineScenario.FLUSH,
                disk -> {},
                mutant(MutantVfs.Mistake.SKIP, SyncSite.TABLE_FLUSH, DiskOperation.Kind.SYNC_DIRECTORY),
                "names it as a table of level 0, and it is not there"),
        /** It is well until the disk errs. */
        ERRORS_OF_THE_LOG_ARE_DROPPED(
                EngineScenario.PUTS,
                disk -> {},
                mutant(MutantVfs.Mistake.SWALLOW, SyncSite.LOG_GROUP, DiskOperation.Kind.SYNC_FILE),
                "writes, promised "),
        /** What refusals say. */
        UNREADABLE_BYTES_ARE_ZEROS(
                EngineScenario.REOPEN,
                disk -> {},
                process -> new MutantVfs(process, Mutant.of(MutantVfs.Mistake.ZEROS_FOR_ERRORS)),
                "an error of the disk was told as io.beachdb.base.CorruptionException"),
        /** What a close leaves. */
        FILES_STAY_OPEN(
                EngineScenario.CREATE,
                disk -> disk.setOpenFilesHeld(false), // which would tell of it at once
                process -> new MutantVfs(process, Mutant.of(MutantVfs.Mistake.NEVER_CLOSED)),
                "are charged, and open are [");

        private final ErrorSweep sweep;
        private final String tells;

        Mistake(
                EngineScenario scenario,
                Consumer<SimulatedDisk> prepare,
                Function<SimulatedVfs, Vfs> files,
                String tells) {
            this.sweep = new ErrorSweep(
                    scenario,
                    SEED,
                    ONE_IN_OF_A_MISTAKE,
                    2,
                    disk -> {
                        disk.checkReliance(false);
                        prepare.accept(disk);
                    },
                    files);
            this.tells = tells;
        }

        private static Function<SimulatedVfs, Vfs> mutant(
                MutantVfs.Mistake mistake, SyncSite site, DiskOperation.Kind kind) {
            return process -> new MutantVfs(process, Mutant.of(mistake, site, kind));
        }
    }

    /** And the case that it names repeats it. */
    @ParameterizedTest
    @EnumSource
    void sweep_overAMistake_tellsOfIt(Mistake mistake) {
        List<String> violations = mistake.sweep.sweep().violations();
        assertThat(violations).anyMatch(violation -> violation.contains(mistake.tells));
        String told = violations.stream()
                .filter(violation -> violation.contains(mistake.tells))
                .findFirst()
                .orElseThrow();
        String one = told.replaceFirst("(?s).*?, case \"(.*?)\" of .*", "$1");
        assertThatThrownBy(() -> mistake.sweep.replay(one)).isInstanceOf(AssertionError.class);
    }

    @Test
    void replay_ofOneCase_playsItOrSaysThatThereIsNone() {
        ErrorSweep sweep = new ErrorSweep(EngineScenario.CREATE, 1, 1, 1);
        sweep.replay("40 error");
        sweep.replay("40 kind-for-a-while resume");
        assertThatThrownBy(() -> sweep.replay("40 errors"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'40 errors'")
                .hasMessageContaining("no-descriptor-for-a-while");
    }
}
