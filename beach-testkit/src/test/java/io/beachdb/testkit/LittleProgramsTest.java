package io.beachdb.testkit;

import static io.beachdb.testkit.Native.syncDirectory;
import static io.beachdb.testkit.Native.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.testkit.DiskOperation.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The test of the tester: little programs that keep something on disk, one for each mistake people make, and the right
 * ones. Each is judged twice: by the check at each acknowledgement, without any cut, and by cutting at every operation
 * with every policy and looking whether what was acknowledged is there. Both must find every mistake that they can see,
 * and neither may find one in a right program.
 */
class LittleProgramsTest {
    private static final Path DB = Path.of("/data/db");
    private static final Path PARENT = Path.of("/data");
    private static final Path LOG = DB.resolve("1.wal");
    private static final Path CURRENT = DB.resolve("CURRENT");
    private static final Path JOB = DB.resolve("JOB");
    private static final Path DONE = DB.resolve("DONE");

    /** Who can see the mistake of a program. */
    enum Mistake {
        NONE,
        /** Seen at the acknowledgement, and by cuts. */
        BY_BOTH,
        /** Nothing is acknowledged too early, but a cut leaves what must never be. */
        BY_CUTS
    }

    /** Does things to files and says what it promises. */
    interface Body {
        void run(Machine machine) throws IOException;
    }

    record Program(String name, Mistake mistake, Body body) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** A disk with one process, and what it has promised so far. */
    static final class Machine {
        final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DB);
        final Map<Path, String> promised = new LinkedHashMap<>();
        final Map<Path, String> gone = new LinkedHashMap<>();

        {
            disk.setOpenFilesHeld(false); // they leave most of their files open
        }

        SimulatedVfs vfs = disk.start("p");

        /** Says that the file holds this text, whatever happens. */
        void acknowledge(Path path, String text) {
            vfs.relyOn(path, text.length(), "acknowledgement");
            promised.put(path, text);
        }

        /** Says that the file holds this text nowhere any more, whatever happens; with an empty one, that there is no file. */
        void acknowledgeGone(Path path, String text) {
            if (text.isEmpty()) {
                vfs.relyOnAbsence(path, "acknowledgement");
            }
            gone.put(path, text);
        }

        /** Makes the next operation of the kind go wrong. */
        void fail(Kind kind, Fault.Effect effect) {
            disk.inject(Fault.on(o -> o.kind() == kind).with(effect));
        }

