package io.beachdb.cli;

import io.beachdb.cli.CrashChild.Since;
import io.beachdb.dbtestkit.CrashAcks;
import io.beachdb.dbtestkit.CrashProfile;
import io.beachdb.dbtestkit.CrashVerifier;
import io.beachdb.dbtestkit.CrashVerifier.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * Rounds of: a child JVM writes and prints what is acknowledged; it is killed with SIGKILL at a random moment; the
 * database is opened here and judged. All rounds share one directory.
 *
 * <p>Of each round its output and a copy of the directory as the kill left it are kept until the next one is good: with
 * them 'beach crash replay' repeats the judgement.
 */
final class CrashRounds {
    private static final int OPERATIONS = 20_000;
    private static final int MOST_ACKNOWLEDGEMENTS = 2_500;
    private static final int SLOW = 8; // so many fewer of them
    private static final int MOST_MILLIS = 600;
    private static final int MOST_OPENING_MILLIS = 150;

    private final Path directory;
    private final long seed;
    private final @Nullable CrashProfile profile;
    private final SplittableRandom random;
    private final CrashVerifier verifier = new CrashVerifier(true);
    private int number;
    private long acknowledged;

    /**
     * @param directory where database, outputs and copies go; exists
     * @param seed what each round does, and when it is killed
     * @param profile what the workers do; null for another one in each round
     */
    CrashRounds(Path directory, long seed, @Nullable CrashProfile profile) {
        this.directory = directory;
        this.seed = seed;
        this.profile = profile;
        this.random = new SplittableRandom(seed);
    }

    /**
     * How a round ended.
     *
     * @param number from 1
     * @param killed when the child was killed, in words
     * @param acknowledged operations that had been acknowledged
     * @param openNanos how long opening and reading everything took
     * @param verdict what was found
     * @param artifact what tells how to repeat the judgement; null if all was well
     */
    record Round(
            int number,
            CrashProfile profile,
            String killed,
            int acknowledged,
            long openNanos,
            Verdict verdict,
            @Nullable Path artifact) {

        private Round leaving(Path file) {
            return new Round(number, profile, killed, acknowledged, openNanos, verdict, file);
        }
    }

    /** Returns how many operations were acknowledged in all rounds. */
    long acknowledged() {
        return acknowledged;
    }

    /**
     * Plays a round that is killed at any moment: most after some acknowledgements, some by the clock, and some, of a
     * database that has something to recover, while it is opened.
     */
    Round play() throws IOException, InterruptedException {
        return switch (random.nextInt(8)) {
            case 0 -> play(number == 0 ? Since.FIRST_ACKNOWLEDGEMENT : Since.OPENING, MOST_OPENING_MILLIS);
            case 1 -> play(Since.FIRST_ACKNOWLEDGEMENT, MOST_MILLIS);
            default -> playAmongWrites();
        };
    }

    /** Plays a round that is killed among its writes. */
    Round playAmongWrites() throws IOException, InterruptedException {
        return play(Since.ACKNOWLEDGEMENTS, MOST_ACKNOWLEDGEMENTS);
    }

    private Round play(Since since, int mostCount) throws IOException, InterruptedException {
        number++;
        CrashProfile mine =
                profile == null ? CrashProfile.values()[random.nextInt(CrashProfile.values().length)] : profile;
        long roundSeed = random.nextLong();
        int most = since == Since.ACKNOWLEDGEMENTS && mine.isSlow() ? mostCount / SLOW : mostCount;
        CrashChild.Moment moment = new CrashChild.Moment(since, 1 + random.nextInt(most));
        Path ackFile = directory.resolve(Units.format("round-%05d.acks", number));

        boolean ended = CrashChild.run(
                directory,
                ackFile,
                moment,
                List.of(
                        "crash",
                        "worker",
                        database().toString(),
                        "--seed=" + roundSeed,
                        "--ops=" + OPERATIONS,
                        "--profile=" + mine.label()));
        String killed = ended ? "not killed, it came to its end" : "killed " + moment;
        CrashAcks acks = CrashVerifyCommand.read(ackFile);
        acknowledged += acks.count();
        Path copy = directory.resolve("as-killed");
        FileTrees.delete(copy);
        if (Files.exists(database())) {
            FileTrees.copy(database(), copy);
        }
        long began = System.nanoTime();
        Verdict verdict = CrashVerifyCommand.judge(database(), acks, verifier);
        long nanos = System.nanoTime() - began;
        Round round = new Round(number, mine, killed, acks.count(), nanos, verdict, null);
        if (verdict.isGood()) {
            Files.delete(ackFile);
            return round;
        }
        return round.leaving(new CrashArtifact(copy, ackFile).write(directory, seed, roundSeed, OPERATIONS, round));
    }

    private Path database() {
        return directory.resolve("db");
    }
}
