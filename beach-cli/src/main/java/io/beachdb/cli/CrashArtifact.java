package io.beachdb.cli;

import io.beachdb.cli.CrashRounds.Round;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is left of a round of {@link CrashRounds} that found a violation: a JSON file that says what was done, and leads to what
 * the worker printed and to the directory as the kill left it. Both lie beside it, so all of it may be moved together.
 *
 * @param directory the database, as the kill left it
 * @param acknowledgements what the worker had printed
 */
record CrashArtifact(Path directory, Path acknowledgements) {
    private static final String DIRECTORY = "directoryAsKilled";
    private static final String ACKNOWLEDGEMENTS = "acknowledgements";

    /** Writes down a round; returns the file. */
    Path write(Path into, long seed, long workerSeed, int workerOperations, Round round) throws IOException {
        Path file = into.resolve(Units.format("violation-%05d.json", round.number()));
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("seed", seed);
        map.put("round", round.number());
        map.put("workerSeed", workerSeed);
        map.put("workerOps", workerOperations);
        map.put("profile", round.profile().label());
        map.put("killed", round.killed());
        map.put(DIRECTORY, into.relativize(directory).toString());
        map.put(ACKNOWLEDGEMENTS, into.relativize(acknowledgements).toString());
        map.put("violations", round.verdict().violations());
        map.put("repeat", "beach crash replay " + file);
        Files.writeString(file, Json.write(map) + "\n");
        return file;
    }

    static CrashArtifact read(Path file) throws IOException {
        try {
            Map<String, JsonText.Value> members = JsonText.parseObject(Files.readAllBytes(file));
            return new CrashArtifact(path(file, members, DIRECTORY), path(file, members, ACKNOWLEDGEMENTS));
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(file + " is no artifact of 'beach crash run': " + e.getMessage(), e);
        }
    }

    private static Path path(Path file, Map<String, JsonText.Value> members, String name) {
        JsonText.Value value = members.get(name);
        if (value == null || value.string() == null) {
            throw new IllegalArgumentException("'" + name + "' is missing");
        }
        return file.resolveSibling(value.text());
    }
}