        void restart() {
            vfs.kill();
            vfs = disk.start("p2");
        }
    }

    private static VfsFile create(Vfs vfs, Path path, String text) throws IOException {
        VfsFile file = vfs.create(path);
        write(file, 0, text);
        return file;
    }

    private static void createDurably(Vfs vfs, Path path, String text) throws IOException {
        create(vfs, path, text).sync(true);
        syncDirectory(vfs, DB);
    }

    /** CURRENT names a manifest that is there. */
    private static void startWithManifest(Machine machine) throws IOException {
        createDurably(machine.vfs, DB.resolve("M1"), "one");
        createDurably(machine.vfs, CURRENT, "M1");
        machine.acknowledge(CURRENT, "M");
    }

    static Stream<Program> programs() {
        List<Program> programs = new ArrayList<>();
        logs(programs);
        switches(programs);
        others(programs);
        deletions(programs);
        failedSyncs(programs);
        return programs.stream();
    }

    private static void logs(List<Program> programs) {
        programs.add(new Program("log, file and directory synced", Mistake.NONE, m -> {
            VfsFile log = create(m.vfs, LOG, "header");
            log.sync(true);
            syncDirectory(m.vfs, DB);
            write(log, 6, " record");
            log.sync(false);
            m.acknowledge(LOG, "header record");
        }));
        programs.add(new Program("log, directory synced with the first sync", Mistake.NONE, m -> {
            VfsFile log = create(m.vfs, LOG, "header record");
            syncDirectory(m.vfs, DB);
            log.sync(true);
            m.acknowledge(LOG, "header record");
        }));
        programs.add(new Program("T1 log, directory never synced", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record").sync(true);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, directory synced before the creation", Mistake.BY_BOTH, m -> {
            syncDirectory(m.vfs, DB);
            create(m.vfs, LOG, "record").sync(true);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, parent of the directory synced instead", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record").sync(true);
            syncDirectory(m.vfs, PARENT);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, file never synced", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record").close();
            syncDirectory(m.vfs, DB);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, acknowledged before the sync", Mistake.BY_BOTH, m -> {
            VfsFile log = create(m.vfs, LOG, "record");
            syncDirectory(m.vfs, DB);
            m.acknowledge(LOG, "record");
            log.sync(true);
        }));
        programs.add(new Program("log, another file synced", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record");
            create(m.vfs, DB.resolve("2.wal"), "").sync(true);
            syncDirectory(m.vfs, DB);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("T22 log, failed sync repeated and believed", Mistake.BY_BOTH, m -> {
            VfsFile log = create(m.vfs, LOG, "record");
            syncDirectory(m.vfs, DB);
            m.disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE));
            assertThatThrownBy(() -> log.sync(true)).isInstanceOf(IOException.class);
            log.sync(true);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, written anew after a failed sync", Mistake.NONE, m -> {
            VfsFile log = create(m.vfs, LOG, "record");
            m.disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE));
            assertThatThrownBy(() -> log.sync(true)).isInstanceOf(IOException.class);
            Path second = DB.resolve("2.wal");
            createDurably(m.vfs, second, "record");
            m.acknowledge(second, "record");
        }));
        programs.add(new Program("T25 log, recycled by rename without a directory sync", Mistake.BY_BOTH, m -> {
            createDurably(m.vfs, LOG, "old records");
            Path recycled = DB.resolve("2.wal");
            m.vfs.rename(LOG, recycled);
            VfsFile log = m.vfs.openForWrite(recycled);
            write(log, 0, "new record ");
            log.sync(false);
            m.acknowledge(recycled, "new record");
        }));
        programs.add(new Program("log, recycled by rename with a directory sync", Mistake.NONE, m -> {
            createDurably(m.vfs, LOG, "old records");
            Path recycled = DB.resolve("2.wal");
            m.vfs.rename(LOG, recycled);
            VfsFile log = m.vfs.openForWrite(recycled);
            write(log, 0, "new record ");
            log.sync(false);
            syncDirectory(m.vfs, DB);
            m.acknowledge(recycled, "new record");
        }));
        programs.add(new Program("log, stored through a mapping and synced", Mistake.NONE, m -> {
            VfsFile log = m.vfs.create(LOG);
            log.allocate(4096);
            log.sync(true);
            syncDirectory(m.vfs, DB);
            log.map(4096).put(0, Native.of("record"), 0, 6);
            log.sync(false);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("log, stored through a mapping and not synced", Mistake.BY_BOTH, m -> {
            VfsFile log = m.vfs.create(LOG);
            log.allocate(4096);
            log.sync(true);
            syncDirectory(m.vfs, DB);
            log.map(4096).put(0, Native.of("record"), 0, 6);
            m.acknowledge(LOG, "record");
        }));
    }

    private static void switches(List<Program> programs) {
        programs.add(new Program("switch, all in order", Mistake.NONE, m -> {
            startWithManifest(m);
            createDurably(m.vfs, DB.resolve("M2"), "two");
            create(m.vfs, DB.resolve("CURRENT.tmp"), "M2").sync(true);
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            syncDirectory(m.vfs, DB);
            m.acknowledge(CURRENT, "M2");
            m.vfs.delete(DB.resolve("M1"));
        }));
        programs.add(new Program("T2 switch, directory not synced after the rename", Mistake.BY_BOTH, m -> {
            startWithManifest(m);
            createDurably(m.vfs, DB.resolve("M2"), "two");
            create(m.vfs, DB.resolve("CURRENT.tmp"), "M2").sync(true);
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            m.acknowledge(CURRENT, "M2");
        }));
        programs.add(new Program("T6 switch, renamed before the sync of the new content", Mistake.BY_BOTH, m -> {
            startWithManifest(m);
            createDurably(m.vfs, DB.resolve("M2"), "two");
            VfsFile file = create(m.vfs, DB.resolve("CURRENT.tmp"), "M2");
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            file.sync(true);
            syncDirectory(m.vfs, DB);
        }));
        programs.add(new Program("T5 switch, manifest not named on disk before", Mistake.BY_CUTS, m -> {
            startWithManifest(m);
            create(m.vfs, DB.resolve("M2"), "two").sync(true);
            create(m.vfs, DB.resolve("CURRENT.tmp"), "M2").sync(true);
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            syncDirectory(m.vfs, DB);
            m.acknowledge(CURRENT, "M2");
        }));
        programs.add(new Program("T7 switch, old manifest deleted before it is on disk", Mistake.BY_CUTS, m -> {
            startWithManifest(m);
            createDurably(m.vfs, DB.resolve("M2"), "two");
            create(m.vfs, DB.resolve("CURRENT.tmp"), "M2").sync(true);
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            m.vfs.delete(DB.resolve("M1"));
            syncDirectory(m.vfs, DB);
            m.acknowledge(CURRENT, "M2");
        }));
        programs.add(new Program("T7 the same, saying what the deletion counts on", Mistake.BY_BOTH, m -> {
            startWithManifest(m);
            createDurably(m.vfs, DB.resolve("M2"), "two");
            create(m.vfs, DB.resolve("CURRENT.tmp"), "M2").sync(true);
            m.vfs.rename(DB.resolve("CURRENT.tmp"), CURRENT);
            m.vfs.relyOn(CURRENT, 2, "deletion of M1");
            m.vfs.delete(DB.resolve("M1"));
        }));
    }

    private static void others(List<Program> programs) {
        Path outer = DB.resolve("x");
        Path inner = outer.resolve("y");
        programs.add(new Program("nested directories, each parent synced", Mistake.NONE, m -> {
            m.vfs.makeDirectory(outer);
            syncDirectory(m.vfs, DB);
            m.vfs.makeDirectory(inner);
            syncDirectory(m.vfs, outer);
            create(m.vfs, inner.resolve("f"), "x").sync(true);
            syncDirectory(m.vfs, inner);
            m.acknowledge(inner.resolve("f"), "x");
        }));
        programs.add(new Program("T14 nested directories, only the last parent synced", Mistake.BY_BOTH, m -> {
            m.vfs.makeDirectory(outer);
            m.vfs.makeDirectory(inner);
            syncDirectory(m.vfs, outer);
            create(m.vfs, inner.resolve("f"), "x").sync(true);
            syncDirectory(m.vfs, inner);
            m.acknowledge(inner.resolve("f"), "x");
        }));
        programs.add(new Program("T11 link of a log that was not synced", Mistake.BY_BOTH, m -> {
            VfsFile log = create(m.vfs, LOG, "header");
            log.sync(true);
            write(log, 6, " record");
            m.vfs.link(LOG, DB.resolve("copy"));
            syncDirectory(m.vfs, DB);
            m.acknowledge(DB.resolve("copy"), "header record");
        }));
        programs.add(new Program("S2 found after a kill, and believed", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record");
            m.restart();
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("S2 found after a kill, file synced only", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record");
            m.restart();
            m.vfs.openForWrite(LOG).sync(true);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("S2 found after a kill, file and directory synced", Mistake.NONE, m -> {
            create(m.vfs, LOG, "record");
            m.restart();
            m.vfs.openForWrite(LOG).sync(true);
            syncDirectory(m.vfs, DB);
            m.acknowledge(LOG, "record");
        }));
        programs.add(
                new Program("S19 moved, only the source directory synced later than the target's", Mistake.NONE, m -> {
                    createDurably(m.vfs, LOG, "record");
                    m.vfs.rename(LOG, PARENT.resolve("moved"));
                    syncDirectory(m.vfs, PARENT);
                    m.acknowledge(PARENT.resolve("moved"), "record");
                }));
        moves(programs);
    }

    private static void moves(List<Program> programs) {
        Path moved = PARENT.resolve("moved");
        // A rename is one change of both directories: a sync of either saves it whole.
        programs.add(new Program("S19 moved by rename, only the source directory synced", Mistake.NONE, m -> {
            createDurably(m.vfs, LOG, "record");
            m.vfs.rename(LOG, moved);
            syncDirectory(m.vfs, DB);
            m.acknowledge(moved, "record");
        }));
        programs.add(new Program("S19 moved by rename, the directory above both synced instead", Mistake.BY_BOTH, m -> {
            createDurably(m.vfs, LOG, "record");
            m.vfs.rename(LOG, moved);
            syncDirectory(m.vfs, Path.of("/"));
            m.acknowledge(moved, "record");
        }));
        programs.add(
                new Program("S19 moved by link and deletion, only the source directory synced", Mistake.BY_BOTH, m -> {
                    createDurably(m.vfs, LOG, "record");
                    m.vfs.link(LOG, moved);
                    m.vfs.delete(LOG);
                    syncDirectory(m.vfs, DB);
                    m.acknowledge(moved, "record");
                }));
        programs.add(new Program("S19 moved by link and deletion, target synced first", Mistake.NONE, m -> {
            createDurably(m.vfs, LOG, "record");
            m.vfs.link(LOG, moved);
            syncDirectory(m.vfs, PARENT);
            m.acknowledge(moved, "record");
            m.vfs.delete(LOG);
            syncDirectory(m.vfs, DB);
            m.acknowledgeGone(LOG, "");
        }));
    }

    private static void deletions(List<Program> programs) {
        programs.add(new Program(
                "T8 O11 mark of a job deleted, another job begun before that is on disk", Mistake.BY_CUTS, m -> {
                    finishJob(m);
                    m.vfs.delete(DONE);
                    beginNextJob(m);
                }));
        programs.add(new Program("T8 O11 mark of a job deleted, on disk before another is begun", Mistake.NONE, m -> {
            finishJob(m);
            m.vfs.delete(DONE);
            syncDirectory(m.vfs, DB);
            beginNextJob(m);
        }));
        programs.add(new Program("T8 deletion told before it is on disk", Mistake.BY_BOTH, m -> {
            createDurably(m.vfs, DONE, "");
            m.vfs.delete(DONE);
            m.acknowledgeGone(DONE, "");
            syncDirectory(m.vfs, DB);
        }));
        programs.add(new Program("T8 deletion told when it is on disk", Mistake.NONE, m -> {
            createDurably(m.vfs, DONE, "");
            m.vfs.delete(DONE);
            syncDirectory(m.vfs, DB);
            m.acknowledgeGone(DONE, "");
        }));
        programs.add(new Program("S21 torn tail cut off, not synced before the next append", Mistake.BY_CUTS, m -> {
            createDurably(m.vfs, LOG, "one;two;torn by a cut;");
            VfsFile log = m.vfs.openForWrite(LOG);
            log.truncate(8);
            m.acknowledgeGone(LOG, "cut;"); // what is appended has no older records behind it
            write(log, 8, "three;");
            log.sync(true);
            m.acknowledge(LOG, "one;two;three;");
        }));
        programs.add(new Program("S21 torn tail cut off, synced before the next append", Mistake.NONE, m -> {
            createDurably(m.vfs, LOG, "one;two;torn by a cut;");
            VfsFile log = m.vfs.openForWrite(LOG);
            log.truncate(8);
            log.sync(true);
            m.acknowledgeGone(LOG, "cut;");
            write(log, 8, "three;");
            log.sync(true);
            m.acknowledge(LOG, "one;two;three;");
        }));
    }

    /** Job 1 is done, and that is on disk. */
    private static void finishJob(Machine machine) throws IOException {
        createDurably(machine.vfs, JOB, "1");
        createDurably(machine.vfs, DONE, "");
    }

    private static void beginNextJob(Machine machine) throws IOException {
        VfsFile job = machine.vfs.openForWrite(JOB);
        write(job, 0, "2");
        job.sync(true);
        machine.acknowledge(JOB, "2");
    }

    private static void failedSyncs(List<Program> programs) {
        Path second = DB.resolve("2.wal");
        programs.add(new Program("F5 failed directory sync repeated and believed", Mistake.BY_BOTH, m -> {
            create(m.vfs, LOG, "record").sync(true);
            m.fail(Kind.SYNC_DIRECTORY, Fault.Effect.FAILS);
            assertThatThrownBy(() -> syncDirectory(m.vfs, DB)).isInstanceOf(IOException.class);
            syncDirectory(m.vfs, DB);
            m.acknowledge(LOG, "record");
        }));
        programs.add(new Program("F5 kept in another directory after a failed directory sync", Mistake.NONE, m -> {
            create(m.vfs, LOG, "record").sync(true);
            m.fail(Kind.SYNC_DIRECTORY, Fault.Effect.FAILS);
            assertThatThrownBy(() -> syncDirectory(m.vfs, DB)).isInstanceOf(IOException.class);
            Path other = PARENT.resolve("db2");
            m.vfs.makeDirectory(other);
            syncDirectory(m.vfs, PARENT);
            create(m.vfs, other.resolve("1.wal"), "record").sync(true);
            syncDirectory(m.vfs, other);
            m.acknowledge(other.resolve("1.wal"), "record");
        }));
        programs.add(new Program("F2 after a failed sync, what the file holds is copied", Mistake.BY_BOTH, m -> {
            failWithRecord(m);
            createDurably(m.vfs, second, Native.text(m.vfs, LOG));
            m.acknowledge(second, "header record");
        }));
        programs.add(new Program("F2 after a failed sync, what memory holds is written anew", Mistake.NONE, m -> {
            failWithRecord(m);
            createDurably(m.vfs, second, "header record");
            m.acknowledge(second, "header record");
        }));
        programs.add(
                new Program("F1 after an error told late, only the last record written anew", Mistake.BY_BOTH, m -> {
                    VfsFile log = failLate(m);
                    write(log, 3, "two");
                    log.sync(true);
                    m.acknowledge(LOG, "onetwo");
                }));
        programs.add(new Program("F1 after an error told late, everything written anew", Mistake.NONE, m -> {
            failLate(m);
            createDurably(m.vfs, second, "onetwo");
            m.acknowledge(second, "onetwo");
        }));
    }

    /** A sync of a record fails, and readers do not see the record any more. */
    private static void failWithRecord(Machine machine) throws IOException {
        createDurably(machine.vfs, LOG, "header");
        VfsFile log = machine.vfs.openForWrite(LOG);
        write(log, 6, " record");
        machine.fail(Kind.SYNC_FILE, Fault.Effect.FAILS_AND_REVERTS);
        assertThatThrownBy(() -> log.sync(true)).isInstanceOf(IOException.class);
    }

    /** Two records are synced, the first in vain; the second sync tells. */
    private static VfsFile failLate(Machine machine) throws IOException {
        createDurably(machine.vfs, LOG, "");
        VfsFile log = machine.vfs.openForWrite(LOG);
        write(log, 0, "one");
        machine.fail(Kind.SYNC_FILE, Fault.Effect.FAILS_ONE_LATER);
        log.sync(true);
        write(log, 3, "two");
        assertThatThrownBy(() -> log.sync(true)).isInstanceOf(IOException.class);
        return log;
    }

    @ParameterizedTest
    @MethodSource("programs")
    void program_judgedAtItsAcknowledgements_isFoundOut(Program program) throws IOException {
        Machine machine = new Machine();
        DurabilityViolation found = null;
        try {
            program.body.run(machine);
        } catch (DurabilityViolation violation) {
            found = violation;
        }
        if (program.mistake == Mistake.BY_BOTH) {
            assertThat(found).isNotNull();
        } else {
            assertThat(found).isNull();
        }
    }

    @ParameterizedTest
    @MethodSource("programs")
    void program_cutAtEveryOperationWithEveryPolicy_isFoundOut(Program program) throws IOException {
        Machine machine = new Machine();
        machine.disk.checkReliance(false);
        List<String> broken = new ArrayList<>();
        machine.disk.onOperation(operation -> explore(machine, operation.toString(), broken));
        program.body.run(machine);
        explore(machine, "the end", broken);

        if (program.mistake == Mistake.NONE) {
            assertThat(broken).isEmpty();
        } else {
            assertThat(broken).isNotEmpty();
        }
    }

    private static void explore(Machine machine, String before, List<String> broken) {
        for (CutPolicy policy : CutPolicy.exploring(machine.disk, 8, 10, 42)) {
            SimulatedDisk copy = machine.disk.copy();
            CutDecision decision = copy.cutPower(policy);
            String wrong = wrongAfterCut(copy, machine);
            if (wrong != null) {
                broken.add(wrong + " after a cut before " + before + ", " + policy + "\n" + decision);
            }
        }
    }

    /** Returns which promise does not hold; null if all do. */
    private static @Nullable String wrongAfterCut(SimulatedDisk disk, Machine machine) {
        for (Map.Entry<Path, String> promise : machine.promised.entrySet()) {
            Path path = promise.getKey();
            if (!disk.exists(path)) {
                return path + " is missing";
            }
            if (!textOf(disk, path).startsWith(promise.getValue())) {
                return path + " does not hold " + promise.getValue();
            }
        }
        for (Map.Entry<Path, String> promise : machine.gone.entrySet()) {
            Path path = promise.getKey();
            if (disk.exists(path) && textOf(disk, path).contains(promise.getValue())) {
                return path + " is back, or holds " + promise.getValue() + " again";
            }
        }
        if (disk.exists(DONE) && disk.exists(JOB) && textOf(disk, JOB).equals("2")) {
            return DONE + " was the mark of job 1, and says now that job 2 is done";
        }
        if (machine.promised.containsKey(CURRENT)) {
            String manifest = textOf(disk, CURRENT);
            if (!disk.names(DB).contains(manifest)) {
                return "CURRENT names " + manifest + ", which is missing";
            }
        }
        return null;
    }

    private static String textOf(SimulatedDisk disk, Path path) {
        return new String(disk.bytes(path), StandardCharsets.UTF_8);
    }

    @Test
    void closedDirectoryHandle_sync_isLoud() throws IOException {
        // T4: a sync on a closed handle that silently does nothing.
        Machine machine = new Machine();
        VfsDirectory directory = machine.vfs.openDirectory(DB);
        directory.close();
        assertThatThrownBy(directory::sync).isInstanceOf(IOException.class);
    }
}
