package io.beachdb.base.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import net.openhft.hashing.LongHashFunction;
import org.junit.jupiter.api.Test;

/** The library is the oracle of our own code, at every length; the tests run with the flag that allows it. */
class KeyHashTest {
    private static final int[] LARGE = {2049, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_000_003, 1 << 20};

    private static byte[] randomBytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new SplittableRandom(seed).nextBytes(bytes);
        return bytes;
    }

    @Test
    void hash_everyLengthUpTo2048_isWhatTheLibrarySays() {
        for (int length = 0; length <= 2048; length++) {
            checkAgainstLibrary(length);
        }
    }

    @Test
    void hash_largeLengths_isWhatTheLibrarySays() {
        for (int length : LARGE) {
            checkAgainstLibrary(length);
        }
    }

    private static void checkAgainstLibrary(int length) {
        byte[] bytes = randomBytes(length, 1000L + length);
        long expected = LongHashFunction.xx3().hashBytes(bytes);
        try (Arena arena = Arena.ofConfined()) {
            for (int offset : new int[] {0, 1, 3, 8, 13}) {
                MemorySegment nativeMemory = arena.allocate(offset + length + 5L, 1);
                MemorySegment heapMemory = MemorySegment.ofArray(new byte[offset + length + 5]);
                MemorySegment.copy(bytes, 0, nativeMemory, ValueLayout.JAVA_BYTE, offset, length);
                MemorySegment.copy(bytes, 0, heapMemory, ValueLayout.JAVA_BYTE, offset, length);
                String what = "length " + length + " at " + offset;
                assertThat(KeyHash.hashByUs(nativeMemory, offset, length))
                        .as(what)
                        .isEqualTo(expected);
                assertThat(KeyHash.hashByUs(heapMemory, offset, length))
                        .as(what + " on heap")
                        .isEqualTo(expected);
                assertThat(KeyHash.hashByLibrary(nativeMemory, offset, length))
                        .as(what)
                        .isEqualTo(expected);
                assertThat(KeyHash.hash(nativeMemory, offset, length)).as(what).isEqualTo(expected);
                assertThat(KeyHash.hash(heapMemory, offset, length))
                        .as(what + " on heap")
                        .isEqualTo(expected);
            }
        }
    }

    /** Well-known values, so that oracle and code cannot err together. */
    @Test
    void hash_knownInputs_neverChanges() {
        assertThat(hashOf("")).isEqualTo(0x2D06800538D394C2L);
        assertThat(hashOf("a")).isEqualTo(0xE6C632B61E964E1FL);
        assertThat(hashOf("abc")).isEqualTo(0x78AF5F94892F3950L);
    }

    private static long hashOf(String text) {
        byte[] bytes = text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
        return KeyHash.hashByUs(MemorySegment.ofArray(bytes), 0, bytes.length);
    }

    @Test
    void hash_rangeOutsideMemory_isRefused() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(300);
            for (int length : new int[] {0, 1, 5, 12, 100, 200, 299, 301}) {
                assertThatThrownBy(() -> KeyHash.hash(memory, 301 - length, length))
                        .as("length " + length)
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThatThrownBy(() -> KeyHash.hash(memory, 0, -1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> KeyHash.hashByLibrary(memory, -1, 10))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void hash_closedOrForeignMemory_isRefused() throws InterruptedException {
        Arena arena = Arena.ofConfined();
        MemorySegment memory = arena.allocate(1000);
        Throwable[] thrown = new Throwable[2];
        Thread other = new Thread(() -> {
            thrown[0] = org.assertj.core.api.Assertions.catchThrowable(() -> KeyHash.hash(memory, 0, 16));
            thrown[1] = org.assertj.core.api.Assertions.catchThrowable(() -> KeyHash.hashByLibrary(memory, 0, 1000));
        });
        other.start();
        other.join();
        assertThat(thrown[0]).isInstanceOf(WrongThreadException.class);
        assertThat(thrown[1]).isInstanceOf(IllegalStateException.class);
        arena.close();
        assertThatThrownBy(() -> KeyHash.hash(memory, 0, 16)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> KeyHash.hashByLibrary(memory, 0, 1000)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void hash_anyLength_allocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long self = Thread.currentThread().threadId();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4096);
            long sum = hashMany(memory, 60_000);
            long before = threads.getThreadAllocatedBytes(self);
            sum += hashMany(memory, 200_000);
            long allocated = threads.getThreadAllocatedBytes(self) - before;
            assertThat(allocated).as("bytes for 200000 calls (sum " + sum + ")").isLessThan(200_000 / 100);
        }
    }

    private static long hashMany(MemorySegment memory, int calls) {
        long sum = 0;
        for (int i = 0; i < calls; i++) {
            int length = i % 1500;
            sum += KeyHash.hash(memory, i & 7, length);
            sum += KeyHash.hashByUs(memory, i & 7, length);
        }
        return sum;
    }

    /** An embedding application sees no warning, whatever it hashes: the library stays untouched without the flag. */
    @Test
    void provider_withoutTheFlag_isOursAndPrintsNothing() throws Exception {
        Process child = child(List.of());
        assertThat(output(child)).isEqualTo("built-in " + expectedChildHash() + " false\n");
    }

    @Test
    void provider_withTheFlag_isTheLibrary() throws Exception {
        Process child = child(List.of("--sun-misc-unsafe-memory-access=allow"));
        assertThat(output(child)).isEqualTo("zero-allocation-hashing " + expectedChildHash() + " true\n");
    }

    private static String output(Process child) throws Exception {
        String out = new String(child.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(child.waitFor()).as(out).isZero();
        return out.replace("\r\n", "\n");
    }

    private static Process child(List<String> flags) throws Exception {
        List<String> command = new java.util.ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Child.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        return builder.start();
    }

    private static String expectedChildHash() {
        return Long.toHexString(LongHashFunction.xx3().hashBytes(randomBytes(1000, 7)));
    }

    /** Prints provider, a hash, and whether the library's hash class was loaded. */
    static final class Child {
        public static void main(String[] arguments) throws Exception {
            byte[] bytes = randomBytes(1000, 7);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(1000);
                MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, 0, 1000);
                long hash = KeyHash.hash(memory, 0, 1000);
                System.out.print(KeyHash.provider() + " " + Long.toHexString(hash) + " " + libraryLoaded() + "\n");
            }
        }

        private static boolean libraryLoaded() throws Exception {
            String histogram = (String) ManagementFactory.getPlatformMBeanServer()
                    .invoke(
                            new javax.management.ObjectName("com.sun.management:type=DiagnosticCommand"),
                            "gcClassHistogram",
                            new Object[] {new String[] {"-all"}},
                            new String[] {String[].class.getName()});
            return histogram.contains("net.openhft.hashing.UnsafeAccess");
        }
    }

    @Test
    void hash_manyShortKeys_spreadsOverAllBits() {
        Map<Integer, Integer> seen = new HashMap<>();
        MemorySegment memory = MemorySegment.ofArray(new byte[8]);
        int keys = 1 << 16;
        for (int i = 0; i < keys; i++) {
            memory.set(Bytes.U64, 0, i);
            seen.merge((int) (KeyHash.hash(memory, 0, 8) >>> 56), 1, Integer::sum);
        }
        assertThat(seen).hasSize(256);
        assertThat(seen.values()).allSatisfy(count -> assertThat(count).isBetween(160, 352));
    }
}
