package io.beachdb.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "demo",
        description = {
            "Show what the database does, on real data: all files of the running JDK's own image.",
            "Loads them, reads everything back and compares, scans forwards and backwards, changes data under a snapshot,"
                    + " and three times kills a writing child JVM and checks that nothing acknowledged is lost. Exits with"
                    + " 1 if anything was lost or differs. About a minute, and up to 500 MB of disk."
        })
final class DemoCommand extends JudgingCommand {
    @Option(
            names = "--dir",
            paramLabel = "D",
            description = "Where to work: a new or empty directory; kept. Default: a temporary directory.")
    private @Nullable Path directory;

    @Option(names = "--keep", description = "Keep the temporary directory.")
    private boolean keep;

    @Option(names = "--json", description = "Print only figures, as JSON, at the end.")
    private boolean json;

    @Option(
            names = "--files",
            paramLabel = "N",
            hidden = true,
            defaultValue = "10000000",
            description = "At most N files.")
    private int files;

    DemoCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(Output out) throws IOException, InterruptedException {
        if (files < 1) {
            throw new UsageException("--files is " + files + ", allowed 1 and more");
        }
        Path where = directory == null ? Files.createTempDirectory("beach-demo") : FileTrees.emptyDirectory(directory);
        boolean good = false;
        try {
            Map<String, Object> figures = new Demo(terminal, out, !json, where).run(files);
            if (json) {
                out.line(Json.write(figures));
            }
            good = true;
        } finally {
            if (good && directory == null && !keep) {
                FileTrees.delete(where);
            } else if (directory == null) {
                say("everything is kept in " + where);
            }
        }
        return 0;
    }
}
