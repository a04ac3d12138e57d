package io.beachdb.dbtestkit;

import static io.beachdb.dbtestkit.SteppedEngine.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.Durability;
import io.beachdb.Options;
import io.beachdb.Seams;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import io.beachdb.testkit.SimulatedVfs;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A close lets go of everything, whatever stands in its way: the next opening finds the lock free. */
@Timeout(120)
class CloseTest {
    private static final Path DIRECTORY = Path.of("/data/db");

    private final SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
    private final SimulatedVfs vfs = disk.start("engine");

    private Options options(Scheduler scheduler) {
        return Options.builder()
                .checkLifetimes(true)
                .seams(new Seams(vfs, scheduler, RandomSource.seeded(1)))
                .build();
    }

    @Test
    void noThreadToBeHad_everythingIsLetGoOf() {
        AtomicReference<@Nullable Error> refusal = new AtomicReference<>();
        Scheduler scheduler = new ForwardingScheduler(Scheduler.system()) {
            @Override
            public void execute(String name, Runnable task) {
                Error refused = refusal.get();
                if (refused != null) {
                    throw refused;
                }
                super.execute(name, task);
            }
        };
        BeachDB db = BeachDB.open(DIRECTORY, options(scheduler));
        db.put(bytes("a"), bytes("1"));
        db.awaitRest();
        refusal.set(new OutOfMemoryError("no thread"));
        try {
            db.close();
        } catch (RuntimeException e) {
            assertThat(e).hasRootCause(refusal.get());
        }
        refusal.set(null);
        try (BeachDB again = BeachDB.open(DIRECTORY, options(scheduler))) {
            assertThat(again.get(bytes("a"))).isEqualTo(bytes("1"));
        }
    }

    /** A segment that a system call reads can not be ended: the close does not wait for it. */
    @Test
    void segmentInASystemCall_everythingElseIsLetGoOf() throws Exception {
        byte[] value = new byte[4 << 20]; // more than a pipe takes
        BeachDB db = BeachDB.open(DIRECTORY, options(Scheduler.system()));
        db.put(bytes("a"), value, Durability.LOGGED);
        Cursor cursor = db.cursor();
        cursor.first();
        ByteBuffer shown = cursor.value().asByteBuffer();
        Pipe pipe = Pipe.open();
        try (Pipe.SinkChannel sink = pipe.sink();
                Pipe.SourceChannel source = pipe.source()) {
            Thread reader = Thread.ofPlatform().start(() -> {
                try {
                    sink.write(shown);
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            source.read(ByteBuffer.allocate(1)); // it is in its system call, and stays there
            db.close();
            try (BeachDB again = BeachDB.open(DIRECTORY, options(Scheduler.system()))) {
                assertThat(again.get(bytes("a"))).hasSize(value.length);
            }
            ByteBuffer rest = ByteBuffer.allocate(value.length - 1);
            while (rest.hasRemaining()) {
                assertThat(source.read(rest)).isPositive();
            }
            reader.join();
        }
    }
}
