package io.beachdb.dbtestkit.strace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the file seam says that it did is what the kernel saw, call for call: nothing goes past the seam, and no receipt is
 * without its system call, nor before it. Of writes the bytes that they cover are compared, from sync to sync; stores into
 * mappings are not seen by either.
 */
class SeamAndKernelTest {
    // Not DATA_SYNC: the way that no interrupt closes is an fsync always (decision 0012).
    private static final Set<Kind> ALL = EnumSet.complementOf(EnumSet.of(Kind.FOREIGN, Kind.DATA_SYNC));

    @TempDir
    private Path temporary;

    private Path root;

    @BeforeEach
    void needsStrace() throws IOException, InterruptedException {
        assumeTrue(
                Strace.runs(temporary.resolve("true")),
                "strace does not run here: it is not installed, or may not trace (a container may need SYS_PTRACE)");
        root = temporary.toRealPath().resolve("root"); // two deep: directories above what is made are synced too
        Files.createDirectories(root.resolve("area"));
    }

    /** What seam and kernel saw of one run. */
    private record Run(List<FileCall> seam, List<FileCall> kernel, int receipts) {
        List<String> differences() {
            return FileHistories.differences(seam, kernel);
        }

        long kernelSyncs() {
            return kernel.stream().filter(FileCall::isSync).count();
        }
    }

    private Run run(boolean mistaken) throws IOException, InterruptedException {
        Path record = temporary.resolve("record");
        Path trace = temporary.resolve("trace");
        int exit = Strace.run(
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-Xmx256m",
                        "-Djava.io.tmpdir=" + temporary,
                        "-cp",
                        System.getProperty("java.class.path"),
                        TracedWorker.class.getName(),
                        root.resolve("area").toString(),
                        record.toString(),
                        String.valueOf(mistaken)),
                trace);
        assertThat(exit).as(Files.readString(Path.of(trace + ".out"))).isZero();
        List<String> lines = Files.readAllLines(record);
        return new Run(
                lines.stream().skip(1).map(FileCall::parse).toList(),
                Strace.read(trace, root),
                Integer.parseInt(lines.getFirst().substring(TracedWorker.RECEIPTS.length())));
    }

    @Test
    void seamAndKernel_wholeLife_sawTheSame() throws IOException, InterruptedException {
        Run run = run(false);
        assertThat(run.differences()).isEmpty();
        assertThat(run.kernelSyncs()).as("receipts of syncs").isEqualTo(run.receipts);
        assertThat(run.kernel.stream().map(FileCall::kind).collect(Collectors.toSet()))
                .as("everything happened")
                .containsAll(ALL);
        assertDifferenceIfOneIsMissing(run);
        System.out.println(run.seam.size() + " calls of the seam, " + run.kernel.size() + " of the kernel, "
                + run.receipts + " receipts of syncs: they agree");
    }

    /** Whichever call only one of the two saw, it is told. */
    private static void assertDifferenceIfOneIsMissing(Run run) {
        for (Kind kind : ALL) {
            assertThat(FileHistories.differences(run.seam, withoutOne(kind, run.kernel)))
                    .as("a %s that the kernel did not see", kind)
                    .isNotEmpty();
            assertThat(FileHistories.differences(withoutOne(kind, run.seam), run.kernel))
                    .as("a %s that went past the seam", kind)
                    .isNotEmpty();
        }
    }

    private static List<FileCall> withoutOne(Kind kind, List<FileCall> calls) {
        List<FileCall> fewer = new ArrayList<>(calls);
        FileCall one =
                calls.stream().filter(call -> call.kind() == kind).findFirst().orElse(null);
        if (one != null && kind == Kind.WRITE) {
            fewer.removeIf(
                    call -> call.kind() == kind && call.path().equals(one.path())); // another may cover its bytes
        } else {
            fewer.remove(one);
        }
        return fewer;
    }

    @Test
    void mistakes_aCallPastTheSeamAndASyncThatWasNone_areTold() throws IOException, InterruptedException {
        Run run = run(true);
        assertThat(run.differences())
                .anyMatch(text -> text.contains("past-the-seam #1, call 1: the seam says null, the kernel saw"))
                .anyMatch(text -> text.contains("past-the-seam #1: the seam says it changed"))
                .anyMatch(text -> text.matches(".* the seam says FileCall\\[kind=(DATA_)?SYNC.*"));
        assertThat(run.kernelSyncs()).as("receipts of syncs").isEqualTo(run.receipts - 1);
    }
}
