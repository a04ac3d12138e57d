package io.beachdb.manifest;

import io.beachdb.base.format.DatabaseId;
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

    /** Returns where numbers of new files come from: above all that manifest and directory show. */
    public FileNumbers fileNumbers() {
        return FileNumbers.above(version.nextFileNumber(), names);
    }
}
