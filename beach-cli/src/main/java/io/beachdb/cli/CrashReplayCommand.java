package io.beachdb.cli;

import io.beachdb.dbtestkit.CrashAcks;
import io.beachdb.dbtestkit.CrashVerifier;
import io.beachdb.dbtestkit.CrashVerifier.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "replay",
        description = {
            "Repeat the judgement of a round of 'beach crash run' that found a violation, on a copy of what the kill left.",
            "Exits with 1 as long as the violation is there, as often as it is called."
        })
final class CrashReplayCommand extends JudgingCommand {
    @Parameters(paramLabel = "FILE", description = "The violation-N.json that 'beach crash run' left.")
    private Path file;

    CrashReplayCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException {
        CrashArtifact artifact = CrashArtifact.read(file);
        CrashAcks acks = CrashVerifyCommand.read(artifact.acknowledgements());
        Path temporary = Files.createTempDirectory("beach-replay");
        try {
            Path copy = temporary.resolve("db"); // since the opening recovers it
            if (Files.exists(artifact.directory())) {
                FileTrees.copy(artifact.directory(), copy);
            }
            CrashVerifier verifier = new CrashVerifier(true);
            Verdict verdict = CrashVerifyCommand.judge(copy, acks, verifier);
            verdict.violations().stream()
                    .limit(CrashVerifyCommand.SHOWN_VIOLATIONS)
                    .forEach(this::say);
            if (verdict.isGood()) {
                out.line("all there: the violation of " + file + " is no more");
            }
            return verdict.isGood() ? ExitCodes.OK : ExitCodes.FAILED;
        } finally {
            FileTrees.delete(temporary);
        }
    }
}
