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
            String text = disk.exists(FILE) ? new String(disk.bytes(FILE), StandardCharsets.UTF_8) : "0";
            if (text.replace("\0", "").isEmpty()) {
                return 0; // of a file that was just made: empty, or not written yet
            }
            return text.matches("[0-9]+") ? Integer.parseInt(text) : -1;
        }

        private void keep(Vfs vfs, int number) {
            try {
                keepOrThrow(vfs, Integer.toString(number));
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
            return;
        }
        assertThat(result.violations()).isNotEmpty();
        String text = result.violations().getFirst();
        assertThat(text).contains("POWER CUT", way.verdict);
        Matcher state = Pattern.compile("state \"([^\"]*)\"").matcher(text);
        assertThat(state.find()).isTrue();
        assertThatThrownBy(() -> explorer.replay(state.group(1))).isInstanceOf(AssertionError.class);
        assertThatCode(() -> CrashExplorer.of(new Counter(Way.RIGHT)).replay("0 none"))
                .doesNotThrowAnyException();
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
                CutPolicy.dataOnly(),
                CutPolicy.prefixOfEverything(3),
                CutPolicy.prefixOfNames(2),
                CutPolicy.allButOne(1),
                CutPolicy.subset(0xF0),
                CutPolicy.random(-7),
                CutPolicy.losing(List.of()),
                CutPolicy.losing(List.of(4, 2)),
                CutPolicy.names(5, CutPolicy.Data.TORN, -3))) {
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
