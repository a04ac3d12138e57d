package io.beachdb.testkit;

import static io.beachdb.testkit.Native.syncDirectory;
import static io.beachdb.testkit.Native.text;
import static io.beachdb.testkit.Native.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.durability.NotSyncableException;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs.PathKind;
import io.beachdb.durability.Vfs.VfsLock;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.durability.VfsMapping;
import io.beachdb.testkit.DiskOperation.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The model of the disk, one rule a test. */
class SimulatedDiskTest {
    private static final Path DIR = Path.of("/dir");
    private static final Path OTHER = Path.of("/other");
    private static final Path A = DIR.resolve("a");
    private static final Path B = DIR.resolve("b");

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DIR).makeDirectories(OTHER);
    private final SimulatedVfs vfs = disk.start("p");

    @BeforeEach
    void beLikePosix() {
        disk.setOpenFilesHeld(false); // but where a test is about it
    }

    /** Makes a file whose name and bytes are on disk. */
    private VfsFile durableFile(Path path, String text) throws IOException {
        VfsFile file = vfs.create(path);
        write(file, 0, text);
        file.sync(true);
        syncDirectory(vfs, path.getRoot().resolve(path.subpath(0, path.getNameCount() - 1)));
        return file;
    }

    private List<String> namesAfter(CutPolicy policy) {
        SimulatedDisk copy = disk.copy();
        copy.cutPower(policy);
        return copy.names(DIR);
    }

    private String textAfter(CutPolicy policy, Path path) {
        SimulatedDisk copy = disk.copy();
        copy.cutPower(policy);
        return new String(copy.bytes(path), StandardCharsets.UTF_8);
    }

    private static String zeros(int count) {
        return "\0".repeat(count);
    }

    // ---- names

    @Test
    void create_fileSyncedDirectoryNot_nameMayBeLost() throws IOException {
        VfsFile file = vfs.create(A);
        write(file, 0, "hello");
        file.sync(true);

        assertThat(namesAfter(CutPolicy.none())).isEmpty();
        assertThat(namesAfter(CutPolicy.dataOnly())).isEmpty();
        assertThat(namesAfter(CutPolicy.all())).containsExactly("a");
        assertThat(textAfter(CutPolicy.namesOnly(), A)).isEqualTo("hello");
    }

    @Test
    void create_directorySynced_nameStays() throws IOException {
        durableFile(A, "hello");

        assertThat(disk.pending()).isEmpty();
        assertThat(namesAfter(CutPolicy.none())).containsExactly("a");
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("hello");
    }

    @Test
    void create_otherDirectorySynced_nameMayBeLost() throws IOException {
        vfs.create(A).sync(true);
        syncDirectory(vfs, OTHER);
        syncDirectory(vfs, Path.of("/"));

        assertThat(namesAfter(CutPolicy.none())).isEmpty();
    }

    @Test
    void create_directorySyncBeganBefore_nameMayBeLost() throws IOException {
        // A file made while the sync is under way: some seed puts the creation between its begin and its effect.
        Set<List<String>> outcomes = new TreeSet<>(Comparator.comparing(Object::toString));
        for (int seed = 0; seed < 100; seed++) {
            outcomes.add(namesAfterRacingSync(seed));
        }
        assertThat(outcomes).containsExactlyInAnyOrder(List.of(), List.of("a"));
    }

    /** Returns the names on disk when the creation came before the effect of the sync, maybe after its begin. */
    private static List<String> namesAfterRacingSync(long seed) {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk slow = new SimulatedDisk(scheduler).makeDirectories(DIR);
            SimulatedVfs process = slow.start("p");
            List<String> order = new ArrayList<>();
            slow.onOperation(operation -> order.add(operation.kind().name()));
            scheduler.spawn(process.process(), "creator", () -> unchecked(() -> process.create(A)));
            scheduler.spawn(process.process(), "syncer", () -> unchecked(() -> syncDirectory(process, DIR)));
            scheduler.run();
            slow.cutPower(CutPolicy.none());
            boolean createdFirst = order.indexOf("CREATE") < order.indexOf("SYNC_DIRECTORY");
            return createdFirst ? slow.names(DIR) : List.of("a");
        }
    }

    @Test
    void write_duringASyncOfTheFile_mayBeLost() {
        Set<String> outcomes = new TreeSet<>();
        for (int seed = 0; seed < 100; seed++) {
            outcomes.add(bytesAfterRacingSync(seed));
        }
        assertThat(outcomes).containsExactlyInAnyOrder("lost", "saved");
    }

    /** Returns what became of a write that came before the effect of the sync, maybe after its begin. */
    private static String bytesAfterRacingSync(long seed) {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk slow = new SimulatedDisk(scheduler);
            slow.install(Path.of("/f"), new byte[1]);
            SimulatedVfs process = slow.start("p");
            List<Kind> order = new ArrayList<>();
            slow.onOperation(operation -> order.add(operation.kind()));
            scheduler.spawn(
                    process.process(),
                    "writer",
                    () -> unchecked(() -> write(process.openForWrite(Path.of("/f")), 0, "x")));
            scheduler.spawn(
                    process.process(),
                    "syncer",
                    () -> unchecked(() -> process.openForWrite(Path.of("/f")).sync(false)));
            scheduler.run();
            slow.cutPower(CutPolicy.none());
            boolean writtenFirst = order.indexOf(Kind.WRITE) < order.indexOf(Kind.SYNC_FILE);
            return writtenFirst && slow.bytes(Path.of("/f"))[0] == 0 ? "lost" : "saved";
        }
    }

    private interface Body {
        void run() throws IOException;
    }

    private static void unchecked(Body body) {
        try {
            body.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void rename_notSynced_isWholeOrNotAtAll() throws IOException {
        durableFile(A, "new");
        durableFile(B, "old");
        vfs.rename(A, B);

        assertThat(namesAfter(CutPolicy.none())).containsExactly("a", "b");
        assertThat(textAfter(CutPolicy.none(), B)).isEqualTo("old");
        assertThat(namesAfter(CutPolicy.all())).containsExactly("b");
        assertThat(textAfter(CutPolicy.all(), B)).isEqualTo("new");
        for (CutPolicy policy : CutPolicy.exploring(disk, 8, 20, 1)) {
            assertThat(namesAfter(policy)).as(policy.toString()).isIn(List.of("a", "b"), List.of("b"));
        }
    }

    @Test
    void rename_acrossDirectoriesOneSynced_isOnDiskWhole() throws IOException {
        durableFile(A, "x");
        vfs.rename(A, OTHER.resolve("c"));
        syncDirectory(vfs, OTHER);

        assertThat(disk.pending()).isEmpty();
        disk.cutPower(CutPolicy.none());
        assertThat(disk.names(DIR)).isEmpty();
        assertThat(disk.names(OTHER)).containsExactly("c");
    }

    @Test
    void delete_notSynced_nameMayComeBack() throws IOException {
        durableFile(A, "x");
        vfs.delete(A);

        assertThat(vfs.kind(A)).isEqualTo(PathKind.ABSENT);
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("x");
        assertThat(namesAfter(CutPolicy.all())).isEmpty();
        syncDirectory(vfs, DIR);
        assertThat(namesAfter(CutPolicy.none())).isEmpty();
    }

    @Test
    void delete_thenCreateAgain_bothMayBeLostAlone() throws IOException {
        durableFile(A, "old");
        vfs.delete(A);
        write(vfs.create(A), 0, "new");

        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("old");
        assertThat(namesAfter(CutPolicy.subset(0b001))).isEmpty(); // only the deletion
        assertThat(textAfter(CutPolicy.subset(0b010), A)).isEmpty(); // only the new name
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("new");
    }

    @Test
    void slot_olderChangeSavedLater_doesNotUndoANewerOne() throws IOException {
        VfsFile file = vfs.create(A); // pending in DIR
        file.sync(true);
        vfs.rename(A, OTHER.resolve("c")); // pending in both
        syncDirectory(vfs, OTHER); // saves the rename whole
        syncDirectory(vfs, DIR); // saves the older creation: a must not come back

        disk.cutPower(CutPolicy.none());
        assertThat(disk.names(DIR)).isEmpty();
        assertThat(disk.names(OTHER)).containsExactly("c");
    }

    @Test
    void makeDirectory_parentNotSynced_losesTheTree() throws IOException {
        Path inner = DIR.resolve("inner");
        vfs.makeDirectory(inner);
        durableFile(inner.resolve("f"), "x");

        assertThat(namesAfter(CutPolicy.none())).isEmpty();
        syncDirectory(vfs, DIR);
        SimulatedDisk copy = disk.copy();
        copy.cutPower(CutPolicy.none());
        assertThat(copy.names(inner)).containsExactly("f");
    }

    @Test
    void link_notSynced_mayBeLostAlone() throws IOException {
        durableFile(A, "x");
        vfs.link(A, B);

        assertThat(namesAfter(CutPolicy.none())).containsExactly("a");
        assertThat(namesAfter(CutPolicy.all())).containsExactly("a", "b");
        disk.cutPower(CutPolicy.all());
        SimulatedVfs after = disk.start("q");
        write(after.openForWrite(A), 0, "y");
        assertThat(text(after, B)).isEqualTo("y");
    }

    // ---- bytes

    @Test
    void write_notSynced_mayBeLostInPartOrZeros() throws IOException {
        VfsFile file = durableFile(A, "");
        write(file, 0, "x".repeat(10_000));

        assertThat(textAfter(CutPolicy.none(), A)).isEmpty();
        assertThat(textAfter(CutPolicy.namesWithoutData(), A)).isEqualTo(zeros(10_000));
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("x".repeat(10_000));
        CutPolicy middlePage = decision -> decision.events().getFirst().keepSectors(new byte[] {0, (byte) 0xFF, 0});
        assertThat(textAfter(middlePage, A)).isEqualTo(zeros(4096) + "x".repeat(4096));
        CutPolicy firstSectors = decision -> decision.events().getFirst().keepSectors(new byte[] {0b101, 0, 0});
        assertThat(textAfter(firstSectors, A)).isEqualTo("x".repeat(512) + zeros(512) + "x".repeat(512));
    }

    @Test
    void overwrite_notSynced_keepsOldBytesInTheLostPieces() throws IOException {
        VfsFile file = durableFile(A, "o".repeat(8192));
        write(file, 1000, "n".repeat(6000));

        CutPolicy secondPage = decision -> decision.events().getFirst().keepSectors(new byte[] {0, (byte) 0xFF});
        assertThat(textAfter(secondPage, A)).isEqualTo("o".repeat(4096) + "n".repeat(2904) + "o".repeat(1192));
        CutPolicy oneSector = decision -> decision.events().getFirst().keepSectors(new byte[] {0b10, 0});
        assertThat(textAfter(oneSector, A)).isEqualTo("o".repeat(1000) + "n".repeat(24) + "o".repeat(7168));
    }

    @Test
    void size_notSynced_isAnythingBetween() throws IOException {
        VfsFile file = durableFile(A, "o".repeat(100));
        write(file, 100, "n".repeat(900));

        for (int size : new int[] {100, 512, 999, 1000}) {
            CutPolicy policy = decision -> decision.sizes().getFirst().choose(size);
            assertThat(textAfter(policy, A)).isEqualTo("o".repeat(100) + zeros(size - 100));
        }
        CutPolicy tooShort = decision -> decision.sizes().getFirst().choose(99);
        assertThatThrownBy(() -> textAfter(tooShort, A)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void truncate_notSynced_mayBeUndone() throws IOException {
        VfsFile file = durableFile(A, "old bytes");
        file.truncate(0);
        write(file, 0, "new");

        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("old bytes");
        assertThat(textAfter(CutPolicy.subset(0b01), A)).isEmpty();
        assertThat(textAfter(CutPolicy.subset(0b10), A)).isEqualTo("new bytes");
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("new");
    }

    @Test
    void sync_ofOneFile_savesNoOther() throws IOException {
        VfsFile a = durableFile(A, "");
        VfsFile b = durableFile(B, "");
        write(a, 0, "1");
        write(b, 0, "2");
        a.sync(false);

        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("1");
        assertThat(textAfter(CutPolicy.none(), B)).isEmpty();
    }

    @Test
    void close_isNotASync() throws IOException {
        VfsFile file = durableFile(A, "");
        write(file, 0, "x");
        file.close();

        assertThat(textAfter(CutPolicy.none(), A)).isEmpty();
        assertThat(text(vfs, A)).isEqualTo("x"); // unsynced, and seen
        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(ClosedChannelException.class);
    }

    @Test
    void closedDirectory_sync_isRefused() throws IOException {
        VfsDirectory directory = vfs.openDirectory(DIR);
        directory.close();
        assertThatThrownBy(directory::sync).isInstanceOf(ClosedChannelException.class);
    }

    @Test
    void put_byMapping_isAnUnsyncedWrite() throws IOException {
        VfsFile file = durableFile(A, "");
        file.allocate(8192);
        file.sync(true);
        VfsMapping mapping = file.map(8192);
        mapping.put(100, Native.of("xy"), 0, 2);

        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo(zeros(8192));
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo(zeros(100) + "xy" + zeros(8090));
        file.sync(false);
        assertThat(textAfter(CutPolicy.none(), A)).contains("xy");
        assertThatThrownBy(() -> mapping.put(8191, Native.of("xy"), 0, 2))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> file.map(8193)).isInstanceOf(IOException.class);
    }

    @Test
    void cut_afterwardsAllIsOnDisk() throws IOException {
        write(vfs.create(A), 0, "x");
        disk.cutPower(CutPolicy.all());

        assertThat(disk.pending()).isEmpty();
        disk.cutPower(CutPolicy.none());
        assertThat(disk.names(DIR)).containsExactly("a");
        disk.start("q").relyOn(A, 1, "test");
    }

    @Test
    void cut_randomPolicy_repeatsFromItsSeed() throws IOException {
        VfsFile file = vfs.create(A);
        write(file, 0, "x".repeat(50_000));
        vfs.link(A, B);
        Set<Long> states = new TreeSet<>();
        for (int seed = 0; seed < 50; seed++) {
            SimulatedDisk one = disk.copy();
            one.cutPower(CutPolicy.random(seed));
            SimulatedDisk two = disk.copy();
            two.cutPower(CutPolicy.random(seed));
            assertThat(one.fingerprint()).isEqualTo(two.fingerprint());
            states.add(one.fingerprint());
        }
        assertThat(states).hasSizeGreaterThan(10);
    }

    // ---- the end of processes

    @Test
    void kill_keepsWhatIsPending_stillPending() throws IOException {
        VfsFile file = vfs.create(A);
        write(file, 0, "x");
        vfs.kill();

        assertThatThrownBy(() -> write(file, 1, "y")).isInstanceOf(ProcessKilled.class);
        assertThatThrownBy(() -> vfs.list(DIR)).isInstanceOf(ProcessKilled.class);
        SimulatedVfs next = disk.start("q");
        assertThat(text(next, A)).isEqualTo("x");
        assertThat(namesAfter(CutPolicy.none())).isEmpty();
        assertThatThrownBy(() -> next.relyOn(A, 1, "test")).isInstanceOf(DurabilityViolation.class);
    }

    @Test
    void cutAt_everyOperation_endsThereAndThatOneDidNotHappen() throws IOException {
        List<List<String>> states = new ArrayList<>();
        for (int at = 1; ; at++) {
            SimulatedDisk fresh = new SimulatedDisk().makeDirectories(DIR);
            SimulatedVfs process = fresh.start("p");
            fresh.cutAt(at);
            try {
                process.create(A).close();
                process.rename(A, B);
                syncDirectory(process, DIR);
            } catch (PowerCut cut) {
                assertThat(cut).hasMessageContaining("before operation");
                assertThatThrownBy(() -> process.kind(A))
                        .isInstanceOf(PowerCut.class)
                        .hasMessage(cut.getMessage());
                assertThatThrownBy(() -> fresh.start("q")).isInstanceOf(IllegalStateException.class);
            }
            boolean wasCut = fresh.isPowerOff();
            fresh.cutPower(CutPolicy.all());
            states.add(fresh.names(DIR));
            if (!wasCut) {
                break;
            }
        }
        assertThat(states).containsExactly(List.of(), List.of("a"), List.of("b"), List.of("b"));
    }

    @Test
    void lock_heldByAnotherProcess_isRefusedUntilItEnds() throws IOException {
        vfs.create(A).close();
        VfsLock lock = vfs.tryLock(A, false);
        SimulatedVfs other = disk.start("q");

        assertThat(lock).isNotNull();
        assertThat(other.tryLock(A, false)).isNull();
        assertThat(other.tryLock(A, true)).isNull();
        vfs.kill();
        assertThat(other.tryLock(A, false)).isNotNull();
    }

    @Test
    void lock_shared_letsSharedIn() throws IOException {
        vfs.create(A).close();
        SimulatedVfs other = disk.start("q");
        assertThat(vfs.tryLock(A, true)).isNotNull();
        VfsLock second = other.tryLock(A, true);
        assertThat(second).isNotNull();
        assertThat(disk.start("r").tryLock(A, false)).isNull();
    }

    @Test
    void lock_anyHandleOfTheFileClosed_isGone() throws IOException {
        vfs.create(A).close();
        assertThat(vfs.tryLock(A, false)).isNotNull();
        vfs.openForRead(A).close();
        assertThat(disk.start("q").tryLock(A, false)).isNotNull();
    }

    // ---- errors

    @Test
    void sync_failed_dataIsReadableAndNeverOnDisk() throws IOException {
        VfsFile file = durableFile(A, "old");
        write(file, 0, "new");
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE));

        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(IOException.class);
        file.sync(true); // succeeds, and means nothing
        assertThat(text(vfs, A)).isEqualTo("new");
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("old");
        assertThatThrownBy(() -> vfs.relyOn(A, 3, "test")).isInstanceOf(DurabilityViolation.class);

        write(file, 0, "new");
        file.sync(true);
        vfs.relyOn(A, 3, "test");
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("new");
    }

    @Test
    void sync_failedButHappened_dataIsOnDisk() throws IOException {
        VfsFile file = durableFile(A, "old");
        write(file, 0, "new");
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE).with(Fault.Effect.FAILS_BUT_HAPPENED));

        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(IOException.class);
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("new");
    }

    @Test
    void sync_failedHalfway_firstHalfIsOnDisk() throws IOException {
        VfsFile file = durableFile(A, "....");
        write(file, 0, "1");
        write(file, 1, "2");
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE).with(Fault.Effect.FAILS_HALFWAY));

        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(IOException.class);
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("1...");
    }

    @Test
    void sync_ignored_savesNothingWithoutAnError() throws IOException {
        VfsFile file = durableFile(A, "old");
        write(file, 0, "new");
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE).with(Fault.Effect.IGNORED));

        file.sync(true);
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("old");
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("new"); // pending, not doomed
    }

    @Test
    void sync_failedAndReverted_readersSeeWhatIsOnDisk() throws IOException {
        VfsFile file = durableFile(A, "old");
        long used = disk.usedBytes();
        write(file, 0, "new");
        write(file, 3, " and longer".repeat(1000));
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE).with(Fault.Effect.FAILS_AND_REVERTS));

        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(IOException.class);
        assertThat(text(vfs, A)).isEqualTo("old");
        assertThat(disk.usedBytes()).isEqualTo(used);
        assertThat(textAfter(CutPolicy.all(), A)).isEqualTo("old");
        file.sync(true); // succeeds, and means nothing
        assertThatThrownBy(() -> vfs.relyOn(A, 3, "test")).hasMessageContaining("a sync of the file failed");
        write(file, 0, "new");
        file.sync(true);
        vfs.relyOn(A, 3, "test");
    }

    @Test
    void sync_failedAndReverted_whatWasWrittenMeanwhileStays() {
        // Of the seeds that write before the sync has its effect, some do so before it begins, and some after.
        Set<String> texts = new TreeSet<>();
        for (int seed = 0; seed < 100; seed++) {
            texts.add(textAfterRacingRevert(seed));
        }
        assertThat(texts).containsExactlyInAnyOrder("..", ".2", "written later");
    }

    private static String textAfterRacingRevert(long seed) {
        try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
            SimulatedDisk slow = new SimulatedDisk(scheduler).makeDirectories(DIR);
            slow.install(A, "..".getBytes(StandardCharsets.UTF_8));
            SimulatedVfs process = slow.start("p");
            List<String> order = new ArrayList<>();
            slow.onOperation(operation -> order.add(operation.kind() + " " + operation.offset()));
            slow.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE).with(Fault.Effect.FAILS_AND_REVERTS));
            scheduler.spawn(
                    process.process(),
                    "writer",
                    () -> unchecked(() -> {
                        VfsFile file = process.openForWrite(A);
                        write(file, 0, "1");
                        scheduler.spawn(process.process(), "other", () -> unchecked(() -> write(file, 1, "2")));
                        process.kind(A); // the other one may go on here, or later
                        assertThatThrownBy(() -> file.sync(true)).isInstanceOf(IOException.class);
                    }));
            scheduler.run();
            boolean writtenFirst = order.indexOf("WRITE 1") < order.indexOf("SYNC_FILE 0");
            return writtenFirst ? new String(slow.bytes(A), StandardCharsets.UTF_8) : "written later";
        }
    }

    @Test
    void directorySync_failedAndReverted_namesAreThoseOnDisk() throws IOException {
        durableFile(A, "a".repeat(5000));
        long used = disk.usedBytes();
        vfs.rename(A, B);
        vfs.create(DIR.resolve("c"));
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_DIRECTORY).with(Fault.Effect.FAILS_AND_REVERTS));

        assertThatThrownBy(() -> syncDirectory(vfs, DIR)).isInstanceOf(IOException.class);
        assertThat(vfs.list(DIR)).containsExactly("a");
        assertThat(namesAfter(CutPolicy.all())).containsExactly("a");
        vfs.delete(A);
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_DIRECTORY).with(Fault.Effect.FAILS_AND_REVERTS));
        assertThatThrownBy(() -> syncDirectory(vfs, DIR)).isInstanceOf(IOException.class);
        assertThat(vfs.list(DIR)).containsExactly("a");
        assertThat(disk.usedBytes()).isEqualTo(used);
        vfs.create(B);
        syncDirectory(vfs, DIR);
        vfs.relyOn(B, 0, "test");
    }

    @Test
    void sync_failsOneLater_isToldByTheNext_andBothAreLost() throws IOException {
        VfsFile file = durableFile(A, "");
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_FILE)
                .with(Fault.Effect.FAILS_ONE_LATER)
                .saying("late"));
        write(file, 0, "1");
        file.sync(true);
        vfs.relyOn(A, 1, "test"); // nobody can know
        assertThat(textAfter(CutPolicy.all(), A)).isEmpty();
        SimulatedDisk copy = disk.copy();
        write(file, 1, "2");
        assertThatThrownBy(() -> file.sync(true)).hasMessageContaining("late");

        file.sync(true);
        assertThat(text(vfs, A)).isEqualTo("12");
        assertThat(textAfter(CutPolicy.all(), A)).isEmpty();
        assertThatThrownBy(() -> vfs.relyOn(A, 1, "test")).hasMessageContaining("lost since are the bytes in {0=2}");
        assertThatThrownBy(() -> copy.start("q").openForWrite(A).sync(true)).hasMessageContaining("late");
    }

    @Test
    void directorySync_failsOneLater_isToldByTheNext_andBothAreLost() throws IOException {
        vfs.create(A).sync(true);
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_DIRECTORY).with(Fault.Effect.FAILS_ONE_LATER));
        syncDirectory(vfs, DIR);
        vfs.relyOn(A, 0, "test"); // nobody can know
        assertThat(namesAfter(CutPolicy.all())).isEmpty();
        vfs.create(B).sync(true);
        assertThatThrownBy(() -> syncDirectory(vfs, DIR)).isInstanceOf(IOException.class);

        syncDirectory(vfs, DIR);
        assertThat(namesAfter(CutPolicy.all())).isEmpty();
        for (Path lost : List.of(A, B)) {
            assertThatThrownBy(() -> vfs.relyOn(lost, 0, "test"))
                    .hasMessageContaining("in doubt since the sync of its directory failed");
        }
    }

    @Test
    void operationThatIsNoSync_cannotFailOneLater() {
        disk.inject(Fault.on(o -> o.kind() == Kind.CREATE).with(Fault.Effect.FAILS_ONE_LATER));
        assertThatThrownBy(() -> vfs.create(A)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void directorySync_failed_namesAreInDoubtForGood() throws IOException {
        vfs.create(A).sync(true);
        disk.inject(Fault.on(o -> o.kind() == Kind.SYNC_DIRECTORY));

        assertThatThrownBy(() -> syncDirectory(vfs, DIR)).isInstanceOf(IOException.class);
        syncDirectory(vfs, DIR);
        assertThat(vfs.list(DIR)).containsExactly("a");
        assertThat(namesAfter(CutPolicy.all())).isEmpty();
        assertThatThrownBy(() -> vfs.relyOn(A, 0, "test"))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining("in doubt since the sync of its directory failed");
    }

    @Test
    void rename_failedButHappened_isDone() throws IOException {
        durableFile(A, "x");
        disk.inject(Fault.on(o -> o.kind() == Kind.RENAME).with(Fault.Effect.FAILS_BUT_HAPPENED));
        assertThatThrownBy(() -> vfs.rename(A, B)).isInstanceOf(IOException.class);
        assertThat(vfs.list(DIR)).containsExactly("b");
    }

    @Test
    void write_failedHalfway_leavesTheFront() throws IOException {
        VfsFile file = durableFile(A, "");
        disk.inject(Fault.on(o -> o.kind() == Kind.WRITE).with(Fault.Effect.FAILS_HALFWAY));
        assertThatThrownBy(() -> write(file, 0, "abcd")).hasMessageContaining("Input/output error");
        assertThat(text(vfs, A)).isEqualTo("ab");
    }

    @Test
    void fault_afterFirstAndSticky_strikesFromThenOn() throws IOException {
        VfsFile file = durableFile(A, "");
        disk.inject(Fault.on(o -> o.kind() == Kind.WRITE).afterFirst(2).sticky().saying("broken"));
        write(file, 0, "1");
        write(file, 1, "2");
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> write(file, 2, "3")).hasMessageContaining("broken");
        }
        disk.clearFaults();
        write(file, 2, "3");
        assertThat(text(vfs, A)).isEqualTo("123");
    }

    @Test
    void fault_onOperation_strikesThatNumberOnce() throws IOException {
        disk.inject(Fault.onOperation(disk.operations() + 2));
        vfs.create(A);
        assertThatThrownBy(() -> vfs.create(B)).isInstanceOf(IOException.class);
        vfs.create(B);
    }

    @Test
    void fullDisk_writesWhatFits_andRecoversWithSpace() throws IOException {
        disk.setCapacity(3 * 4096);
        VfsFile a = vfs.create(A);
        write(a, 0, "x".repeat(5000)); // two blocks
        VfsFile b = vfs.create(B);
        assertThatThrownBy(() -> write(b, 0, "y".repeat(5000))).hasMessageContaining("No space left");
        assertThat(b.size()).isEqualTo(4096);
        assertThat(disk.usedBytes()).isEqualTo(3 * 4096);
        assertThatThrownBy(() -> a.allocate(9000)).hasMessageContaining("No space left");
        write(a, 0, "z".repeat(8192)); // within what it has

        vfs.delete(B);
        assertThat(disk.usedBytes()).isEqualTo(3 * 4096); // still open
        b.close();
        assertThat(disk.usedBytes()).isEqualTo(2 * 4096);
        a.allocate(9000);
        assertThat(disk.usedBytes()).isEqualTo(3 * 4096);
    }

    @Test
    void readOnlyDisk_refusesChanges_notReads() throws IOException {
        durableFile(A, "x");
        disk.setReadOnly(true);
        assertThatThrownBy(() -> vfs.create(B)).hasMessageContaining("Read-only file system");
        assertThatThrownBy(() -> vfs.openForWrite(A)).hasMessageContaining("Read-only file system");
        assertThatThrownBy(() -> vfs.delete(A)).hasMessageContaining("Read-only file system");
        assertThat(text(vfs, A)).isEqualTo("x");
    }

    @Test
    void directoryNotSyncable_isTyped_andNamesAreNotChecked() throws IOException {
        disk.refuseDirectorySyncs(DIR);
        assertThatThrownBy(() -> vfs.openDirectory(DIR)).isInstanceOf(NotSyncableException.class);
        syncDirectory(vfs, OTHER);
        VfsFile file = vfs.create(A);
        write(file, 0, "x");
        assertThatThrownBy(() -> vfs.relyOn(A, 1, "test")).hasMessageContaining("the file was not synced");
        file.sync(true);
        vfs.relyOn(A, 1, "test");
        disk.refuseDirectorySyncs();
        assertThatThrownBy(() -> syncDirectory(vfs, OTHER)).isInstanceOf(NotSyncableException.class);
    }

    // ---- garbage

    @Test
    void write_lostAndItsSizeKept_leavesZerosOrGarbage() throws IOException {
        VfsFile file = durableFile(A, "old");
        write(file, 3, "n".repeat(5000));

        String zeros = textAfter(CutPolicy.namesWithoutData(), A);
        assertThat(zeros).isEqualTo("old" + zeros(5000));
        byte[] garbage = bytesAfter(CutPolicy.namesWithGarbage(1));
        assertThat(garbage).hasSize(5003).isEqualTo(bytesAfter(CutPolicy.namesWithGarbage(1)));
        assertThat(garbage).isNotEqualTo(bytesAfter(CutPolicy.namesWithGarbage(2)));
        // The sector in which the file ended was written whole.
        assertThat(Arrays.copyOf(garbage, 512)).isEqualTo(Arrays.copyOf("old".getBytes(StandardCharsets.UTF_8), 512));
        for (int sector = 512; sector < 4096; sector += 512) {
            assertThat(Arrays.copyOfRange(garbage, sector, sector + 512)).isNotEqualTo(new byte[512]);
        }
    }

    private byte[] bytesAfter(CutPolicy policy) {
        SimulatedDisk copy = disk.copy();
        copy.cutPower(policy);
        return copy.bytes(A);
    }

    @Test
    void overwrite_lost_leavesTheOldBytes_neverGarbage() throws IOException {
        VfsFile file = durableFile(A, "o".repeat(2000));
        write(file, 0, "n".repeat(2000));
        assertThat(textAfter(CutPolicy.namesWithGarbage(1), A)).isEqualTo("o".repeat(2000));
    }

    @Test
    void extension_lostAndItsSizeKept_leavesGarbage_whichKeptWritesAreOver() throws IOException {
        VfsFile file = durableFile(A, "");
        file.allocate(10_000);
        write(file, 0, "n".repeat(1024));
        byte[] bytes = bytesAfter(decision -> {
            decision.events().getLast().keep();
            decision.events().forEach(event -> event.garble(1));
        });
        assertThat(bytes).hasSize(10_000).startsWith("n".repeat(1024).getBytes(StandardCharsets.UTF_8));
        assertThat(Arrays.copyOfRange(bytes, 1024, 1536)).isNotEqualTo(new byte[512]);
    }

    @Test
    void random_sometimesLeavesGarbage() throws IOException {
        write(durableFile(A, ""), 0, "n".repeat(512));
        Set<String> sorts = new TreeSet<>();
        for (int seed = 0; seed < 200; seed++) {
            byte[] bytes = bytesAfter(CutPolicy.random(seed));
            sorts.add(bytes.length < 512 ? "short" : bytes[0] == 'n' ? "kept" : bytes[0] == 0 ? "zeros" : "garbage");
        }
        assertThat(sorts).containsExactly("garbage", "kept", "short", "zeros");
    }

    // ---- copies

    @Test
    void copy_hasTheSettingsAndViolationsOfItsOrigin() throws IOException {
        disk.setLinks(false);
        disk.setInterruptSafe(false);
        vfs.create(A);
        assertThatThrownBy(() -> vfs.relyOn(A, 0, "test")).isInstanceOf(DurabilityViolation.class);

        SimulatedDisk copy = disk.copy();
        assertThat(copy.violations()).isEqualTo(disk.violations()).hasSize(1);
        SimulatedVfs other = copy.start("q");
        assertThatThrownBy(() -> other.link(A, B)).hasMessageContaining("cross-device");
        assertThat(other.openForWrite(A).interruptSafeBytes()).isZero();
    }

    // ---- reliance

    @Test
    void relyOn_missing_namesFileReceiptAndEvents() throws IOException {
        VfsFile file = vfs.create(A);
        write(file, 0, "hello");

        assertThatThrownBy(() -> vfs.relyOn(A, 5, "receipt of a table"))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining("receipt of a table counts on /dir/a and its first 5 bytes")
                .hasMessageContaining("the creation of /dir/a (change ")
                .hasMessageContaining("its directory was not synced after it")
                .hasMessageContaining("the write of bytes 0 to 5 (change ")
                .hasMessageContaining("the file was not synced after it");
        assertThatThrownBy(() -> vfs.relyOn(A, 5, "receipt of a file", SyncSite.TABLE_FLUSH))
                .hasMessageContaining("receipt of a file at TABLE_FLUSH counts on /dir/a and its first 5 bytes");
        assertThat(disk.violations()).hasSize(2);
        assertThat(disk.reliances()).isEqualTo(2);
    }

    @Test
    void relyOnAbsence_untilTheDeletionIsSynced_isAViolation() throws IOException {
        vfs.relyOnAbsence(A, "test"); // never there
        vfs.relyOnAbsence(A.resolve("below"), "test");
        durableFile(A, "1");
        vfs.relyOnAbsence(A.resolve("below"), "test"); // nothing is in a file
        assertThatThrownBy(() -> vfs.relyOnAbsence(A, "test", SyncSite.DESTROY))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining("test at DESTROY counts on /dir/a being deleted on disk, but it is there.");
        vfs.delete(A);
        assertThatThrownBy(() -> vfs.relyOnAbsence(A, "test"))
                .hasMessageContaining("the deletion of /dir/a (change ")
                .hasMessageContaining("its directory was not synced after it");
        syncDirectory(vfs, DIR);
        vfs.relyOnAbsence(A, "test");

        vfs.create(A).close();
        disk.inject(Fault.on(o -> o.kind() == DiskOperation.Kind.SYNC_DIRECTORY));
        assertThatThrownBy(() -> syncDirectory(vfs, DIR)).isInstanceOf(IOException.class);
        vfs.delete(A);
        assertThatThrownBy(() -> vfs.relyOnAbsence(A, "test"))
                .hasMessageContaining("in doubt since the sync of its directory failed");
        syncDirectory(vfs, DIR);
        vfs.relyOnAbsence(A, "test"); // whatever became of its creation

        vfs.create(B).close();
        vfs.delete(B);
        assertThatThrownBy(() -> vfs.relyOnAbsence(B, "test")).hasMessageContaining("the creation of /dir/b");
    }

    @Test
    void relyOn_bytesBehindTheRange_doNotMatter() throws IOException {
        VfsFile file = durableFile(A, "12345");
        write(file, 5, "678");
        vfs.relyOn(A, 5, "test");
        assertThatThrownBy(() -> vfs.relyOn(A, 6, "test")).isInstanceOf(DurabilityViolation.class);
    }

    @Test
    void relyOn_unsyncedTruncation_isAViolation() throws IOException {
        VfsFile file = durableFile(A, "12345");
        file.truncate(2);
        file.truncate(5); // as long as before, and the bytes are gone or not
        assertThatThrownBy(() -> vfs.relyOn(A, 5, "test")).hasMessageContaining("truncation to 2");
        vfs.relyOn(A, 2, "test");
        file.sync(true);
        vfs.relyOn(A, 5, "test");
    }

    @Test
    void relyOn_shorterThanClaimed_isAViolation() throws IOException {
        durableFile(A, "12345");
        assertThatThrownBy(() -> vfs.relyOn(A, 6, "test")).hasMessageContaining("only 5 bytes");
        assertThatThrownBy(() -> vfs.relyOn(B, 0, "test")).hasMessageContaining("there is no b");
    }

    @Test
    void relyOn_renamedAndNotSynced_isAViolation() throws IOException {
        durableFile(A, "x");
        vfs.rename(A, B);
        assertThatThrownBy(() -> vfs.relyOn(B, 1, "test")).hasMessageContaining("rename of /dir/a to /dir/b");
        syncDirectory(vfs, DIR);
        vfs.relyOn(B, 1, "test");
    }

    @Test
    void relyOn_ancestorNotSynced_isAViolation() throws IOException {
        Path inner = DIR.resolve("inner");
        vfs.makeDirectory(inner);
        durableFile(inner.resolve("f"), "x");
        assertThatThrownBy(() -> vfs.relyOn(inner.resolve("f"), 1, "test"))
                .hasMessageContaining("creation of /dir/inner ");
    }

    @Test
    void renameOver_bytesNotSynced_isAViolation() throws IOException {
        durableFile(B, "old");
        write(vfs.create(A), 0, "new");
        assertThatThrownBy(() -> vfs.rename(A, B))
                .isInstanceOf(DurabilityViolation.class)
                .hasMessageContaining("rename of /dir/a over /dir/b");
        disk.checkReliance(false);
        vfs.rename(A, B);
    }

    // ---- records

    @Test
    void trace_tellsEveryOperation() throws IOException {
        VfsFile file = vfs.create(A);
        write(file, 3, "xy");
        vfs.rename(A, B);
        file.sync(true, SyncSite.TABLE_FLUSH);

        assertThat(disk.trace())
                .extracting(DiskOperation::toString)
                .containsExactly(
                        "1 p: CREATE /dir/a",
                        "2 p: WRITE /dir/a at 3 length 2",
                        "3 p: RENAME /dir/a -> /dir/b",
                        "4 p: SYNC_FILE /dir/b (TABLE_FLUSH)");
        assertThat(disk.operations()).isEqualTo(4);
        assertThat(disk.cutPoints()).isEqualTo(4);
    }

    @Test
    void allocate_ofMuch_takesNoMemory() throws IOException {
        long before = usedMemory();
        List<VfsFile> files = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            VfsFile file = vfs.create(DIR.resolve("log" + i));
            file.allocate(64 << 20);
            file.sync(true);
            files.add(file);
        }
        assertThat(disk.usedBytes()).isEqualTo(1000L * (64 << 20));
        assertThat(usedMemory() - before).isLessThan(64 << 20);
        byte[] read = Native.read(files.getLast(), (64 << 20) - 10, 100);
        assertThat(read).isEqualTo(new byte[10]);
    }

    private static long usedMemory() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    @Test
    void copy_sharesNothingThatChanges() throws IOException {
        VfsFile file = durableFile(A, "one");
        SimulatedDisk copy = disk.copy();
        write(file, 0, "two");
        vfs.create(B);
        SimulatedVfs other = copy.start("q");
        VfsFile theirs = other.openForWrite(A);
        write(theirs, 3, "!");

        assertThat(text(vfs, A)).isEqualTo("two");
        assertThat(text(other, A)).isEqualTo("one!");
        assertThat(copy.names(DIR)).containsExactly("a");
        theirs.sync(true);
        copy.cutPower(CutPolicy.none());
        assertThat(new String(copy.bytes(A), StandardCharsets.UTF_8)).isEqualTo("one!");
        assertThat(textAfter(CutPolicy.none(), A)).isEqualTo("one");
        assertThat(Arrays.asList(disk.fingerprint(), copy.fingerprint())).doesNotHaveDuplicates();
    }
}
