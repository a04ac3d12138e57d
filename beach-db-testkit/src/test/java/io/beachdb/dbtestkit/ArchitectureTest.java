package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.beachdb.dbtestkit.samples.Offender;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The classes of the libraries obey {@link ClassRules}, and each rule can fail. */
class ArchitectureTest {
    private static final String SAMPLES = Offender.class.getPackageName();

    private static final JavaClasses LIBRARIES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.beachdb");

    private static final JavaClasses OFFENDERS = new ClassFileImporter().importPackages(SAMPLES);

    /** Where waiting is made. */
    private static final Set<String> SCHEDULERS =
            Set.of("io.beachdb.base.SystemScheduler", "io.beachdb.testkit.SimulatedScheduler");

    /** Where time and randomness come in. */
    private static final Set<String> SOURCES = Set.of(
            "io.beachdb.base.SystemScheduler",
            "io.beachdb.base.SystemClock",
            "io.beachdb.base.RandomSource",
            "io.beachdb.durability.DurableDirectory", // how long a sync took, for listeners; decides nothing
            "io.beachdb.testkit.SimulatedScheduler"); // gives up on a task that hangs in real time

    /** Where the file seam ends. */
    private static final Set<String> FILE_SEAM = Set.of(
            "io.beachdb.durability",
            "io.beachdb.testkit.CheckedVfs"); // looks at real directories, to check the seam from outside

    @Test
    void libraries_areAllSeen() {
        assertThat(LIBRARIES)
                .extracting(javaClass -> javaClass.getPackageName().replaceFirst("^io\\.beachdb\\.?", ""))
                .containsAll(ClassRules.ARROWS.keySet());
    }

    @Test
    void modules_followTheArrows() {
        assertThat(ClassRules.arrows(LIBRARIES, "io.beachdb")).isEmpty();
    }

    @Test
    void packages_haveNoCycles() {
        // The face and the engine behind it are one: open() leads in, and options lead back.
        assertThat(ClassRules.cycles(LIBRARIES, Set.of("io.beachdb", "io.beachdb.db")))
                .isEmpty();
    }

    @Test
    void files_areReachedThroughTheSeam() {
        assertThat(ClassRules.files(LIBRARIES, FILE_SEAM)).isEmpty();
    }

    @Test
    void waiting_goesThroughTheScheduler() {
        assertThat(ClassRules.waits(LIBRARIES, SCHEDULERS)).isEmpty();
    }

    @Test
    void threads_areMadeByTheScheduler() {
        assertThat(ClassRules.threads(LIBRARIES, SCHEDULERS)).isEmpty();
    }

    @Test
    void timeAndChance_comeFromTheSeams() {
        assertThat(ClassRules.timeAndChance(LIBRARIES, SOURCES)).isEmpty();
    }

    @Test
    void arrows_betweenSiblingsOrFromNowhere_areReported() {
        List<String> violations = ClassRules.arrows(OFFENDERS, SAMPLES);

        assertThat(violations).anyMatch(line -> line.contains("samples.wal.UsesMemtable"));
        assertThat(ClassRules.arrows(OFFENDERS, SAMPLES + ".wal"))
                .contains(Offender.class.getName() + " lives in a package that has no arrows");
    }

    @Test
    void cycles_ofPackages_areReported() {
        assertThat(ClassRules.cycles(OFFENDERS, Set.of())).isNotEmpty();
        assertThat(ClassRules.cycles(OFFENDERS, Set.of(SAMPLES + ".wal", SAMPLES + ".memtable")))
                .isEmpty();
    }

    @Test
    void files_openedAnywhereElse_areReported() {
        assertThat(ClassRules.files(OFFENDERS, FILE_SEAM)).anyMatch(line -> line.contains("java.nio.file.Files"));
        assertThat(ClassRules.files(OFFENDERS, Set.of(SAMPLES))).isEmpty();
        assertThat(ClassRules.files(OFFENDERS, Set.of(Offender.class.getName())))
                .isEmpty();
    }

    @Test
    void waits_ofEveryKind_areReported() {
        List<String> violations = ClassRules.waits(OFFENDERS, SCHEDULERS);

        for (String wait : List.of(
                "Thread.sleep(",
                "Object.wait(",
                "Condition.awaitUninterruptibly(",
                "LockSupport.park(",
                "CompletableFuture.get(",
                "CompletableFuture.join(",
                "CountDownLatch.await(",
                "Semaphore.acquire(",
                "Semaphore.tryAcquire(int, long, java.util.concurrent.TimeUnit",
                "ArrayBlockingQueue.take(",
                "ArrayBlockingQueue.poll(long, java.util.concurrent.TimeUnit")) {
            assertThat(violations).anyMatch(line -> line.contains(wait));
        }
        assertThat(violations).noneMatch(line -> line.contains("ReentrantLock.lock("));
        assertThat(violations).noneMatch(line -> line.contains("ArrayBlockingQueue.poll()"));
        assertThat(ClassRules.waits(OFFENDERS, Set.of(Offender.class.getName())))
                .isEmpty();
    }

    @Test
    void threads_ofEveryKind_areReported() {
        assertThat(ClassRules.threads(OFFENDERS, SCHEDULERS))
                .anyMatch(line -> line.contains("java.lang.Thread.<init>("))
                .anyMatch(line -> line.contains("Thread.ofVirtual("))
                .anyMatch(line -> line.contains("CompletableFuture.runAsync(java.lang.Runnable)"))
                .noneMatch(line -> line.contains("runAsync(java.lang.Runnable, "));
    }

    @Test
    void timeAndChance_fromElsewhere_areReported() {
        assertThat(ClassRules.timeAndChance(OFFENDERS, SOURCES))
                .anyMatch(line -> line.contains("System.nanoTime("))
                .anyMatch(line -> line.contains("java.util.Random.<init>()"))
                .noneMatch(line -> line.contains("java.util.Random.<init>(long)"));
    }
}
