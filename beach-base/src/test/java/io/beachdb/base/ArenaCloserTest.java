package io.beachdb.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ArenaCloserTest {
    private static final int MORE_THAN_A_PIPE_HOLDS = 3 << 20;

    @Test
    void arenaThatASystemCallHolds_waitsForItAlone() throws IOException, InterruptedException {
        Arena busy = Arena.ofShared();
        Arena other = Arena.ofShared();
        MemorySegment busyMemory = busy.allocate(MORE_THAN_A_PIPE_HOLDS);
        MemorySegment otherMemory = other.allocate(1);
        Pipe pipe = Pipe.open();
        ByteBuffer written = busyMemory.asByteBuffer();
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                pipe.sink().write(written);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        ByteBuffer read = ByteBuffer.allocate(MORE_THAN_A_PIPE_HOLDS);
        pipe.source().read(read); // so it has begun
        ArenaCloser.INSTANCE.accept(busy);
        ArenaCloser.INSTANCE.accept(other);
        awaitClosed(otherMemory);
        assertThat(busyMemory.scope().isAlive()).isTrue();
        while (read.hasRemaining()) {
            pipe.source().read(read);
        }
        writer.join();
        awaitClosed(busyMemory);
        pipe.sink().close();
        pipe.source().close();
    }

    private static void awaitClosed(MemorySegment memory) throws InterruptedException {
        while (memory.scope().isAlive()) {
            Thread.sleep(1);
        }
    }
}
