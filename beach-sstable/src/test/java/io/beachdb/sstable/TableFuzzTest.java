package io.beachdb.sstable;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.InternalKeys;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** Tables, blocks and compressed bytes of arbitrary content, under right checksums. {@code scripts/fuzz} looks for more inputs. */
public class TableFuzzTest {
    private static final long MAX_BYTES = 64 << 20;
    private static final TableFixture FIXTURE = new TableFixture();
    private static final Entry TARGET = entries().getLast();

    private static List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            byte[] key = ("key" + (100 + i / 2)).getBytes(StandardCharsets.UTF_8);
            boolean delete = i % 5 == 0;
            byte[] value = delete ? new byte[0] : "value".repeat(i % 9).getBytes(StandardCharsets.UTF_8);
            long trailer = InternalKeys.trailer(100 - i, delete ? InternalKeys.KIND_DELETE : InternalKeys.KIND_PUT);
            entries.add(new Entry(key, trailer, value));
        }
        return entries;
    }

    /** A table that the inputs are measured by: where its blocks are, checksums are set right. */
    private static final class Original {
        private final long number;
        private final byte[] bytes;
        private final List<Long> blocks;

        Original(Compression compression) {
            number = FIXTURE.write(new TableOptions(80, 80, 10, compression), new TreeSet<>(entries()))
                    .number();
            bytes = FIXTURE.bytes(number);
            blocks = TableDamageTest.blocks(FIXTURE, number);
            blocks.add(TableDamageTest.named(FIXTURE, number));
        }

        byte[] sealed(byte[] input) {
            byte[] file = Arrays.copyOf(input, bytes.length);
            blocks.stream().filter(handle -> handle != 0).forEach(handle -> TableDamageTest.seal(file, handle, number));
            ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
            int footer = file.length - TableFormat.FOOTER_BYTES;
            buffer.putInt(footer + 60, crc(file, footer, footer + 60)); // of the file header in it
            int at = footer + TableFormat.FOOTER_CHECKSUM_OFFSET;
            buffer.putInt(at, crc(file, footer, at));
            return file;
        }

        private static int crc(byte[] bytes, int from, int to) {
            CRC32C crc = new CRC32C();
            crc.update(bytes, from, to - from);
            return (int) crc.getValue();
        }
    }

    /** The first byte says of which table, the rest is the table; cut or filled to its length. */
    public static final class Table {
        private static final Original[] ORIGINALS = {new Original(Compression.LZ4), new Original(Compression.NONE)};

        private Table() {}

        public static void fuzzerTestOneInput(byte[] input) throws IOException {
            if (input.length == 0) {
                return;
            }
            Original original = ORIGINALS[input[0] & 1];
            FIXTURE.replace(original.number, original.sealed(Arrays.copyOfRange(input, 1, input.length)));
            TableDamageTest.readAll(FIXTURE, original.number, TARGET);
            assertThat(FIXTURE.budget.peakBytes()).isLessThan(MAX_BYTES);
        }

        /** Returns inputs to begin with: a whole table of each kind. */
        public static List<byte[]> seeds() {
            List<byte[]> seeds = new ArrayList<>();
            for (int i = 0; i < ORIGINALS.length; i++) {
                byte[] seed = new byte[1 + ORIGINALS[i].bytes.length];
                seed[0] = (byte) i;
                System.arraycopy(ORIGINALS[i].bytes, 0, seed, 1, seed.length - 1);
                seeds.add(seed);
            }
            return seeds;
        }
    }

    /** The first byte says of which kind, the rest is a raw block: what its check lets pass is read without leaving its bounds. */
    public static final class Block {
        private static final MemorySegment MEMORY = Arena.global().allocate(1 << 20);
        private static final MemorySegment KEY = Arena.global().allocate(64);
        private static final BlockKind[] KINDS = {
            BlockKind.DATA, BlockKind.INDEX, BlockKind.TOP_INDEX, BlockKind.META_INDEX, BlockKind.NAMED
        };

        private Block() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length == 0 || input.length > MEMORY.byteSize()) {
                return;
            }
            int length = input.length - 1;
            long at = MEMORY.byteSize() - length; // what reads behind it meets the end of the memory
            MemorySegment.copy(input, 1, MEMORY, ValueLayout.JAVA_BYTE, at, length);
            BlockView view = new BlockView();
            BlockKind kind = KINDS[(input[0] & 0xFF) % KINDS.length];
            if (view.setChecked(MEMORY, at, length, kind) != null) {
                return;
            }
            for (int i = 0; i < view.count(); i++) {
                assertThat(view.key(i)).hasSizeLessThan(Math.max(1, length));
                assertThat(view.value(i)).hasSizeLessThan(Math.max(1, length));
            }
            MemorySegment.copy(TARGET.key(), 0, KEY, ValueLayout.JAVA_BYTE, 0, TARGET.key().length);
            int found = view.lowerBound(KEY, 0, TARGET.key().length, TARGET.trailer());
            assertThat(found).isBetween(0, view.count());
            if (found < view.count()) {
                view.hasKey(found, KEY, 0, TARGET.key().length);
            }
        }

        /** Returns inputs to begin with: blocks of a table as they stand in it. */
        public static List<byte[]> seeds() {
            Original original = Table.ORIGINALS[1];
            List<byte[]> seeds = new ArrayList<>();
            for (long handle : original.blocks) {
                if (handle != 0) {
                    int from = (int) BlockHandle.offset(handle);
                    byte[] seed = new byte[1 + BlockHandle.length(handle)];
                    System.arraycopy(original.bytes, from, seed, 1, seed.length - 1);
                    int code = (original.bytes[from + seed.length - 1] & 0xFF) >>> 4;
                    seed[0] = (byte) List.of(1, 2, 4, 5, 6).indexOf(code);
                    seeds.add(seed);
                }
            }
            return seeds;
        }
    }

    /** Two bytes of raw length, then the compressed bytes: right, or refused; nothing beside its place is written. */
    public static final class Decompression {
        private static final int AT = 16;
        private static final byte GUARD = 0x5A;

        private Decompression() {}

        public static void fuzzerTestOneInput(byte[] input) {
            if (input.length < 2) {
                return;
            }
            int rawLength = (input[0] & 0xFF) << 8 | (input[1] & 0xFF);
            ByteBuffer source = ByteBuffer.allocateDirect(input.length).put(input);
            ByteBuffer raw = ByteBuffer.allocateDirect(AT + rawLength + AT);
            for (int i = 0; i < raw.capacity(); i++) {
                raw.put(i, GUARD);
            }
            Lz4.decompress(source, 2, input.length - 2, raw, AT, rawLength);
            for (int i = 0; i < AT; i++) {
                assertThat(raw.get(i)).isEqualTo(GUARD);
                assertThat(raw.get(AT + rawLength + i)).isEqualTo(GUARD);
            }
        }

        /** Returns inputs to begin with: blocks as our encoder compresses them. */
        public static List<byte[]> seeds() {
            Original original = Table.ORIGINALS[0];
            List<byte[]> seeds = new ArrayList<>();
            for (long handle : original.blocks) {
                int from = (int) BlockHandle.offset(handle);
                int length = BlockHandle.length(handle);
                if (handle != 0 && original.bytes[from + length] == BlockKind.DATA.type(Compression.LZ4)) {
                    byte[] seed = Arrays.copyOfRange(original.bytes, from + 2, from + length);
                    seed[0] = original.bytes[from + 1]; // of the four bytes of raw length, the lower two
                    seed[1] = original.bytes[from];
                    seeds.add(seed);
                }
            }
            return seeds;
        }
    }

    @Test
    void table_ofKnownInputs_endsInAnswersOrNamedExceptions() throws IOException {
        for (byte[] seed : Table.seeds()) {
            Table.fuzzerTestOneInput(seed);
            Original original = Table.ORIGINALS[seed[0]];
            assertThat(original.sealed(Arrays.copyOfRange(seed, 1, seed.length)))
                    .as("checksums set right")
                    .isEqualTo(original.bytes);
        }
    }

    @Test
    void block_ofKnownInputs_isRefusedOrReadWithinItsBounds() {
        assertThat(Block.seeds()).hasSizeGreaterThan(10);
        Block.seeds().forEach(Block::fuzzerTestOneInput);
    }

    @Test
    void decompression_ofKnownInputs_staysInItsPlace() {
        assertThat(Decompression.seeds()).isNotEmpty();
        Decompression.seeds().forEach(Decompression::fuzzerTestOneInput);
    }
}
