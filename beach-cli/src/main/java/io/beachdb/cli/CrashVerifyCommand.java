package io.beachdb.cli;

import io.beachdb.BeachDB;
import io.beachdb.Options;
import io.beachdb.base.BeachException;
import io.beachdb.base.DatabaseNotFoundException;
import io.beachdb.dbtestkit.CrashAcks;
import io.beachdb.dbtestkit.CrashVerifier;
import io.beachdb.dbtestkit.CrashWorkload;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "verify",
        description = {
            "Open what a killed 'beach crash worker' left and check it against what the worker had printed.",
            "Exits with 0 when the directory opens, every acknowledged write is there whole (or a later one of the same"
                    + " key), and nothing that was never asked for. Later operations may be there: batches whole, and in"
                    + " each thread a prefix of its order."
        })
final class CrashVerifyCommand extends JudgingCommand {
    static final int SHOWN_VIOLATIONS = 20;

    @Parameters(index = "0", paramLabel = "DIR", description = "Directory of the database.")
    private Path directory;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "ACKFILE",
            description = "What workers on this directory had printed: of the last one, or of several.")
    private List<Path> ackFiles;

    @Option(
            names = "--logged",
            description =
                    "Only processes were killed, the system went on: LOGGED writes that had returned must be there"
                            + " too.")
    private boolean logged;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    CrashVerifyCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException {
        CrashVerifier verifier = new CrashVerifier(logged);
        Options options = Options.defaults();
        int acknowledged = 0;
        for (Path file : ackFiles) {
            CrashAcks acks = read(file);
            verifier.add(acks);
            acknowledged += acks.count();
            CrashWorkload workload = acks.workload();
            if (workload != null) {
                options = workload.profile().options();
            }
        }
        CrashVerifier.Verdict verdict = open(directory, options, verifier);
        print(out, verdict, acknowledged);
        return verdict.isGood() ? ExitCodes.OK : ExitCodes.FAILED;
    }

    static CrashAcks read(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new CommandFailure(
                    file + " is a directory, and the worker's output is wanted there: DIR first, then ACKS");
        }
        try {
            CrashAcks acks = CrashAcks.parse(Files.readString(file, StandardCharsets.ISO_8859_1));
            if (acks.workload() == null) {
                throw new CommandFailure(file + " has no line 'SEED ...', which a crash worker prints first: there is"
                        + " nothing to judge by");
            }
            return acks;
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(file + ": " + e.getMessage(), e);
        }
    }

    /** Judges what the last run left; that it does not open, or read, is a violation like any other. */
    static CrashVerifier.Verdict judge(Path directory, CrashAcks acks, CrashVerifier verifier) {
        verifier.add(acks);
        CrashWorkload workload = acks.workload();
        Options options =
                workload == null ? Options.defaults() : workload.profile().options();
        try {
            return open(directory, options, verifier);
        } catch (BeachException e) {
            return new CrashVerifier.Verdict(0, 0, List.of("the database does not open or read: " + Errors.line(e)));
        }
    }

    /** Opens for writing, as an application would: the recovery is part of what is judged. */
    static CrashVerifier.Verdict open(Path directory, Options options, CrashVerifier verifier) {
        if (!Files.exists(directory)) {
            return verifier.verifyNothing();
        }
        try (BeachDB db = BeachDB.open(
                directory, options.toBuilder().createIfMissing(false).build())) {
            return verifier.verify(db);
        } catch (DatabaseNotFoundException none) {
            return verifier.verifyNothing();
        }
    }

    private void print(Output out, CrashVerifier.Verdict verdict, int acknowledged) {
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("good", verdict.isGood());
            map.put("acknowledged", acknowledged);
            map.put("runs", verdict.runs());
            map.put("keys", verdict.keys());
            map.put("violations", verdict.violations());
            out.line(Json.write(map));
        } else if (verdict.isGood()) {
            out.format(
                    "all acknowledged operations are there, %s; %s, from %s, and nothing else",
                    Units.count(acknowledged),
                    Units.count(verdict.keys(), "key", "keys"),
                    Units.count(verdict.runs(), "run", "runs"));
        } else {
            verdict.violations().stream().limit(SHOWN_VIOLATIONS).forEach(this::say);
            say(directory + " is not what it may be: "
                    + Units.count(verdict.violations().size(), "violation", "violations"));
        }
    }
}
