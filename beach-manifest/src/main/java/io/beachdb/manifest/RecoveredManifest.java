package io.beachdb.manifest;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import java.util.List;

/**
 * What an opening read from CURRENT and the manifest it leads to.
 *
 * @param databaseId the database's id
 * @param manifestNumber number of the manifest
 * @param version the version after its last edit; all its files are there
 * @param edits how many edits stood behind the snapshot
 * @param endOffset where the manifest's whole records end
 * @param end what was found there, for people: the file's end, or a torn tail
 * @param names all names in the directory
 */
public record RecoveredManifest(
        DatabaseId databaseId,
        long manifestNumber,
        Version version,
        long edits,
        long endOffset,
        String end,
        List<String> names) {

    /**
     * Checks that nothing of a life after the opening is there, where the version does not show that the opening came to its
     * end: that edit is on disk before the first write. So if something is, the manifest lost edits, whatever they said.
     *
     * @param path where the manifest is, for messages
     * @param logsHoldRecords whether a log that the version does not exclude holds a record
     */
    public void checkNothingLater(String path, boolean logsHoldRecords) {
        if (version.oldestLogExists()) {
            return; // a log of its time must be there, and tells the rest
        }
        String later = logsHoldRecords ? "logs hold records" : laterTable();
        if (!later.isEmpty()) {
            throw new CorruptionException(
                    path,
                    endOffset,
                    "it ends here (" + end + "), before any edit says that a log was made, and " + later
                            + ": edits are missing. " + CorruptionException.RESTORE_DIRECTORY);
        }
    }

    private String laterTable() {
        for (String name : names) {
            FileName parsed = FileName.parse(name);
            if (parsed != null && parsed.kind() == FileName.Kind.TABLE && parsed.number() >= version.nextFileNumber()) {
                return "there is the later table " + name;
            }
        }
        return "";
    }

    /** Returns where numbers of new files come from: above all that manifest and directory show. */
    public FileNumbers fileNumbers() {
        return FileNumbers.above(version.nextFileNumber(), names);
    }
}
