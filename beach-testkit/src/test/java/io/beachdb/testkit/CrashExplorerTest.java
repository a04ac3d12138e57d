package io.beachdb.testkit;

import static io.beachdb.testkit.Native.syncDirectory;
import static io.beachdb.testkit.Native.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.durability.Vfs;
import io.beachdb.durability.VfsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The explorer finds the mistake in each wrong way to keep a number in a file, and none in the right one. */
class CrashExplorerTest {
    private static final Path HOME = Path.of("/home");
    private static final Path FILE = HOME.resolve("number");
    private static final Path TEMPORARY = HOME.resolve("number.tmp");

    /** How a number is kept. */
    enum Way {
        RIGHT(""),
        RENAME_WITHOUT_DIRECTORY_SYNC("On a journalling file system too"),
        RENAME_BEFORE_SYNC("On a journalling file system too"),
        NEW_FILE_WITHOUT_DIRECTORY_SYNC("By the POSIX minimum"),
        BELIEVES_WHAT_IT_READ("On a journalling file system too");

        private final String verdict;

        Way(String verdict) {
            this.verdict = verdict;
        }
    }

    /** Counts; promises the last number that it kept. */
    private record Counter(Way way) implements CrashExplorer.Program<Integer> {
        @Override
        public Integer nothing() {
            return 0;
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Integer> promises) {
            disk.checkReliance(false); // a rename over a file that is not on disk would be told at once
            disk.makeDirectories(HOME);
            Vfs vfs = disk.start("counter");
            for (int number = 1; number <= 3; number++) {
                keep(vfs, number);
                promises.set(number);
            }
        }

        @Override
        public void recover(SimulatedDisk disk, Integer promise, CrashExplorer.Promises<Integer> promises) {
            disk.checkReliance(false);
            int found = read(disk);
            if (found != promise && found != promise + 1) {
                throw new AssertionError("found " + found + ", promised " + promise);
            }
            Vfs vfs = disk.start("next run");
            if (way != Way.BELIEVES_WHAT_IT_READ && found > 0) {
                keep(vfs, found); // what was read may be in memory only
            }
            promises.set(found);
            keep(vfs, found + 1);
            promises.set(found + 1);
        }

        private static int read(SimulatedDisk disk) {
            String text = disk.exists(FILE) ? new String(disk.bytes(FILE), StandardCharsets.UTF_8) : "";
            Matcher whole = Pattern.compile("([0-9]+);").matcher(text);
            return whole.matches() ? Integer.parseInt(whole.group(1)) : 0; // not written yet: empty, zeros, garbage
        }

