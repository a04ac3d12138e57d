package io.beachdb.testkit.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.Mutex;
import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsDirectory;
import io.beachdb.durability.VfsFile;
import io.beachdb.testkit.CutPolicy;
import io.beachdb.testkit.DiskOperation.Kind;
import io.beachdb.testkit.DurabilityViolation;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.PowerCut;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The examples of docs/guides/testing-your-storage-code.md, which {@link GuideTest} compares with this source. */
class SettingsTest {
    private static final Path HOME = Path.of("/home");
    private static final Path FILE = HOME.resolve("settings");

    // example: the mistake
    static void save(Vfs vfs, String text) throws IOException {
        Path temporary = HOME.resolve("settings.tmp");
        MemorySegment bytes = Arena.ofAuto().allocateFrom(text); // UTF-8, and a zero behind
        try (VfsFile file = vfs.create(temporary)) {
            file.write(0, bytes, 0, bytes.byteSize() - 1);
            file.sync(true);
        }
        vfs.rename(temporary, FILE);
        vfs.relyOn(FILE, bytes.byteSize() - 1, "save"); // from here on the caller counts on it
    }

    @Test
    void save_returned_settingsAreOnDisk() throws IOException {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(HOME);
        SimulatedVfs vfs = disk.start("app");

        assertThatThrownBy(() -> save(vfs, "colour=blue")).isInstanceOf(DurabilityViolation.class);
    }
    // end

    @Test
    void save_message_standsInTheGuide() throws IOException {
        SimulatedVfs vfs = new SimulatedDisk().makeDirectories(HOME).start("app");
        assertThatThrownBy(() -> save(vfs, "colour=blue")).hasMessage(GuideTest.quotedMessage());
    }

    // example: mended
    static void saveDurably(Vfs vfs, String text) throws IOException {
        Path temporary = HOME.resolve("settings.tmp");
        MemorySegment bytes = Arena.ofAuto().allocateFrom(text);
        try (VfsFile file =
                vfs.kind(temporary) == Vfs.PathKind.ABSENT ? vfs.create(temporary) : vfs.openForWrite(temporary)) {
            file.truncate(0);
            file.write(0, bytes, 0, bytes.byteSize() - 1);
            file.sync(true);
        }
        vfs.rename(temporary, FILE);
        try (VfsDirectory home = vfs.openDirectory(HOME)) {
            home.sync();
        }
        vfs.relyOn(FILE, bytes.byteSize() - 1, "save");
    }
    // end

    // example: cuts
    @Test
    void saveDurably_cutAnywhere_leavesOldOrNew() throws IOException {
        boolean cut = true;
        for (int at = 1; cut; at++) {
            SimulatedDisk disk = new SimulatedDisk().makeDirectories(HOME);
            disk.install(FILE, "old".getBytes(StandardCharsets.UTF_8));
            disk.cutAt(at);
            try {
                saveDurably(disk.start("app"), "new");
            } catch (PowerCut expected) {
                assertThat(disk.isPowerOff()).isTrue();
            }
            cut = disk.isPowerOff();
            for (CutPolicy policy : CutPolicy.exploring(disk, 8, 20, at)) {
                SimulatedDisk after = disk.copy();
                after.cutPower(policy);
                String text = new String(after.bytes(FILE), StandardCharsets.UTF_8);
                assertThat(text).as("cut at %d, %s", at, policy).isIn("old", "new");
                saveDurably(after.start("next run"), "newer");
            }
        }
    }
    // end

    // example: errors
    @Test
    void saveDurably_syncFails_isToldAndTheOldStays() throws IOException {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(HOME);
        disk.install(FILE, "old".getBytes(StandardCharsets.UTF_8));
        disk.inject(Fault.on(operation -> operation.kind() == Kind.SYNC_FILE));

        assertThatThrownBy(() -> saveDurably(disk.start("app"), "new")).isInstanceOf(IOException.class);
        disk.cutPower(CutPolicy.all());
        assertThat(disk.bytes(FILE)).isEqualTo("old".getBytes(StandardCharsets.UTF_8));
    }
    // end

    // example: tasks
    @Test
    void saveDurably_twoAtOnce_lastOneWins() {
        for (int seed = 0; seed < 100; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk disk = new SimulatedDisk(scheduler).makeDirectories(HOME);
                SimulatedVfs vfs = disk.start("app");
                Mutex mutex = new Mutex(scheduler, "settings");
                for (String text : new String[] {"colour=blue", "colour=red"}) {
                    scheduler.spawn(vfs.process(), text, () -> {
                        mutex.lock();
                        try {
                            saveDurably(vfs, text);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        } finally {
                            mutex.unlock();
                        }
                    });
                }
                scheduler.run();
            }
        }
    }
    // end
}
