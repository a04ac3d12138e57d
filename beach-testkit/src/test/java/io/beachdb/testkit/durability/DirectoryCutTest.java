package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.Scheduler;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableDirectory.Mode;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableLog;
import io.beachdb.durability.DurableSwitch;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.SyncedTo;
import io.beachdb.testkit.CutDecision;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.Native;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Each change of a {@link DurableDirectory}, cut at every operation, with every policy: what a receipt was given for is
 * there, and nothing is ever there in part. The disk is copied at each operation, so one run of the change is enough.
 */
class DirectoryCutTest {
    private static final Path BASE = Path.of("/data");
    private static final Path PARENT = BASE.resolve("x/y");
    private static final Path DB = PARENT.resolve("db");
    private static final int HEADER_BYTES = 700; // more than a sector, so that it can be torn
    private static final int LOG_BYTES = 20_000;

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(BASE);
    private final SimulatedVfs vfs = disk.start("p");
    private final Set<Long> states = new HashSet<>();
    private int cuts;

    /** What must hold of the disk after any cut. */
    private interface Rule {
        void check(SimulatedDisk after);
    }

    private void cutEverywhere(Rule rule, Runnable change) {
        disk.onOperation(operation -> {
            if (operation.kind().isCutPoint()) {
                cutHere(rule, "before " + operation);
            }
        });
        change.run();
        cutHere(rule, "at the end");
        assertThat(disk.violations()).isEmpty();
        assertThat(states).hasSizeGreaterThan(3);
    }

    private void cutHere(Rule rule, String where) {
        for (CutPolicy policy : CutPolicy.exploring(disk, 9, 30, 1)) {
            SimulatedDisk after = disk.copy();
            CutDecision decision = after.cutPower(policy);
            cuts++;
            if (states.add(after.fingerprint())) {
                try {
                    rule.check(after);
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("cut " + where + ", " + policy + "\n" + decision, e);
                }
            }
        }
    }

    private DurableDirectory open(SimulatedVfs files) {
        return DurableDirectory.open(files, DB, Mode.CREATE, Scheduler.system(), DurabilityListener.none());
    }

    private static MemorySegment header(char c) {
        return Native.of(String.valueOf(c).repeat(HEADER_BYTES));
    }

    private static void checkHeader(SimulatedDisk after, String name, char... allowed) {
        if (after.names(DB).contains(name)) {
            byte[] bytes = after.bytes(DB.resolve(name));
            assertThat(bytes.length).as("size of " + name).isGreaterThanOrEqualTo(HEADER_BYTES);
            String header = new String(bytes, 0, HEADER_BYTES, StandardCharsets.US_ASCII);
            assertThat(header.chars().distinct().count())
                    .as("header of %s: %s", name, header)
                    .isEqualTo(1);
            assertThat(allowed).contains(header.charAt(0));
        }
    }

    @Test
    void open_nestedDirectories_areThereOnceItReturns_andItCanBeRepeatedBefore() {
        boolean[] opened = new boolean[1];
        cutEverywhere(
                after -> {
                    if (opened[0]) {
                        assertThat(after.names(PARENT)).containsExactly("db");
                    }
                    open(after.start("q")).close();
                    after.cutPower(CutPolicy.none());
                    assertThat(after.names(PARENT)).containsExactly("db");
                },
                () -> {
                    open(vfs);
                    opened[0] = true;
                });
    }

    @Test
    void createLog_neverLeavesItsNameOnABadHeader() {
        DurableDirectory directory = open(vfs);
        boolean[] made = new boolean[1];
        cutEverywhere(
                after -> {
                    checkHeader(after, "1.wal", 'N');
                    if (made[0]) {
                        assertThat(after.names(DB)).containsExactly("1.wal");
                    }
                    if (after.names(DB).contains("1.wal")) {
                        assertThat(after.bytes(DB.resolve("1.wal"))).hasSize(LOG_BYTES);
                    }
                    // Whatever is left does not stop the next one.
                    try (DurableDirectory next = open(after.start("q"))) {
                        next.createLog("2.wal", header('2'), HEADER_BYTES, 0, SyncSite.LOG_CREATE)
                                .close();
                    }
                },
                () -> {
                    directory.createLog("1.wal", header('N'), HEADER_BYTES, LOG_BYTES, SyncSite.LOG_CREATE);
                    made[0] = true;
                });
    }

