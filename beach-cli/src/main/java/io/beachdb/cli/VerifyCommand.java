package io.beachdb.cli;

import io.beachdb.base.BeachException;
import io.beachdb.base.CorruptionException;
import io.beachdb.base.DatabaseNotFoundException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "verify",
        description = {
            "Read and check every byte of every file that a database needs. Changes nothing.",
            "Damage is named by file and offset; then the exit code is 1, as when a file cannot be read. The torn tail that a"
                    + " crash leaves is no damage: it is told."
        })
final class VerifyCommand extends JudgingCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    VerifyCommand(Terminal terminal) {
        super(terminal);
    }

    /** What was found, in lines, in the order in which it was found. */
    private static final class Findings {
        private final List<String> damage = new ArrayList<>();
        private final List<String> unreadable = new ArrayList<>();

        /** What the system refuses, or this version cannot read, is not known to be damaged. */
        void add(BeachException problem) {
            (problem instanceof CorruptionException ? damage : unreadable).add(Errors.line(problem));
        }

        boolean isEmpty() {
            return damage.isEmpty() && unreadable.isEmpty();
        }
    }

    @Override
    int run(Output out) {
        long began = System.nanoTime();
        Findings findings = new Findings();
        try (Verification verification = Verification.of(directory, findings::add)) {
            try {
                verification.run(terminal);
            } catch (BeachException e) {
                if (findings.isEmpty() && (!json || e instanceof DatabaseNotFoundException)) {
                    throw e;
                }
                findings.add(e);
            }
            print(out, verification, findings, System.nanoTime() - began);
        }
        return findings.isEmpty() ? ExitCodes.OK : ExitCodes.FAILED;
    }

    private void print(Output out, Verification verification, Findings findings, long nanos) {
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("good", findings.isEmpty());
            map.put("files", verification.files());
            map.put("bytes", verification.bytes());
            map.put("entries", verification.entries());
            map.put("batches", verification.batches());
            map.put("nanos", nanos);
            map.put("notes", verification.notes());
            map.put("damage", findings.damage);
            map.put("unreadable", findings.unreadable);
            out.line(Json.write(map));
        } else if (findings.isEmpty()) {
            verification.notes().forEach(out::line);
            out.format(
                    "%s, %s, all whole: %s in tables, %s in logs; %s",
                    Units.count(verification.files(), "file", "files"),
                    Units.bytes(verification.bytes()),
                    Units.entries(verification.entries()),
                    Units.count(verification.batches(), "batch", "batches"),
                    Units.duration(nanos));
        } else {
            verification.notes().forEach(this::say);
            findings.damage.forEach(this::say);
            findings.unreadable.forEach(this::say);
            int places = findings.damage.size();
            int files = findings.unreadable.size();
            String damaged = places == 0 ? "" : " is damaged in " + Units.count(places, "place", "places");
            String unread = files == 0 ? "" : Units.count(files, "file", "files") + " could not be read";
            say(directory + damaged + (places > 0 && files > 0 ? "; " : files > 0 ? ": " : "") + unread);
        }
    }
}
