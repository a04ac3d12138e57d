package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.BeachDB;
import io.beachdb.Cursor;
import io.beachdb.dbtestkit.CrashVerifier.Verdict;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The verifier over runs on a real database, and what it says when somebody changes things behind their back. */
class CrashVerifierTest {
    @TempDir
    private Path directory;

    private final CrashVerifier verifier = new CrashVerifier(true);

    /** Plays a run to its end, and returns what it acknowledged. */
    private String play(long seed, CrashProfile profile) {
        CrashWorkload workload = new CrashWorkload(seed, 200, profile);
        StringBuilder lines = new StringBuilder(CrashWorker.header(workload) + "\n");
        try (BeachDB db = BeachDB.open(directory, profile.options())) {
            CrashWorker worker =
                    new CrashWorker(db, workload, line -> lines.append(line).append('\n'));
            worker.begin();
            for (int lane = 0; lane < workload.lanes(); lane++) {
                worker.runLane(lane);
            }
        }
        return lines.append(CrashWorker.footer()).append('\n').toString();
    }

    private Verdict verify() {
        try (BeachDB db = BeachDB.open(directory, CrashProfile.TINY.options())) {
            return verifier.verify(db);
        }
    }

    private byte[] anyKey() {
        try (BeachDB db = BeachDB.open(directory)) {
            return Objects.requireNonNull(CrashState.read(db).keys().firstKey()).getBytes(StandardCharsets.US_ASCII);
        }
    }

    @Test
    void verify_roundAfterRound_good() {
        for (int round = 0; round < 4; round++) {
            verifier.add(CrashAcks.parse(play(round, CrashProfile.values()[round % 3])));
            Verdict verdict = verify();
            assertThat(verdict.violations()).as("round " + round).isEmpty();
            assertThat(verdict.runs()).isEqualTo(round + 1);
            assertThat(verify().isGood()).isTrue();
        }
    }

    @Test
    void verify_changeBetweenTwoOpenings_caughtThoughNothingWasPromised() {
        play(1, CrashProfile.TINY);
        assertThat(verify().isGood()).isTrue();
        byte[] key = anyKey();
        try (BeachDB db = BeachDB.open(directory)) {
            db.delete(key);
        }
        assertThat(verify().violations())
                .anyMatch(text ->
                        text.contains("an earlier opening showed another state") && text.contains("became absent"));
    }

    @Test
    void verify_changeBeforeTheNextRun_caught() {
        play(1, CrashProfile.TINY);
        assertThat(verify().isGood()).isTrue();
        byte[] key = anyKey();
        try (BeachDB db = BeachDB.open(directory)) {
            db.delete(key);
        }
        verifier.add(CrashAcks.parse(play(2, CrashProfile.TINY)));
        assertThat(verify().violations()).anyMatch(text -> text.contains("an earlier opening showed another state"));
    }

    @Test
    void verify_runRecordLost_caught() {
        verifier.add(CrashAcks.parse(play(1, CrashProfile.TINY)));
        try (BeachDB db = BeachDB.open(directory)) {
            db.delete("run/000000".getBytes(StandardCharsets.US_ASCII));
        }
        assertThat(verify().violations())
                .isNotEmpty()
                .allMatch(text -> text.contains("holds a value that no run wrote"));
    }

    @Test
    void verify_everythingLost_caught() {
        verifier.add(CrashAcks.parse(play(1, CrashProfile.TINY)));
        try (BeachDB db = BeachDB.open(directory)) {
            List<byte[]> keys = new ArrayList<>();
            try (Cursor cursor = db.cursor()) {
                for (cursor.first(); cursor.valid(); cursor.next()) {
                    keys.add(cursor.key().toArray(ValueLayout.JAVA_BYTE));
                }
            }
            keys.forEach(db::delete);
        }
        assertThat(verify().violations()).containsExactly("run 0 was acknowledged, and its record is lost");
    }

    @Test
    void runRecord_anyByteChangedOrCut_notRead() {
        play(1, CrashProfile.TINY);
        play(2, CrashProfile.TINY);
        byte[] record;
        try (BeachDB db = BeachDB.open(directory)) {
            record = Objects.requireNonNull(db.get("run/000001".getBytes(StandardCharsets.US_ASCII)));
        }
        CrashRunRecord decoded = Objects.requireNonNull(CrashRunRecord.decode(record));
        assertThat(decoded.found()).isNotEmpty();
        assertThat(decoded.seed()).isEqualTo(2);
        for (int length = 0; length < record.length; length++) {
            assertThat(CrashRunRecord.decode(java.util.Arrays.copyOf(record, length)))
                    .as("cut to " + length)
                    .isNull();
        }
        // A digit changed into another digit gives another record, which the runs' own numbers then contradict.
        byte[] damaged = record.clone();
        damaged[record.length / 2] = (byte) 0xFF;
        assertThat(CrashRunRecord.decode(damaged)).isNull();
    }

    @Test
    void runRecord_countThatNoWorkloadHas_notRead() {
        for (int count : new int[] {-1, CrashWorkload.MAX_OPERATIONS + 1}) {
            byte[] record = new CrashRunRecord(0, 1, count, CrashProfile.TINY, new TreeMap<>()).encode();
            assertThat(CrashRunRecord.decode(record)).as("count " + count).isNull();
        }
    }
}
