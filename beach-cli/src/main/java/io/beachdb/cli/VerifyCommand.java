package io.beachdb.cli;

import io.beachdb.base.BeachException;
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
            "Damage is named by file and offset; then the exit code is 1. The torn tail that a crash leaves is no damage: it"
                    + " is told."
        })
final class VerifyCommand extends JudgingCommand {
    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    VerifyCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) {
        long began = System.nanoTime();
        List<String> damage = new ArrayList<>();
        try (Verification verification = Verification.of(directory, problem -> damage.add(Errors.line(problem)))) {
            try {
                verification.run(terminal);
            } catch (BeachException e) {
                if (damage.isEmpty() && !json) {
                    throw e;
                }
                damage.add(Errors.line(e));
            }
            print(out, verification, damage, System.nanoTime() - began);
        }
        return damage.isEmpty() ? ExitCodes.OK : ExitCodes.FAILED;
    }

    private void print(Output out, Verification verification, List<String> damage, long nanos) {
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("good", damage.isEmpty());
            map.put("files", verification.files());
            map.put("bytes", verification.bytes());
            map.put("entries", verification.entries());
            map.put("batches", verification.batches());
            map.put("nanos", nanos);
            map.put("notes", verification.notes());
            map.put("damage", damage);
            out.line(Json.write(map));
        } else if (damage.isEmpty()) {
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
            damage.forEach(this::say);
            say(directory + " is damaged in " + Units.count(damage.size(), "place", "places"));
        }
    }
}
