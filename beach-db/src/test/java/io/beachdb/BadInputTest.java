package io.beachdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseExistsException;
import io.beachdb.base.DatabaseLockedException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.base.MemoryBudget;
import io.beachdb.base.RandomSource;
import io.beachdb.base.Scheduler;
import io.beachdb.base.StorageException;
import io.beachdb.base.UnsupportedFormatException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.durability.DirectoryLock;
import io.beachdb.durability.Vfs;
import io.beachdb.testkit.ForwardingScheduler;
import io.beachdb.testkit.SimulatedDisk;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files and directories that are not as they should be: each attempt ends in a named exception that says where, leaves every
 * byte in the directory as it was, and once the cause is mended everything is there.
 */
class BadInputTest {
    // Where a file header has what; docs/formats/conventions.md.
    private static final int VERSION = 8;
    private static final int REQUIRED_FEATURES = 16;
    private static final int DATABASE_ID = 32;
    private static final int FILE_NUMBER = 48;
    private static final int HEADER_CHECKSUM = 60;
    private static final int TABLE_FOOTER_BYTES = 96;

    private static final int KEYS = 40;

    @TempDir
    private Path directory;

    private Path db;

    /** Kinds of files that a database must have, and one file of each. */
    enum Kind {
        CURRENT,
        MANIFEST,
        LOG,
        TABLE
    }

    private static Options.Builder options() {
        return Options.builder()
                .memoryBytes(16L << 20)
                .writeBufferBytes(256 << 10)
                .level0CompactionTables(20)
                .compression(Options.Compression.NONE);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte @Nullable [] bytes) {
        return bytes == null ? "absent" : new String(bytes, StandardCharsets.UTF_8);
    }

    @BeforeEach
    void fill() {
        db = directory.resolve("db");
        fill(db, options());
    }

    /** Two tables, of keys that begin with a and with b; and a log, of keys that begin with c. */
    private static void fill(Path db, Options.Builder options) {
        try (BeachDB opened = BeachDB.open(db, options.build())) {
            for (String prefix : List.of("a", "b")) {
                for (int i = 0; i < KEYS; i++) {
                    opened.put(bytes(prefix + i), bytes("value of " + prefix + i), Durability.LOGGED);
                }
                opened.flush();
            }
        }
        try (BeachDB opened = BeachDB.open(db, options.build())) {
            for (int i = 0; i < KEYS; i++) {
                opened.put(bytes("c" + i), bytes("value of c" + i), Durability.LOGGED);
            }
        }
    }

    private static void assertHolds(Reader reader, String... prefixes) {
        for (String prefix : prefixes) {
            for (int i = 0; i < KEYS; i++) {
                assertThat(text(reader.get(bytes(prefix + i)))).isEqualTo("value of " + prefix + i);
            }
        }
    }

    private void assertAllIsThere() {
        for (boolean readOnly : new boolean[] {true, false}) {
            try (BeachDB opened = BeachDB.open(db, options().readOnly(readOnly).build())) {
                assertHolds(opened, "a", "b", "c");
            }
        }
    }

    /** Everything in the directory but who holds the lock. */
    private Map<String, String> content() {
        Map<String, String> content = new TreeMap<>();
        for (Path path : list()) {
            String name = path.getFileName().toString();
            if (!name.equals("LOCK.holder")) {
                content.put(name, Files.isDirectory(path) ? "directory" : Arrays.toString(read(path)));
            }
        }
        return content;
    }

    private List<Path> list() {
        return list(db);
    }

