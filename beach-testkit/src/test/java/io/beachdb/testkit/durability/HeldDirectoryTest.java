package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.DurabilityEvent;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableDirectory.Mode;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import io.beachdb.durability.VfsFile;
import io.beachdb.testkit.Native;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A directory on a system where an open file is neither renamed, replaced nor deleted. */
class HeldDirectoryTest {
    private static final Path DB = Path.of("/data/db");
    private static final String HEADER = "a log's header";

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DB);
    private final SimulatedVfs vfs = disk.start("p");
    private final SimulatedVfs other = disk.start("a scanner");
    private final List<String> events = new ArrayList<>();

    @BeforeEach
    void hold() {
        disk.setOpenFilesHeld(true);
    }

    private DurableDirectory open() {
        return DurableDirectory.open(vfs, DB, Mode.EXISTING, Scheduler.system(), this::heard);
    }

    private void heard(DurabilityEvent event) {
        events.add(event.kind() + " " + event.name());
    }

    private static DurableFile table(DurableDirectory directory, String name) {
        PendingFile file = directory.create(name);
        file.write(Native.of(name), 0, name.length());
        return directory.commit(file, SyncSite.TABLE_FLUSH);
    }

    /** Returns a receipt that lets go of every table and log. */
    private static DurableEdit needsNone(DurableDirectory directory) {
        DurableLog manifest = DurableDirectoryContract.createLog(directory, "M", 0, SyncSite.MANIFEST_CREATE);
        SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_CREATE);
        manifest.close();
        return directory.edit(synced, HEADER.length(), List.of(), name -> !name.equals("M"));
    }

    @Test
    void log_madeAndRecycled_isNotOpenMeanwhile() {
        try (DurableDirectory directory = open()) {
            DurableLog first = DurableDirectoryContract.createLog(directory, "1.wal", 50_000, SyncSite.LOG_CREATE);
            assertThat(first.isMapped()).isTrue();
            first.put(HEADER.length(), Native.of("x"), 0, 1);
            first.close();
            DurableLog second = directory.recycleLog(
                    "1.wal", "2.wal", needsNone(directory), Native.of(HEADER), HEADER.length(), SyncSite.LOG_RECYCLE);
            assertThat(second.isMapped()).isTrue();
            assertThat(second.allocatedBytes()).isEqualTo(50_000);
            second.put(HEADER.length(), Native.of("y"), 0, 1);
            second.sync(HEADER.length() + 1, SyncSite.LOG_GROUP);
            second.close();
            assertThat(directory.list()).containsExactly("2.wal", "M");
        }
    }

    @Test
    void delete_whileSomebodyReads_isToldAndDoneWithTheNext() throws IOException {
        try (DurableDirectory directory = open()) {
            table(directory, "1.sst");
            table(directory, "2.sst");
            table(directory, "3.sst");
            DurableEdit proof = needsNone(directory);
            VfsFile held = other.openForRead(DB.resolve("1.sst"));
            assertThatThrownBy(() -> directory.delete("1.sst", proof))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("1.sst")
                    .hasMessageContaining("being used by another process")
                    .hasMessageContaining("tried again");
            directory.delete("2.sst", proof);
            assertThat(directory.list()).containsExactly("1.sst", "3.sst", "M");
            held.close();
            directory.delete("3.sst", proof);
            assertThat(directory.list()).containsExactly("M");
        }
        assertThat(events).contains("DELETE 1.sst").noneMatch(event -> event.startsWith("ORPHANED"));
    }

    @Test
    void delete_refused_isDoneAtTheCloseOrToldOf() throws IOException {
        VfsFile held;
        try (DurableDirectory directory = open()) {
            table(directory, "1.sst");
            table(directory, "2.sst");
            held = other.openForRead(DB.resolve("2.sst"));
            DurableEdit proof = needsNone(directory);
            try (VfsFile read = other.openForRead(DB.resolve("1.sst"))) {
                for (String name : List.of("1.sst", "2.sst")) {
                    assertThatThrownBy(() -> directory.delete(name, proof)).isInstanceOf(StorageException.class);
                }
                assertThat(read.size()).isEqualTo(5);
            }
        }
        assertThat(disk.names(DB)).containsExactly("2.sst", "M");
        assertThat(events).anyMatch(event -> event.startsWith("ORPHANED 2.sst"));
        held.close();
    }

    @Test
    void switchTo_whileSomebodyReadsCurrent_isToldAndGoesAgain() throws IOException {
        try (DurableDirectory directory = open()) {
            DurableLog manifest = DurableDirectoryContract.createLog(directory, "M1", 0, SyncSite.MANIFEST_CREATE);
            SyncedTo synced = manifest.sync(HEADER.length(), SyncSite.MANIFEST_CREATE);
            directory.switchTo("CURRENT", Native.of("M1"), 2, synced, name -> false);
            try (VfsFile held = other.openForRead(DB.resolve("CURRENT"))) {
                assertThatThrownBy(() -> directory.switchTo("CURRENT", Native.of("M1!"), 3, synced, name -> false))
                        .isInstanceOf(StorageException.class)
                        .hasMessageContaining("CURRENT");
                assertThat(held.size()).isEqualTo(2);
            }
            directory.switchTo("CURRENT", Native.of("M1!"), 3, synced, name -> false);
            manifest.close();
        }
        assertThat(disk.names(DB)).containsExactly("CURRENT", "M1");
        assertThat(disk.bytes(DB.resolve("CURRENT"))).hasSize(3);
    }

    @Test
    void destroyItself_withItsLock_goes() {
        DirectoryLock lock = DirectoryLock.acquire(vfs, DB, "LOCK", "LOCK.holder", false, "test");
        try (DurableDirectory directory = open()) {
            assertThat(directory.destroyItself(List.of("LOCK.holder", "LOCK"), lock))
                    .isTrue();
        } finally {
            lock.close();
        }
        assertThat(disk.exists(DB)).isFalse();
    }
}
