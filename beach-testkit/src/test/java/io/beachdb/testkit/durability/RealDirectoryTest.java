package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.Scheduler;
import io.beachdb.durability.DurabilityListener;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.DurableFile;
import io.beachdb.durability.PendingFile;
import io.beachdb.durability.ReadableFile;
import io.beachdb.durability.SyncSite;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.CheckedVfs;
import io.beachdb.testkit.Native;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract on real files, watched. */
class RealDirectoryTest extends DurableDirectoryContract {
    private final CheckedVfs vfs = CheckedVfs.system();

    @TempDir
    private Path root;

    @Override
    Vfs vfs() {
        return vfs;
    }

    @Override
    Path root() throws IOException {
        return root.toRealPath();
    }

    @Override
    void verify() {
        vfs.verify();
    }

    @Test
    void readers_interruptedAllTheTime_disturbNobody() throws Exception {
        try (DurableDirectory directory = DurableDirectory.open(
                vfs, root(), DurableDirectory.Mode.EXISTING, Scheduler.system(), DurabilityListener.none())) {
            PendingFile pending = directory.create("1.sst");
            byte[] bytes = new byte[100_000];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) (i * 31);
            }
            pending.write(Native.of(bytes), 0, bytes.length);
            DurableFile durable = directory.commit(pending, SyncSite.TABLE_FLUSH);
            try (ReadableFile file = directory.open(durable.name())) {
                AtomicReference<Throwable> wrong = new AtomicReference<>();
                AtomicBoolean done = new AtomicBoolean();
                List<Thread> readers = new ArrayList<>();
                for (int t = 0; t < 3; t++) {
                    readers.add(Thread.ofPlatform().start(() -> readMuch(file, bytes, wrong)));
                }
                Thread interrupter = Thread.ofPlatform().start(() -> {
                    while (!done.get()) {
                        readers.forEach(Thread::interrupt);
                        Thread.onSpinWait();
                    }
                });
                for (Thread reader : readers) {
                    reader.join();
                }
                done.set(true);
                interrupter.join();
                assertThat(wrong.get()).isNull();
            }
        }
    }

    private static void readMuch(ReadableFile file, byte[] bytes, AtomicReference<Throwable> wrong) {
        try {
            MemorySegment memory = Native.of(new byte[5000]);
            for (int i = 0; i < 2000; i++) {
                int at = i * 37 % 95_000;
                int count = file.read(at, memory, 0, 5000);
                if (count != 5000 || file.size() != bytes.length) {
                    throw new AssertionError("read " + count + " bytes at " + at);
                }
                for (int j = 0; j < count; j += 499) {
                    if (memory.get(ValueLayout.JAVA_BYTE, j) != bytes[at + j]) {
                        throw new AssertionError("wrong byte at " + (at + j));
                    }
                }
            }
        } catch (Throwable e) {
            wrong.compareAndSet(null, e);
        }
    }
}
