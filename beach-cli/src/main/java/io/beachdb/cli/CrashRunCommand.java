package io.beachdb.cli;

import io.beachdb.cli.CrashRounds.Round;
import io.beachdb.dbtestkit.CrashProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "run",
        description = {
            "Rounds of: a child JVM writes, is killed with SIGKILL at a random moment, the database is opened and judged.",
            "All rounds are on one directory. Stops at the first violation, with exit code 1, and leaves a JSON file that"
                    + " says how to repeat the judgement."
        })
final class CrashRunCommand extends JudgingCommand {
    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "20",
            description = "How many. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(names = "--seed", paramLabel = "S", description = "What is done, and when it is killed. Default: drawn.")
    private @Nullable Long seed;

    @Option(
            names = "--profile",
            paramLabel = "P",
            description =
                    "default, tiny, threads, rotation or compaction (see 'beach crash worker'). Default: another one in each round.")
    private @Nullable CrashProfile profile;

    @Option(
            names = "--dir",
            paramLabel = "D",
            description =
                    "Where to work: an empty directory, or a new one; kept. Default: a temporary directory, kept after a violation only.")
    private @Nullable Path directory;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    CrashRunCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException, InterruptedException {
        if (rounds < 1) {
            throw new UsageException("--rounds is " + rounds + ", allowed 1 and more");
        }
        long from = seed == null ? new SplittableRandom().nextLong(1_000_000_000) : seed;
        // The rounds make a database of their own, and know of every key where it came from.
        Path where = directory == null ? Files.createTempDirectory("beach-crash") : FileTrees.emptyDirectory(directory);
        if (!json) {
            out.line("seed " + from + ", directory " + where).flush();
        }
        CrashRounds crash = new CrashRounds(where, from, profile);
        Round round = play(out, crash);
        boolean good = round.verdict().isGood();
        if (good && directory == null) {
            FileTrees.delete(where);
        }
        summarize(out, crash, round, from);
        return good ? ExitCodes.OK : ExitCodes.FAILED;
    }

    /** Plays until all rounds are over or one is bad; returns the last. */
    private Round play(Output out, CrashRounds crash) throws IOException, InterruptedException {
        try (Progress progress = new Progress(terminal, "crash rounds", rounds)) {
            while (true) {
                Round round = crash.play();
                if (json) {
                    progress.at(round.number(), round.number() + " of " + rounds);
                } else {
                    print(out, round); // a line for each is progress enough
                }
                if (round.number() == rounds || !round.verdict().isGood()) {
                    return round;
                }
            }
        }
    }

    static void print(Output out, Round round) {
        out.format(
                        "round %d, %s: %s; %s acknowledged; opened and read in %s, %s: %s",
                        round.number(),
                        round.profile().label(),
                        round.killed(),
                        Units.count(round.acknowledged()),
                        Units.duration(round.openNanos()),
                        Units.count(round.verdict().keys(), "key", "keys"),
                        round.verdict().isGood() ? "all there" : "VIOLATION")
                .flush();
    }

    private void summarize(Output out, CrashRounds crash, Round last, long from) {
        boolean good = last.verdict().isGood();
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("good", good);
            map.put("seed", from);
            map.put("rounds", last.number());
            map.put("acknowledged", crash.acknowledged());
            map.put("violations", last.verdict().violations());
            map.put("artifact", last.artifact() == null ? null : last.artifact().toString());
            out.line(Json.write(map));
        } else if (good) {
            out.line(Units.count(last.number(), "round", "rounds") + ", "
                    + Units.count(crash.acknowledged(), "acknowledged operation", "acknowledged operations")
                    + ": nothing lost, torn or out of nowhere");
        } else {
            last.verdict().violations().stream().limit(20).forEach(this::say);
            say("round " + last.number() + " of seed " + from + " is not what it may be: see " + last.artifact());
        }
    }
}