    @Test
    void recycleLog_neverLeavesTheNewNameOnABadHeader() {
        DurableDirectory directory = open(vfs);
        DurableLog old = directory.createLog("1.wal", header('O'), HEADER_BYTES, LOG_BYTES, SyncSite.LOG_CREATE);
        old.write(HEADER_BYTES, Native.of("record".repeat(1000)), 0, 6000);
        SyncedTo synced = old.sync(HEADER_BYTES + 6000, SyncSite.LOG_GROUP);
        DurableEdit proof = directory.edit(synced, HEADER_BYTES, List.of(), "1.wal"::equals);
        old.close();
        boolean[] made = new boolean[1];
        cutEverywhere(
                after -> {
                    checkHeader(after, "2.wal", 'N');
                    assertThat(after.names(DB)).hasSize(1); // one of the two names, always
                    if (made[0]) {
                        assertThat(after.names(DB)).containsExactly("2.wal");
                    }
                },
                () -> {
                    directory.recycleLog("1.wal", "2.wal", proof, header('N'), HEADER_BYTES, SyncSite.LOG_RECYCLE);
                    made[0] = true;
                });
    }

    @Test
    void switchTo_leavesCurrentOldOrNewAndWhole() {
        DurableDirectory directory = open(vfs);
        DurableLog first = directory.createLog("M1", header('1'), HEADER_BYTES, 0, SyncSite.MANIFEST_CREATE);
        String oldText = "M1" + " ".repeat(600);
        String newText = "M2" + " ".repeat(600);
        SyncedTo one = first.sync(HEADER_BYTES, SyncSite.MANIFEST_CREATE);
        DurableSwitch before = directory.switchTo("CURRENT", Native.of(oldText), oldText.length(), one, n -> false);
        assertThat(before.allows("M1")).isFalse();
        first.close();
        boolean[] switched = new boolean[1];
        cutEverywhere(
                after -> {
                    String text = new String(after.bytes(DB.resolve("CURRENT")), StandardCharsets.US_ASCII);
                    assertThat(text).isIn(oldText, newText);
                    assertThat(after.names(DB)).contains(text.strip()); // what it names is there
                    checkHeader(after, text.strip(), '1', '2');
                    if (switched[0]) {
                        assertThat(text).isEqualTo(newText);
                    }
                },
                () -> {
                    DurableLog second =
                            directory.createLog("M2", header('2'), HEADER_BYTES, 0, SyncSite.MANIFEST_CREATE);
                    SyncedTo two = second.sync(HEADER_BYTES, SyncSite.MANIFEST_CREATE);
                    DurableSwitch proof =
                            directory.switchTo("CURRENT", Native.of(newText), newText.length(), two, "M1"::equals);
                    switched[0] = true;
                    directory.delete("M1", proof);
                    directory.sync(SyncSite.DELETE);
                });
    }

    @Test
    void commit_filesAreWholeOnceItReturns() {
        DurableDirectory directory = open(vfs);
        String text = "t".repeat(9000);
        boolean[] committed = new boolean[1];
        cutEverywhere(
                after -> {
                    if (committed[0]) {
                        assertThat(after.bytes(DB.resolve("1.sst")))
                                .hasSize(9000)
                                .containsOnly('t');
                        assertThat(after.bytes(DB.resolve("2.sst")))
                                .hasSize(9000)
                                .containsOnly('t');
                    }
                },
                () -> {
                    PendingFile one = directory.create("1.sst");
                    PendingFile two = directory.create("2.sst");
                    one.write(Native.of(text), 0, 9000);
                    two.write(Native.of(text), 0, 9000);
                    assertThat(directory.commit(List.of(one, two), SyncSite.TABLE_FLUSH))
                            .hasSize(2);
                    committed[0] = true;
                });
        assertThat(cuts).isGreaterThan(100);
    }

    @Test
    void log_syncedBytes_areThere_unsyncedMayBeLost() {
        DurableDirectory directory = open(vfs);
        DurableLog log = directory.createLog("1.wal", header('H'), HEADER_BYTES, LOG_BYTES, SyncSite.LOG_CREATE);
        long[] synced = {HEADER_BYTES};
        cutEverywhere(
                after -> {
                    byte[] bytes = after.bytes(DB.resolve("1.wal"));
                    for (int i = HEADER_BYTES; i < synced[0]; i++) {
                        assertThat(bytes[i]).isEqualTo((byte) 'r');
                    }
                },
                () -> {
                    long at = HEADER_BYTES;
                    for (int i = 0; i < 6; i++) {
                        if (i % 2 == 0) {
                            log.put(at, Native.of("r".repeat(300)), 0, 300);
                        } else {
                            log.write(at, Native.of("r".repeat(300)), 0, 300);
                        }
                        at += 300;
                        if (i % 3 == 2) {
                            synced[0] = log.sync(at, SyncSite.LOG_GROUP).offset();
                        }
                    }
                });
    }
}
