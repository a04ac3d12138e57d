package io.beachdb.dbtestkit.strace;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What counts as a difference between two views of the same calls. */
class FileHistoriesTest {
    private static final FileCall CREATE = call(Kind.CREATE, "/d/a", "", 0, 0);
    private static final FileCall WRITE = call(Kind.WRITE, "/d/a", "", 0, 10);
    private static final FileCall SYNC = call(Kind.SYNC, "/d/a", "", 0, 0);
    private static final FileCall RENAME = call(Kind.RENAME, "/d/a", "/d/b", 0, 0);
    private static final FileCall LINK = call(Kind.LINK, "/d/a", "/e/a", 0, 0);
    private static final FileCall DELETE = call(Kind.DELETE, "/d/a", "", 0, 0);
    private static final FileCall DIRECTORY_SYNC = call(Kind.SYNC, "/d", "", 0, 0);
    private static final FileCall OTHER_DIRECTORY_SYNC = call(Kind.SYNC, "/e", "", 0, 0);

    private static FileCall call(Kind kind, String path, String other, long offset, long length) {
        return new FileCall(kind, path, other, offset, length, 0, 0);
    }

    /** Returns the calls one after the other. */
    private static List<FileCall> inTurn(FileCall... calls) {
        List<FileCall> timed = new ArrayList<>();
        for (FileCall call : calls) {
            timed.add(at(call, timed.size(), timed.size()));
        }
        return timed;
    }

    private static FileCall at(FileCall call, int begun, int ended) {
        return new FileCall(call.kind(), call.path(), call.other(), call.offset(), call.length(), begun, ended);
    }

    @Test
    void differences_sameCalls_areNone() {
        List<FileCall> calls = inTurn(CREATE, WRITE, SYNC, DIRECTORY_SYNC, RENAME, DIRECTORY_SYNC);
        assertThat(FileHistories.differences(calls, calls)).isEmpty();
    }

    @Test
    void differences_writeInParts_areNone() {
        FileCall first = call(Kind.WRITE, "/d/a", "", 0, 4);
        FileCall second = call(Kind.WRITE, "/d/a", "", 4, 6);
        assertThat(FileHistories.differences(inTurn(CREATE, WRITE, SYNC), inTurn(CREATE, first, second, SYNC)))
                .isEmpty();
    }

    @Test
    void differences_writeOnTheOtherSideOfASync_isTold() {
        List<FileCall> before = inTurn(CREATE, WRITE, SYNC);
        List<FileCall> behind = inTurn(CREATE, SYNC, WRITE);
        assertThat(FileHistories.differences(before, behind)).anyMatch(text -> text.contains("/d/a #1, between"));
        assertThat(FileHistories.differences(behind, before)).anyMatch(text -> text.contains("/d/a #1, between"));
    }

    @Test
    void differences_secondWriteOfTheSameBytesOnTheOtherSideOfASync_isTold() {
        assertThat(FileHistories.differences(
                        inTurn(CREATE, WRITE, SYNC, WRITE, SYNC), inTurn(CREATE, WRITE, SYNC, SYNC, WRITE)))
                .isNotEmpty();
    }

    @Test
    void differences_changeOfANameOnTheOtherSideOfItsDirectorysSync_isTold() {
        for (FileCall change : List.of(CREATE, RENAME, DELETE)) {
            assertThat(FileHistories.differences(inTurn(change, DIRECTORY_SYNC), inTurn(DIRECTORY_SYNC, change)))
                    .as("%s", change)
                    .anyMatch(text -> text.contains("/d #0, between"));
        }
        assertThat(FileHistories.differences(inTurn(LINK, OTHER_DIRECTORY_SYNC), inTurn(OTHER_DIRECTORY_SYNC, LINK)))
                .anyMatch(text -> text.contains("/e #0, between"));
    }

    @Test
    void differences_callsThatOverlapForTheSeam_areNoneInEitherOrder() {
        List<FileCall> overlapping = List.of(at(CREATE, 0, 0), at(WRITE, 1, 1), at(SYNC, 1, 2));
        assertThat(FileHistories.differences(overlapping, inTurn(CREATE, WRITE, SYNC)))
                .isEmpty();
        assertThat(FileHistories.differences(overlapping, inTurn(CREATE, SYNC, WRITE)))
                .isEmpty();
    }
}
