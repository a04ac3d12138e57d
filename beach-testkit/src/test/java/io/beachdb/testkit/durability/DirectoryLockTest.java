package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.base.DatabaseLockedException;
import io.beachdb.base.StorageException;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CheckedVfs;
import io.beachdb.testkit.Fault;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedScheduler;
import io.beachdb.testkit.SimulatedVfs;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryLockTest {
    private static final Path DB = Path.of("/data/db");

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(DB);
    private final SimulatedVfs vfs = disk.start("p");

    @TempDir
    private Path real;

    private static DirectoryLock acquire(Vfs files, Path directory, boolean shared, String holder) {
        return DirectoryLock.acquire(files, directory, "LOCK", "LOCK.holder", shared, holder);
    }

    @Test
    void exclusive_sameProcess_isRefusedNamingTheHolder() throws IOException {
        for (Vfs files : List.of(vfs, CheckedVfs.system())) {
            Path directory = files == vfs ? DB : real.toRealPath();
            DirectoryLock lock = acquire(files, directory, false, "first holder");
            for (boolean shared : new boolean[] {false, true}) {
                assertThatThrownBy(() -> acquire(files, directory, shared, "second"))
                        .isInstanceOfSatisfying(
                                DatabaseLockedException.class,
                                e -> assertThat(e.holder()).isEqualTo("this process itself, first holder"));
            }
            lock.close();
            lock.close();
            acquire(files, directory, false, "third").close();
            assertThat(files.list(directory)).containsExactly("LOCK", "LOCK.holder"); // never deleted
        }
    }

    @Test
    void shared_manyReaders_keepWritersOut() {
        acquire(vfs, DB, false, "maker").close();
        DirectoryLock one = acquire(vfs, DB, true, "reader one");
        SimulatedVfs other = disk.start("q");
        DirectoryLock three = acquire(other, DB, true, "reader three");
        assertThatThrownBy(() -> acquire(vfs, DB, false, "writer")).isInstanceOf(DatabaseLockedException.class);
        assertThatThrownBy(() -> acquire(disk.start("r"), DB, false, "writer"))
                .isInstanceOf(DatabaseLockedException.class);
        one.close();
        three.close();
        acquire(vfs, DB, false, "writer").close();
    }

    @Test
    void shared_twiceInOneProcess_bothHold_untilTheLastGoes() throws IOException {
        for (Vfs files : List.of(vfs, CheckedVfs.system())) {
            Path directory = files == vfs ? DB : real.toRealPath();
            acquire(files, directory, false, "maker").close();
            DirectoryLock one = acquire(files, directory, true, "reader one");
            DirectoryLock two = acquire(files, directory, true, "reader two");
            one.close();
            assertThatThrownBy(() -> acquire(files, directory, false, "writer"))
                    .isInstanceOf(DatabaseLockedException.class);
            if (files == vfs) {
                assertThatThrownBy(() -> acquire(disk.start("other"), DB, false, "writer elsewhere"))
                        .isInstanceOf(DatabaseLockedException.class);
            }
            two.close();
            acquire(files, directory, false, "writer").close();
        }
    }

    @Test
    void shared_whereLockIsMissing_makesNothing() throws IOException {
        acquire(vfs, DB, true, "reader").close();
        assertThat(vfs.list(DB)).isEmpty();
    }

    @Test
    void otherProcess_holding_isNamed_andItsDeathFreesTheLock() {
        DirectoryLock lock = acquire(vfs, DB, false, "process p, since noon");
        SimulatedVfs other = disk.start("q");
        assertThatThrownBy(() -> acquire(other, DB, false, "q"))
                .isInstanceOfSatisfying(
                        DatabaseLockedException.class,
                        e -> assertThat(e.holder()).isEqualTo("process p, since noon"));
        assertThat(lock).isNotNull();
        vfs.kill();
        acquire(other, DB, false, "q").close();
    }

    @Test
    void twoProcesses_atOnce_oneWinsAndTheOtherIsToldSo() {
        for (int seed = 0; seed < 200; seed++) {
            try (SimulatedScheduler scheduler = new SimulatedScheduler(seed)) {
                SimulatedDisk shared = new SimulatedDisk(scheduler).makeDirectories(DB);
                AtomicInteger won = new AtomicInteger();
                AtomicInteger lost = new AtomicInteger();
                for (String name : List.of("p", "q")) {
                    SimulatedVfs process = shared.start(name);
                    scheduler.spawn(process.process(), name, () -> {
                        try {
                            DirectoryLock held = acquire(process, DB, false, name);
                            assertThat(held).isNotNull();
                            won.incrementAndGet();
                        } catch (DatabaseLockedException e) {
                            lost.incrementAndGet();
                        }
                    });
                }
                scheduler.run();
                assertThat(won).as("seed %d", seed).hasValue(1);
                assertThat(lost).hasValue(1);
            }
        }
    }

    @Test
    void everyOperationFailing_leavesNothingHeld() {
        for (int n = 1; ; n++) {
            SimulatedDisk fresh = new SimulatedDisk().makeDirectories(DB);
            SimulatedVfs process = fresh.start("p");
            fresh.inject(Fault.onOperation(n).diskFull());
            boolean failed = false;
            try {
                acquire(process, DB, false, "first").close();
            } catch (StorageException e) {
                failed = true;
            }
            fresh.clearFaults();
            // Not held in this process, and not by it against others.
            acquire(process, DB, false, "second").close();
            acquire(fresh.start("q"), DB, false, "third").close();
            if (!failed) {
                assertThat(n).isGreaterThan(5);
                return;
            }
        }
    }

    @Test
    void realProcess_holding_isNamed_andItsDeathFreesTheLock() throws Exception {
        Path directory = real.toRealPath();
        Process child = startHolder(directory);
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            assertThat(output.readLine()).isEqualTo("held");
            for (boolean shared : new boolean[] {false, true}) {
                assertThatThrownBy(() -> acquire(CheckedVfs.system(), directory, shared, "parent"))
                        .isInstanceOfSatisfying(
                                DatabaseLockedException.class,
                                e -> assertThat(e.holder()).isEqualTo("the child"));
            }
        } finally {
            child.destroyForcibly();
        }
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        acquire(CheckedVfs.system(), directory, false, "parent").close();
        assertThat(Files.readString(directory.resolve("LOCK.holder"))).isEqualTo("parent\n");
    }

    @Test
    void secondViewOfRealFiles_inOneProcess_isRefusedToo() throws IOException {
        // Another class loader or wrapper has a registry of its own; the system's lock must tell all the same.
        Path directory = real.toRealPath();
        DirectoryLock lock = acquire(CheckedVfs.system(), directory, false, "first view");
        assertThatThrownBy(() -> acquire(CheckedVfs.system(), directory, false, "second view"))
                .isInstanceOf(DatabaseLockedException.class);
        // The attempt must not have dropped the lock against other processes, as closing its descriptor would.
        Process child = startHolder(directory);
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            assertThat(output.readLine()).contains(DatabaseLockedException.class.getName());
        } finally {
            child.destroyForcibly();
        }
        lock.close();
    }

    private static Process startHolder(Path directory) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        directory.toString())
                .redirectErrorStream(true)
                .start();
    }

    /** A child JVM that takes the lock and keeps it until it is killed. */
    static final class LockHolder {
        private LockHolder() {}

        public static void main(String[] arguments) throws IOException {
            DirectoryLock lock = acquire(Vfs.system(), Path.of(arguments[0]), false, "the child");
            System.out.println("held");
            System.out.flush();
            int ended = System.in.read(); // until the parent goes
            lock.close();
            System.exit(ended < 0 ? 0 : 1);
        }
    }
}