        private void keep(Vfs vfs, int number) {
            try {
                keepOrThrow(vfs, number + ";");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void keepOrThrow(Vfs vfs, String text) throws IOException {
            if (way == Way.NEW_FILE_WITHOUT_DIRECTORY_SYNC) {
                try (VfsFile file = vfs.kind(FILE) == Vfs.PathKind.ABSENT ? vfs.create(FILE) : vfs.openForWrite(FILE)) {
                    write(file, 0, text);
                    file.sync(true);
                }
                return;
            }
            if (vfs.kind(TEMPORARY) != Vfs.PathKind.ABSENT) {
                vfs.delete(TEMPORARY);
            }
            try (VfsFile file = vfs.create(TEMPORARY)) {
                write(file, 0, text);
                if (way != Way.RENAME_BEFORE_SYNC) {
                    file.sync(true);
                }
            }
            vfs.rename(TEMPORARY, FILE);
            if (way != Way.RENAME_WITHOUT_DIRECTORY_SYNC) {
                syncDirectory(vfs, HOME);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void program_cutEverywhere_mistakesAreFound(Way way) {
        CrashExplorer.Builder<Integer> explorer =
                CrashExplorer.of(new Counter(way)).depth(3).nestedOneIn(1);
        CrashExplorer.Result result = explorer.explore();
        assertThat(result.cuts()).isGreaterThan(result.states());
        if (way == Way.RIGHT) {
            assertThat(result.violations()).isEmpty();
            assertThat(result.statesByDepth()).hasSize(3).allMatch(states -> states > 0);
            assertThat(result.statesByDepth().stream()
                            .mapToLong(states -> states)
                            .sum())
                    .isEqualTo(result.states());
            assertThat(result.toString()).contains("by depth " + result.statesByDepth(), "0 violations");
            return;
        }
        assertThat(result.violations()).isNotEmpty();
        assertThat(result.toString()).contains(result.violations());
        String text = result.violations().getFirst();
        assertThat(text).contains("POWER CUT", way.verdict);
        Matcher state = Pattern.compile("state \"([^\"]*)\"").matcher(text);
        assertThat(state.find()).isTrue();
        assertThatThrownBy(() -> explorer.replay(state.group(1))).isInstanceOf(AssertionError.class);
        assertThatCode(() -> CrashExplorer.of(new Counter(Way.RIGHT)).replay("0 none"))
                .doesNotThrowAnyException();
    }

    /** Keeps lines of one sector each in a log, which ends where the zeros begin. */
    private record Lines(boolean checked) implements CrashExplorer.Program<Integer> {
        private static final Path LOG = HOME.resolve("log");
        private static final int LENGTH = 512;

        @Override
        public Integer nothing() {
            return 0;
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Integer> promises) {
            disk.makeDirectories(HOME);
            try (VfsFile log = disk.start("writer").create(LOG)) {
                syncDirectory(disk.start("other"), HOME);
                for (int line = 0; line < 3; line++) {
                    write(log, (long) line * LENGTH, line(line));
                    log.sync(true);
                    promises.set(line + 1);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static String line(int number) {
            return Integer.toString(number).repeat(LENGTH);
        }

        @Override
        public void recover(SimulatedDisk disk, Integer promise, CrashExplorer.Promises<Integer> promises) {
            String log = disk.exists(LOG) ? new String(disk.bytes(LOG), StandardCharsets.ISO_8859_1) : "";
            int lines = 0;
            while (log.length() >= (lines + 1) * LENGTH && isLine(log.substring(lines * LENGTH), lines)) {
                lines++;
            }
            if (lines != promise && lines != promise + 1 || !checked && !log.startsWith(allOf(lines))) {
                throw new AssertionError("found " + lines + " lines, promised " + promise);
            }
        }

        private boolean isLine(String text, int number) {
            return checked ? text.startsWith(line(number)) : text.charAt(0) != 0;
        }

        private static String allOf(int lines) {
            StringBuilder all = new StringBuilder();
            for (int line = 0; line < lines; line++) {
                all.append(line(line));
            }
            return all.toString();
        }
    }

    @Test
    void logThatCountsOnZerosBehindItsEnd_isFoundByGarbage() {
        CrashExplorer.Result wrong =
                CrashExplorer.of(new Lines(false)).samples(0).explore();
        assertThat(wrong.violations()).isNotEmpty().allMatch(text -> text.contains("namesWithGarbage"));
        assertThat(CrashExplorer.of(new Lines(true)).explore().violations()).isEmpty();
    }

    /** Counts on a file that it did not sync, and hears nothing of what the disk says to that. */
    private record Deaf(boolean inRecovery) implements CrashExplorer.Program<Integer> {
        @Override
        public Integer nothing() {
            return 0;
        }

        @Override
        public void run(SimulatedDisk disk, CrashExplorer.Promises<Integer> promises) {
            disk.makeDirectories(HOME);
            begin(disk, !inRecovery);
        }

        @Override
        public void recover(SimulatedDisk disk, Integer promise, CrashExplorer.Promises<Integer> promises) {
            begin(disk, inRecovery && disk.exists(FILE));
        }

        private static void begin(SimulatedDisk disk, boolean relies) {
            SimulatedVfs vfs = disk.start("deaf");
            try {
                if (vfs.kind(FILE) == Vfs.PathKind.ABSENT) {
                    vfs.create(FILE).close();
                }
                if (relies) {
                    vfs.relyOn(FILE, 0, "deaf");
                }
            } catch (DurabilityViolation unheard) {
                assertThat(disk.violations()).contains(unheard);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Test
    void violationThatTheProgramSwallows_isTold() {
        assertThatThrownBy(() -> CrashExplorer.of(new Deaf(false)).explore())
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("deaf counts on /home/number");
        // After a death the file is there, and not on disk; a cut leaves it on disk, or not at all.
        CrashExplorer.Result result =
                CrashExplorer.of(new Deaf(true)).depth(2).nestedOneIn(1).explore();
        assertThat(result.violations())
                .isNotEmpty()
                .allMatch(text -> text.contains("death") && text.contains("deaf counts on /home/number"));
    }

    /** Returns the policies that are tried when so many files were made and so many writes not synced. */
    private static List<String> policies(int names, int writes, int exhaustiveNames) throws IOException {
        SimulatedDisk disk = new SimulatedDisk().makeDirectories(HOME);
        SimulatedVfs vfs = disk.start("p");
        disk.install(FILE, new byte[0]);
        try (VfsFile file = vfs.openForWrite(FILE)) {
            for (int i = 0; i < writes; i++) {
                write(file, i, "x");
            }
        }
        for (int i = 0; i < names; i++) {
            vfs.create(HOME.resolve("f" + i)).close();
        }
        return CutPolicy.exploring(disk, 4, exhaustiveNames, 2, 1).stream()
                .map(CutPolicy::toString)
                .toList();
    }

    @Test
    void manyNamesPending_eachIsLostAlone_andEachPrefixOfThemIsKept() throws IOException {
        List<String> policies = policies(20, 100, 4);
        for (int i = 0; i < 20; i++) {
            assertThat(policies).contains("allButOne(" + (100 + i) + ")");
        }
        for (int count = 1; count < 20; count++) {
            assertThat(policies).contains("prefixOfNames(" + count + ")");
        }
        assertThat(policies).hasSizeLessThan(60).doesNotHaveDuplicates();
        assertThat(policies(0, 100, 4))
                .contains("allButOne(0)", "allButOne(50)")
                .hasSizeLessThan(15);
    }

    @Test
    void fewNamesPending_allTheirSubsetsAreTried_upToALimitOfTheirOwn() throws IOException {
        List<String> policies = policies(8, 100, 8);
        for (int bits = 0; bits < 256; bits++) {
            for (CutPolicy.Data data : CutPolicy.Data.values()) {
                String policy = "names(0x" + Integer.toHexString(bits) + "," + data + ",";
                assertThat(policies).anyMatch(tried -> tried.startsWith(policy));
            }
        }
        assertThat(policies(8, 100, 7)).noneMatch(policy -> policy.startsWith("names("));
        assertThatThrownBy(() -> policies(1, 1, 17)).hasMessageContaining("exhaustiveNames is 17");
    }

    @Test
    void violation_losesAsLittleAsBreaksSomething() {
        String text = CrashExplorer.of(new Counter(Way.RENAME_WITHOUT_DIRECTORY_SYNC))
                .explore()
                .violations()
                .getFirst();
        assertThat(text.lines().filter(line -> line.startsWith("LOST")))
                .singleElement()
                .asString()
                .contains("rename of /home/number.tmp to /home/number");
    }

    @Test
    void policies_byTheirText_areTheSame() {
        for (CutPolicy policy : List.of(
                CutPolicy.none(),
                CutPolicy.all(),
                CutPolicy.namesOnly(),
                CutPolicy.namesWithoutData(),
                CutPolicy.namesWithGarbage(5),
                CutPolicy.dataOnly(),
                CutPolicy.prefixOfEverything(3),
                CutPolicy.prefixOfNames(2),
                CutPolicy.allButOne(1),
                CutPolicy.subset(0xF0),
                CutPolicy.random(-7),
                CutPolicy.losing(List.of()),
                CutPolicy.losing(List.of(4, 2)),
                CutPolicy.names(5, CutPolicy.Data.TORN, -3),
                CutPolicy.names(7, CutPolicy.Data.GARBAGE, 2))) {
            SimulatedDisk disk = new SimulatedDisk();
            disk.checkReliance(false);
            CrashExplorer.Promises<Integer> promises = new CrashExplorer.Promises<>(0);
            new Counter(Way.NEW_FILE_WITHOUT_DIRECTORY_SYNC).run(disk, promises);
            new Counter(Way.RENAME_BEFORE_SYNC).run(disk, promises);
            SimulatedDisk other = disk.copy();
            String decided = disk.cutPower(policy).toString();
            assertThat(other.cutPower(CutPolicy.parse(policy.toString()))).hasToString(decided);
            assertThat(other.fingerprint()).as(policy.toString()).isEqualTo(disk.fingerprint());
        }
        assertThatThrownBy(() -> CutPolicy.parse("some")).isInstanceOf(IllegalArgumentException.class);
    }
}