    private static List<Path> list(Path place) {
        try (Stream<Path> all = Files.list(place)) {
            return all.sorted().toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static byte[] read(Path path) {
        try {
            return Files.readAllBytes(path);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void write(Path path, byte[] bytes) {
        try {
            Files.write(path, bytes);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The file of a kind that the last run left and needs: of logs that of the keys with c, of tables that of a. */
    private Path file(Kind kind) {
        return list().stream()
                .filter(path -> switch (kind) {
                    case CURRENT -> path.endsWith("CURRENT");
                    case MANIFEST -> path.getFileName().toString().startsWith("MANIFEST-");
                    case LOG -> path.toString().endsWith(".wal") && holds(path, "value of c1");
                    case TABLE -> path.toString().endsWith(".sst") && holds(path, "value of a1");
                })
                .findFirst()
                .orElseThrow();
    }

    /**
     * The log that the manifest names. That of the keys with c may be a later one, if the log allocated ahead was ready before
     * they were written; the absence of a newest log looks like a crash before it was made (docs/formats/wal.md).
     */
    private Path oldestLog() {
        return list().stream()
                .filter(path -> path.toString().endsWith(".wal"))
                .sorted()
                .findFirst()
                .orElseThrow();
    }

    private static boolean holds(Path path, String text) {
        return new String(read(path), StandardCharsets.ISO_8859_1).contains(text);
    }

    // ---- Damage.

    /** What happens to a file, what is thrown, and what that must say beside the file's name. */
    record Damage(String name, UnaryOperator<byte[]> change, Class<? extends BeachException> thrown, String... says) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static byte[] flipped(byte[] good, int at) {
        byte[] bad = good.clone();
        bad[at] ^= 0x10;
        return bad;
    }

    /** Returns a file whose header says something else, under right checksums. A table's header is in its footer. */
    private static byte[] withHeader(byte[] good, int at, long value) {
        byte[] bad = good.clone();
        boolean table = !new String(good, 0, 5, StandardCharsets.ISO_8859_1).startsWith("BEACH");
        int header = table ? good.length - TABLE_FOOTER_BYTES : 0;
        ByteBuffer buffer = ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN);
        if (at == VERSION) {
            buffer.putInt(header + at, (int) value);
        } else {
            buffer.putLong(header + at, value);
        }
        seal(buffer, header, HEADER_CHECKSUM);
        if (table) {
            seal(buffer, header, TABLE_FOOTER_BYTES - 4);
        }
        return bad;
    }

    private static void seal(ByteBuffer buffer, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(buffer.duplicate().position(from).limit(from + length));
        buffer.putInt(from + length, (int) crc.getValue());
    }

    private static final List<Damage> DAMAGES = List.of(
            new Damage("empty", _ -> new byte[0], CorruptionException.class, "offset 0"),
            new Damage("cut in the header", good -> Arrays.copyOf(good, 40), CorruptionException.class, "offset"),
            new Damage(
                    "foreign",
                    good -> Arrays.copyOf(bytes("GIF89a, or so it says. ".repeat(good.length / 20 + 1)), good.length),
                    CorruptionException.class,
                    "offset",
                    "another kind of file"),
            new Damage("zeros", good -> new byte[good.length], CorruptionException.class, "offset"),
            new Damage(
                    "newer version",
                    good -> withHeader(good, VERSION, 2),
                    UnsupportedFormatException.class,
                    "format version 2",
                    "reads 1 to 1"),
            new Damage(
                    "unknown feature",
                    good -> withHeader(good, REQUIRED_FEATURES, 1L << 40),
                    UnsupportedFormatException.class,
                    "feature bits 0x10000000000"),
            new Damage(
                    "another database's",
                    good -> withHeader(good, DATABASE_ID, 0x123456789L),
                    CorruptionException.class,
                    "belongs to database",
                    "000000123456789"),
            new Damage("another number", good -> withHeader(good, FILE_NUMBER, 999), CorruptionException.class, "999"));

    record Case(Kind kind, Damage damage) {
        @Override
        public String toString() {
            return kind + " " + damage;
        }
    }

    static Stream<Case> damages() {
        return Stream.of(Kind.values()).flatMap(kind -> DAMAGES.stream().map(damage -> new Case(kind, damage)));
    }

    @ParameterizedTest
    @MethodSource("damages")
    void open_withADamagedFile_isRefusedAndChangesNothing(Case c) {
        Path file = file(c.kind);
        byte[] good = read(file);
        write(file, c.damage.change.apply(good));
        assertRefused(file, c.kind, c.damage.thrown, saying(c, file));
        write(file, good);
        assertAllIsThere();
    }

    /** CURRENT is what another file's identity is measured by, so when it is the odd one, the manifest seems to be. */
    private String[] saying(Case c, Path file) {
        boolean current = c.kind == Kind.CURRENT;
        List<String> says = new ArrayList<>(List.of(c.damage.says));
        if (current && c.damage.name.startsWith("another")) {
            says.add("MANIFEST-");
        } else {
            says.add(file.getFileName().toString());
        }
        return says.toArray(String[]::new);
    }

    /** Opening fails; only for a table the first read that needs it does, and others go on. */
    private void assertRefused(Path file, Kind kind, Class<? extends BeachException> thrown, String... says) {
        Map<String, String> before = content();
        for (boolean readOnly : new boolean[] {true, false}) {
            try (MemoryBudget budget = MemoryBudget.ofBytes(32L << 20)) {
                Options options =
                        options().readOnly(readOnly).memoryBudget(budget).build();
                if (kind == Kind.TABLE) {
                    assertTableRefused(options, thrown, says);
                } else {
                    assertThrown(() -> BeachDB.open(db, options), thrown, says);
                }
                assertThat(budget.usedBytes()).as("memory left charged").isZero();
            }
            if (readOnly || kind != Kind.TABLE) {
                assertThat(content()).isEqualTo(before);
            } else {
                // It was open for writing, so there is a new manifest; but what it holds is all there was.
                assertThat(content())
                        .containsEntry(
                                file.getFileName().toString(),
                                before.get(file.getFileName().toString()));
            }
        }
    }

    private void assertTableRefused(Options options, Class<? extends BeachException> thrown, String... says) {
        try (BeachDB opened = BeachDB.open(db, options)) {
            for (int again = 0; again < 2; again++) {
                assertThrown(() -> opened.get(bytes("a1")), thrown, says);
                assertThrown(() -> opened.view(bytes("a1"), value -> value), thrown, says);
                assertThrown(() -> scan(opened), thrown, says);
                assertHolds(opened, "b", "c");
            }
            if (!options.readOnly()) {
                opened.put(bytes("d"), bytes("still writes"));
                opened.put(bytes("a0"), bytes("value of a0")); // so that no table can only be moved
                assertThrown(opened::compact, thrown, says);
                assertThat(text(opened.get(bytes("d")))).isEqualTo("still writes");
                assertHolds(opened, "b", "c");
                opened.delete(bytes("d"));
            }
        }
    }

    private static void scan(Reader reader) {
        try (Cursor cursor = reader.cursor()) {
            for (cursor.first(); cursor.valid(); cursor.next()) {
                cursor.keyLength();
            }
        }
    }

    private static Throwable assertThrown(Runnable attempt, Class<? extends Throwable> thrown, String... says) {
        Throwable failure = catchThrowable(attempt::run);
        assertThat(failure).isExactlyInstanceOf(thrown);
        assertThat(failure).hasMessageContainingAll(says);
        return failure;
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void open_withAMissingFile_isRefusedAndChangesNothing(Kind kind) throws IOException {
        Path file = kind == Kind.LOG ? oldestLog() : file(kind);
        byte[] good = read(file);
        Files.delete(file);
        Map<String, String> before = content();
        for (boolean readOnly : new boolean[] {true, false}) {
            Throwable failure = assertThrown(
                    () -> BeachDB.open(db, options().readOnly(readOnly).build()),
                    CorruptionException.class,
                    db.toRealPath().resolve(file.getFileName()).toString(),
                    kind == Kind.TABLE ? "Restore this file, or the whole directory" : "Restore the whole directory");
            assertThat(((CorruptionException) failure).offset()).isEqualTo(-1);
            assertThat(content()).isEqualTo(before);
        }
        write(file, good);
        assertAllIsThere();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void open_withADirectoryInAFilesPlace_isRefusedAndChangesNothing(Kind kind) throws IOException {
        Path file = file(kind);
        byte[] good = read(file);
        Files.delete(file);
        Files.createDirectory(file);
        assertRefused(file, kind, StorageException.class, file.getFileName().toString(), "Is a directory");
        Files.delete(file);
        write(file, good);
        assertAllIsThere();
    }

    /** The bytes that count, changed one at a time: in the log and the manifest, records that others follow. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void open_withAnyByteChanged_isRefusedWithItsPlace(Kind kind) throws IOException {
        Path file = file(kind);
        String name = file.getFileName().toString();
        byte[] good = read(file);
        int end = kind == Kind.LOG ? lastIndexOf(good, "value of c39") : kind == Kind.MANIFEST ? 180 : good.length;
        Map<String, String> others = content();
        others.remove(name);
        for (int at = 0; at < end; at += 1 + end / 60) {
            write(file, flipped(good, at));
            // Only reading every entry needs every byte of a table.
            Throwable failure = catchThrowable(() -> {
                try (BeachDB opened = BeachDB.open(db, options().readOnly(true).build())) {
                    assertHolds(opened, "a");
                }
            });
            if (failure == null) {
                // Properties, say, which reading does without; what is returned was right.
                assertThat(kind).as("byte " + at).isEqualTo(Kind.TABLE);
                continue;
            }
            assertThat(failure).as("byte " + at).isInstanceOf(CorruptionException.class);
            String path = db.toRealPath().resolve(name).toString();
            assertThat(failure).hasMessageStartingWith(path + " at offset ");
            assertThat(((CorruptionException) failure).file()).isEqualTo(path);
            assertThat(((CorruptionException) failure).offset()).isBetween(0L, (long) good.length);
            if (kind != Kind.TABLE) {
                assertThrown(() -> BeachDB.open(db, options().build()), CorruptionException.class, name);
            }
            Map<String, String> after = content();
            after.remove(name);
            assertThat(after).isEqualTo(others);
        }
        write(file, good);
        assertAllIsThere();
    }

    private static int lastIndexOf(byte[] bytes, String text) {
        return new String(bytes, StandardCharsets.ISO_8859_1).lastIndexOf(text);
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"MANIFEST", "TABLE"})
    void open_withAFileCutInHalf_isRefused(Kind kind) {
        Path file = file(kind);
        byte[] good = read(file);
        write(file, Arrays.copyOf(good, good.length / 2));
        assertRefused(file, kind, CorruptionException.class, file.getFileName().toString(), "offset");
        write(file, good);
        assertAllIsThere();
    }

    /** Its pieces lie outside of the blocks, so a cursor meets the damage only when the value is asked for. */
    @Test
    void cursor_onADamagedLargeValue_saysSoEachTimeAndGoesOn() {
        byte[] large = new byte[400_000];
        Arrays.fill(large, (byte) 'x');
        try (BeachDB opened = BeachDB.open(db, options().build())) {
            opened.put(bytes("large"), large);
            opened.put(bytes("next"), bytes("after it"));
            opened.flush();
        }
        Path table = list().stream()
                .filter(path -> path.toString().endsWith(".sst") && holds(path, "xxxxxxxxxx"))
                .findFirst()
                .orElseThrow();
        byte[] good = read(table);
        write(table, flipped(good, lastIndexOf(good, "xxxxxxxxxx")));
        String name = table.getFileName().toString();
        try (BeachDB opened = BeachDB.open(db, options().readOnly(true).build());
                Cursor cursor = opened.cursor()) {
            assertThrown(() -> opened.get(bytes("large")), CorruptionException.class, name, "offset");
            cursor.seek(bytes("large"));
            assertThat(cursor.valueLength()).isEqualTo(large.length);
            for (int again = 0; again < 2; again++) {
                assertThrown(cursor::value, CorruptionException.class, name, "offset");
            }
            cursor.next();
            assertThat(text(cursor.value().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)))
                    .isEqualTo("after it");
            cursor.previous();
            assertThrown(cursor::value, CorruptionException.class, name, "offset");
            cursor.previous();
            assertThat(cursor.valid()).isTrue();
        }
    }

    /** LOCK and OPTIONS say nothing that is read back: whatever stands there, or nothing, is as good. */
    @ParameterizedTest
    @ValueSource(strings = {"LOCK", "LOCK.holder", "OPTIONS"})
    void open_withOddLockOrOptions_opens(String like) throws IOException {
        for (byte @Nullable [] odd : Arrays.asList(null, new byte[0], bytes("\0\1 nonsense \n"))) {
            Path file = list().stream()
                    .filter(path -> path.endsWith(like)
                            || (like.equals("OPTIONS")
                                    && path.getFileName().toString().startsWith(like)))
                    .findFirst()
                    .orElseThrow();
            Files.delete(file);
            if (odd != null) {
                write(file, odd);
            }
            assertAllIsThere();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"LOCK", "LOCK.holder"})
    void open_withADirectoryForLock_isRefusedAndChangesNothing(String name) throws IOException {
        Path lock = db.resolve(name);
        Files.delete(lock);
        Files.createDirectory(lock);
        Map<String, String> before = content();
        assertThrown(
                () -> BeachDB.open(db, options().build()),
                StorageException.class,
                "locking",
                db.toString(),
                "Is a directory");
        assertThat(content()).isEqualTo(before);
        Files.delete(lock);
        assertAllIsThere();
    }

    // ---- Directories.

    @Test
    void open_ofWhatIsNoDirectory_isRefusedAndChangesNothing() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "text");
        Path broken = Files.createSymbolicLink(directory.resolve("link"), directory.resolve("nowhere"));
        for (boolean readOnly : new boolean[] {true, false}) {
            Options options = options().readOnly(readOnly).build();
            assertThrown(() -> BeachDB.open(file, options), StorageException.class, file.toString(), "is a file");
            assertThrown(() -> BeachDB.open(broken, options), StorageException.class, broken.toString());
            Path below = file.resolve("db");
            assertThrown(
                    () -> BeachDB.open(below, options),
                    readOnly ? DatabaseNotFoundException.class : StorageException.class,
                    below.toString());
        }
        assertThat(file).hasContent("text");
        assertThat(directory.resolve("nowhere")).doesNotExist();
    }

    @Test
    void open_ofNoDatabase_isRefusedAndMakesNothing() throws IOException {
        Path none = directory.resolve("none");
        Path empty = Files.createDirectory(directory.resolve("empty"));
        for (Options options : List.of(
                options().createIfMissing(false).build(),
                options().readOnly(true).build())) {
            assertThrown(() -> BeachDB.open(none, options), DatabaseNotFoundException.class, none.toString());
            assertThat(none).doesNotExist();
            assertThrown(() -> BeachDB.open(empty, options), DatabaseNotFoundException.class, empty.toString());
            assertThat(empty).isEmptyDirectory();
        }
        Map<String, String> before = content();
        assertThrown(
                () -> BeachDB.open(db, options().errorIfExists(true).build()),
                DatabaseExistsException.class,
                db.toString());
        assertThat(content()).isEqualTo(before);
    }

    /** A cursor reads no table beside its range: neither in level 0 nor in a run of tables. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void cursor_besideADamagedTable_readsItsRange(boolean compacted) {
        Path place = directory.resolve("place");
        Options options = options().targetTableBytes(4 << 10).build();
        List<String> keys = List.of("b", "d", "f", "h", "j");
        List<Path> tables;
        try (BeachDB opened = BeachDB.open(place, options)) {
            for (String key : keys) {
                opened.put(bytes(key), new byte[5 << 10]);
                opened.flush();
            }
            if (compacted) {
                opened.compact();
            }
            opened.awaitRest();
            tables = list(place).stream()
                    .filter(file -> file.toString().endsWith(".sst"))
                    .toList();
            assertThat(tables).hasSameSizeAs(keys);
        }
        for (int bad = 0; bad < keys.size(); bad++) {
            byte[] good = read(tables.get(bad));
            write(tables.get(bad), flipped(good, 10));
            try (BeachDB opened =
                    BeachDB.open(place, options.toBuilder().readOnly(true).build())) {
                for (String from : List.of("a", "b", "c", "e", "f", "i", "j", "k")) {
                    for (String to : List.of("b", "c", "d", "e", "g", "h", "j", "l")) {
                        List<String> wanted = keys.stream()
                                .filter(key -> key.compareTo(from) >= 0 && key.compareTo(to) < 0)
                                .toList();
                        Range range = Range.of(bytes(from), bytes(to));
                        if (wanted.contains(keys.get(bad))) {
                            assertThrown(() -> keys(opened, range, false), CorruptionException.class, "checksum");
                        } else {
                            assertThat(keys(opened, range, false)).isEqualTo(wanted);
                            assertThat(keys(opened, range, true)).isEqualTo(wanted.reversed());
                        }
                    }
                }
            }
            write(tables.get(bad), good);
        }
    }

    private static List<String> keys(Reader reader, Range range, boolean backwards) {
        List<String> keys = new ArrayList<>();
        try (Cursor cursor = reader.cursor(range)) {
            if (backwards) {
                for (cursor.last(); cursor.valid(); cursor.previous()) {
                    keys.add(text(cursor.key().toArray(ValueLayout.JAVA_BYTE)));
                }
            } else {
                for (cursor.first(); cursor.valid(); cursor.next()) {
                    keys.add(text(cursor.key().toArray(ValueLayout.JAVA_BYTE)));
                }
            }
        }
        return keys;
    }

    /** Nobody needs the merge of small neighbours: where it meets damage it is given up, and writes go on. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void smallNeighbours_ofWhichOneIsDamagedOrMissing_areLeftAlone(boolean missing) throws IOException {
        Path place = directory.resolve("place");
        Options options = options().build();
        try (BeachDB opened = BeachDB.open(place, options)) {
            for (int i = 0; i < 7; i++) {
                opened.put(bytes("k" + i), bytes("value"));
                opened.flush();
                opened.compact(Range.from(bytes("k" + i)));
            }
        }
        Path bad = list(place).stream()
                .filter(file -> file.toString().endsWith(".sst"))
                .skip(3)
                .findFirst()
                .orElseThrow();
        byte[] good = read(bad);
        try (BeachDB opened = BeachDB.open(place, options)) {
            if (missing) {
                Files.delete(bad);
                Files.createDirectory(bad);
            } else {
                write(bad, flipped(good, 10));
            }
            opened.put(bytes("k7"), bytes("value"));
            opened.compact(Range.of(bytes("k7"), bytes("k8"))); // the eighth
            opened.awaitRest();
            assertThat(opened.health().state()).isEqualTo(Health.State.OK);
            assertThat(opened.stats().levels().getLast().tables()).isEqualTo(8);
            assertThat(text(opened.get(bytes("k7")))).isEqualTo("value");
            assertThat(catchThrowable(() -> opened.get(bytes("k3")))).isInstanceOf(BeachException.class);
        }
    }

    /** Its files are going, CURRENT first: who comes meanwhile is told that it is held, not that it is damaged. */
    @Test
    void open_besideADestruction_isRefusedAsLocked() throws IOException {
        Path place = Files.createDirectory(directory.resolve("place"));
        Files.writeString(place.resolve("000123.sst"), "left");
        try (DirectoryLock lock =
                DirectoryLock.acquire(Vfs.system(), place, "LOCK", "LOCK.holder", false, "who destroys it")) {
            assertThat(lock).isNotNull();
            for (boolean readOnly : new boolean[] {true, false}) {
                Options options = options().readOnly(readOnly).build();
                assertThrown(() -> BeachDB.open(place, options), DatabaseLockedException.class, "who destroys it");
            }
        }
    }

    /** A table or log without CURRENT is no place for a new database, and none of ours to put a LOCK in. */
    @ParameterizedTest
    @ValueSource(strings = {"000123.sst", "000123.wal"})
    void open_besideAStrayFile_isRefusedAndMakesNothing(String name) throws IOException {
        Path place = Files.createDirectory(directory.resolve("place"));
        Files.writeString(place.resolve(name), "whose is this?");
        for (boolean readOnly : new boolean[] {true, false}) {
            Options options = options().readOnly(readOnly).build();
            assertThrown(() -> BeachDB.open(place, options), CorruptionException.class, "CURRENT", name);
            try (Stream<Path> files = Files.list(place)) {
                assertThat(files.map(file -> file.getFileName().toString())).containsExactly(name);
            }
        }
    }

    /** Who writes did not see the damage: a compaction did. Its place must be in each refusal all the same. */
    @Test
    void write_afterACompactionMetDamage_isRefusedWithThePlaceAndResumeRefusesToo() {
        Path file = file(Kind.TABLE);
        byte[] good = read(file);
        Options options = options().level0CompactionTables(2).build();
        CountDownLatch written = new CountDownLatch(1);
        Scheduler waiting = new ForwardingScheduler(Scheduler.system()) {
            @Override
            public void execute(String name, Runnable task) {
                super.execute(name, name.equals("compaction") ? () -> afterAll(written, task) : task);
            }
        };
        Options first = options.toBuilder()
                .seams(new Seams(Vfs.system(), waiting, RandomSource.system()))
                .build();
        try (BeachDB opened = BeachDB.open(db, first)) {
            write(file, flipped(good, 10));
            for (int i = 0; i < 2; i++) {
                opened.put(bytes("a0"), bytes("value of a0"));
                opened.flush();
            }
            opened.put(bytes("unlogged"), bytes("acknowledged"), Durability.UNLOGGED);
            written.countDown();
            opened.awaitRest();
            assertThat(opened.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
            String[] place = {file.getFileName() + " at offset ", "checksum", "reopen"};
            assertThrown(() -> opened.put(bytes("d"), bytes("d")), WriteRefusedException.class, place);
            assertThrown(opened::compact, WriteRefusedException.class, place);
            assertThrown(opened::resume, StorageException.class, place);
            assertThat(opened.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
            assertHolds(opened, "b", "c");
        }
        write(file, good);
        try (BeachDB opened = BeachDB.open(db, options)) {
            assertThat(text(opened.get(bytes("unlogged"))))
                    .as("brought to a new file by the close")
                    .isEqualTo("acknowledged");
            opened.compact();
            assertThat(opened.health().state()).isEqualTo(Health.State.OK);
        }
        assertAllIsThere();
    }

    private static void afterAll(CountDownLatch written, Runnable task) {
        try {
            written.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        task.run();
    }

    @Test
    void open_whileOpenInThisProcess_isRefusedAndChangesNothing() {
        String holder = "held by this process itself, process "
                + ProcessHandle.current().pid();
        for (boolean held : new boolean[] {true, false}) {
            try (BeachDB opened = BeachDB.open(db, options().readOnly(held).build())) {
                opened.awaitRest();
                for (boolean readOnly : new boolean[] {true, false}) {
                    Options options = options().readOnly(readOnly).build();
                    if (held && readOnly) {
                        BeachDB.open(db, options).close(); // readers may share
                    } else {
                        assertThrown(
                                () -> BeachDB.open(db, options),
                                DatabaseLockedException.class,
                                db.getFileName().toString(),
                                holder);
                    }
                }
                assertHolds(opened, "a", "b", "c");
                if (!held) {
                    opened.put(bytes("d"), bytes("still writes"));
                }
            }
        }
        assertAllIsThere();
    }

    /** Holds a database open until its input ends. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] arguments) throws IOException {
            try (BeachDB opened = BeachDB.open(Path.of(arguments[0]), options().build())) {
                opened.awaitRest();
                System.out.println("open");
                while (System.in.read() >= 0) {
                    // until the parent lets go
                }
            }
        }
    }

    @Test
    void open_whileOpenInAnotherProcess_isRefusedAndChangesNothing() throws Exception {
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        db.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader said = other.inputReader()) {
            assertThat(said.readLine()).isEqualTo("open");
            for (boolean readOnly : new boolean[] {true, false}) {
                assertThrown(
                        () -> BeachDB.open(db, options().readOnly(readOnly).build()),
                        DatabaseLockedException.class,
                        db.getFileName().toString(),
                        "process " + other.pid());
            }
            other.getOutputStream().close();
            assertThat(other.waitFor()).isZero();
        } finally {
            other.destroyForcibly();
        }
        assertAllIsThere();
    }

    // ---- A disk that refuses.

    private static final Path DISK_DB = Path.of("/data/db");

    /** A database on a disk of its own, as {@link #fill} makes it. */
    private static SimulatedDisk filledDisk() {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(Path.of("/data"));
        fill(DISK_DB, onDisk(disk));
        return disk;
    }

    private static Options.Builder onDisk(SimulatedDisk disk) {
        return options().seams(new Seams(disk.start("process"), Scheduler.system(), RandomSource.seeded(1)));
    }

    private static Map<String, String> content(SimulatedDisk disk) {
        Map<String, String> content = new TreeMap<>();
        for (String name : disk.names(DISK_DB)) {
            if (!name.equals("LOCK.holder")) {
                content.put(name, Arrays.toString(disk.bytes(DISK_DB.resolve(name))));
            }
        }
        return content;
    }

    @Test
    void open_onAReadOnlyDisk_refusesWritersAndServesReaders() {
        SimulatedDisk disk = filledDisk();
        Map<String, String> before = content(disk);
        disk.setReadOnly(true);
        assertThrown(() -> BeachDB.open(DISK_DB, onDisk(disk).build()), StorageException.class, DISK_DB.toString());
        Path fresh = Path.of("/data/new");
        assertThrown(() -> BeachDB.open(fresh, onDisk(disk).build()), StorageException.class, fresh.toString());
        try (BeachDB opened = BeachDB.open(DISK_DB, onDisk(disk).readOnly(true).build())) {
            assertHolds(opened, "a", "b", "c");
            assertThrown(() -> opened.put(bytes("d"), bytes("")), WriteRefusedException.class, DISK_DB.toString());
            assertThrown(opened::flush, WriteRefusedException.class, DISK_DB.toString());
            assertThrown(opened::compact, WriteRefusedException.class, DISK_DB.toString());
        }
        assertThat(content(disk)).isEqualTo(before);
        assertThat(disk.exists(fresh)).isFalse();
        disk.setReadOnly(false);
        try (BeachDB opened = BeachDB.open(DISK_DB, onDisk(disk).build())) {
            assertHolds(opened, "a", "b", "c");
        }
    }

    @Test
    void write_onADiskThatBecameReadOnly_isRefusedAndLosesNothing() {
        SimulatedDisk disk = filledDisk();
        BeachDB opened = BeachDB.open(DISK_DB, onDisk(disk).build());
        opened.put(bytes("d"), bytes("acknowledged"));
        disk.setReadOnly(true);
        assertThat(catchThrowable(() -> opened.put(bytes("e"), bytes("")))).isInstanceOf(BeachException.class);
        Throwable second =
                assertThrown(() -> opened.put(bytes("f"), bytes("")), WriteRefusedException.class, "since a failure: ");
        assertThat(second).hasCauseInstanceOf(StorageException.class);
        assertThat(opened.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
        assertHolds(opened, "a", "b", "c");
        assertThat(catchThrowable(opened::close)).isInstanceOf(BeachException.class);
        disk.setReadOnly(false);
        try (BeachDB again = BeachDB.open(DISK_DB, onDisk(disk).build())) {
            assertHolds(again, "a", "b", "c");
            assertThat(text(again.get(bytes("d")))).isEqualTo("acknowledged");
            assertThat(again.get(bytes("f"))).isNull();
        }
    }

    /** Every amount of room, from none to enough: what there is not room for changes nothing that was there. */
    @Test
    void open_onAFullDisk_isRefusedAndChangesNothing() {
        SimulatedDisk filled = filledDisk();
        Map<String, String> before = content(filled);
        int refused = 0;
        boolean opens = false;
        for (int room = 0; !opens; room += 4096) {
            SimulatedDisk disk = filled.copy();
            disk.setCapacity(disk.usedBytes() + room);
            Throwable failure = catchThrowable(
                    () -> BeachDB.open(DISK_DB, onDisk(disk).build()).close());
            if (failure == null || disk.names(DISK_DB).stream().noneMatch(before::containsKey)) {
                opens = true;
            } else if (failure instanceof StorageException full
                    && full.toString().contains("is full")) {
                assertThat(full.diskFull()).isTrue();
                refused++;
            }
            assertThat(failure == null || failure instanceof BeachException)
                    .as(String.valueOf(failure))
                    .isTrue();
            try (BeachDB reader =
                    BeachDB.open(DISK_DB, onDisk(disk).readOnly(true).build())) {
                assertHolds(reader, "a", "b", "c");
            }
            if (failure != null) {
                Map<String, String> after = content(disk);
                after.keySet().removeIf(name -> !before.containsKey(name));
                assertThat(after.keySet()).as("with room for " + room).isEqualTo(before.keySet());
                after.remove("CURRENT"); // may be switched, if only the new log found no room
                assertThat(before).containsAllEntriesOf(after);
            }
            disk.setCapacity(Long.MAX_VALUE);
            try (BeachDB again = BeachDB.open(DISK_DB, onDisk(disk).build())) {
                assertHolds(again, "a", "b", "c");
            }
        }
        assertThat(refused).as("refused openings").isPositive();
    }

    /** In the first log, which grows, and in a later one, which has all its room from the start. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void write_onADiskThatBecameFull_isRefusedAndGoesOnWithRoom(boolean laterLog) {
        SimulatedDisk disk = filledDisk();
        int before = laterLog ? 100 : 0;
        int written = 0;
        try (BeachDB opened =
                BeachDB.open(DISK_DB, onDisk(disk).failWhenDiskFull(true).build())) {
            for (; written < before; written++) {
                opened.put(bytes("d" + written), new byte[4000]);
            }
            opened.awaitRest();
            disk.setCapacity(disk.usedBytes());
            Throwable failure = null;
            while (failure == null) {
                byte[] key = bytes("d" + written);
                failure = catchThrowable(() -> opened.put(key, new byte[4000], Durability.LOGGED));
                written += failure == null ? 1 : 0;
                assertThat(written).isLessThan(10_000);
            }
            assertHolds(opened, "a", "b", "c");
            // Which of the two depends on what the background had done when the room ended.
            if (opened.health().state() == Health.State.DISK_FULL) {
                assertThat(failure).isInstanceOf(WriteRefusedException.class).hasMessageContaining("disk is full");
                assertThat(opened.get(bytes("d" + written))).isNull();
            } else {
                assertThat(opened.health().state()).isEqualTo(Health.State.READ_ONLY_AFTER_FAILURE);
                assertThat(failure).isInstanceOf(WriteIndeterminateException.class);
                assertThat(failure).rootCause().hasMessageContaining("No space left");
            }
            disk.setCapacity(Long.MAX_VALUE);
            opened.resume(); // does nothing after a refusal
            opened.awaitRest(); // the flush that found no room is tried again
            opened.put(bytes("e"), bytes("room again"));
            opened.flush();
            assertThat(opened.health().state()).isEqualTo(Health.State.OK);
        }
        try (BeachDB again = BeachDB.open(DISK_DB, onDisk(disk).build())) {
            assertHolds(again, "a", "b", "c");
            assertThat(text(again.get(bytes("e")))).isEqualTo("room again");
            for (int i = 0; i < written; i++) {
                assertThat(again.get(bytes("d" + i))).hasSize(4000);
            }
        }
    }

    /** Nothing of all this is told on the console. */
    @Test
    void open_refused_printsNothing() {
        Path file = file(Kind.MANIFEST);
        write(file, flipped(read(file), 70));
        java.io.ByteArrayOutputStream printed = new java.io.ByteArrayOutputStream();
        java.io.PrintStream out = System.out;
        java.io.PrintStream err = System.err;
        java.io.PrintStream kept = new java.io.PrintStream(printed, true, StandardCharsets.UTF_8);
        System.setOut(kept);
        System.setErr(kept);
        try {
            assertThrown(() -> BeachDB.open(db, options().build()), CorruptionException.class, "MANIFEST-");
        } finally {
            System.setOut(out);
            System.setErr(err);
        }
        assertThat(printed.toString(StandardCharsets.UTF_8)).isEmpty();
    }
}
