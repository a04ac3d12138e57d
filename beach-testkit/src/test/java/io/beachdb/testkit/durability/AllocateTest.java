package io.beachdb.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsFile;
import io.beachdb.testkit.Native;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Space for a file ahead of its writes, on the machine's own files. */
class AllocateTest {
    private static final int BYTES = 300_000;

    @TempDir
    private Path root;

    private static void assertIsZero(VfsFile file, long from, long to) throws IOException {
        MemorySegment read = Native.of(new byte[(int) (to - from)]);
        assertThat(file.read(from, read, 0, (int) (to - from))).isEqualTo((int) (to - from));
        assertThat(read.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }

    @Test
    void allocate_behindWhatIsThere_keepsItAndReadsZeros() throws IOException {
        Path path = root.resolve("a");
        try (VfsFile file = Vfs.system().create(path)) {
            file.write(0, Native.of(new byte[] {1, 2, 3}), 0, 3);
            file.allocate(BYTES);
            assertThat(file.size()).isEqualTo(BYTES);
            assertThat(Files.size(path)).isEqualTo(BYTES);
            assertIsZero(file, 3, BYTES);
            file.write(BYTES - 1, Native.of(new byte[] {4}), 0, 1);
            file.sync(false);
            file.allocate(BYTES / 2);
            assertThat(file.size()).isEqualTo(BYTES);
        }
        byte[] bytes = Files.readAllBytes(path);
        assertThat(bytes).startsWith(1, 2, 3, 0).endsWith(0, 4);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void allocate_holdsTheSpace() throws IOException {
        Path path = root.resolve("a");
        try (VfsFile file = Vfs.system().create(path)) {
            file.allocate(BYTES);
            file.sync(true);
        }
        Process stat = new ProcessBuilder("stat", "-c", "%b %B", path.toString()).start();
        String[] blocks = new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
                .strip()
                .split(" ");
        assertThat(Long.parseLong(blocks[0]) * Long.parseLong(blocks[1])).isGreaterThanOrEqualTo(BYTES);
    }

    /** The name that a file was opened by may be another file's by now. */
    @Test
    void allocate_afterItsNameWentToAnother_leavesThatAlone() throws IOException {
        Path name = root.resolve("a");
        try (VfsFile file = Vfs.system().create(name)) {
            Files.move(name, root.resolve("b"));
            Files.writeString(name, "another");
            file.allocate(BYTES);
            assertThat(file.size()).isEqualTo(BYTES);
            assertThat(name).hasContent("another");
            Files.delete(name);
            file.allocate(2 * BYTES);
            assertThat(root.resolve("b")).hasSize(2 * BYTES);
        }
    }
}
