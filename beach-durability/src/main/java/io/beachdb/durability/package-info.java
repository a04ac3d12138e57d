/**
 * Directories and files that survive a cut: which change is on disk, which is not yet, and the proof of it as a type.
 *
 * <p>A file that was synced is lost with its name if the directory was not. So a directory is changed through one
 * object only, which records every create, rename, link and delete and syncs the directory once for all of them, at the
 * last moment at which that is still correct. What is on disk is shown by a receipt that only the return of the system
 * call can make; code that needs the thing on disk asks for the receipt, and the wrong order does not compile.
 *
 * <p>Here too: the file seam, through which everything above reads and writes, and the lock of a directory.
 *
 * <p>Not here: what is in the files. What holds after each call: {@code docs/durability.md}.
 */
@NullMarked
package io.beachdb.durability;

import org.jspecify.annotations.NullMarked;
