package io.beachdb.wal;

import io.beachdb.base.CorruptionException;
import io.beachdb.base.MemoryAccount;
import io.beachdb.base.format.DatabaseId;
import io.beachdb.base.format.FileName;
import io.beachdb.base.format.FragmentFormat;
import io.beachdb.base.format.RecordReader;
import io.beachdb.durability.DurableDirectory;
import io.beachdb.durability.Syncability;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the batches of all logs that are needed, in commit order, in bounded memory, and decides where they end. Changes
 * nothing. One task at a time.
 *
 * <p>{@link #next} goes to the next batch. What comes out is a prefix of what was written, and holds everything that had
 * been synced: where that cannot be, because bytes or files are missing that had been on disk, it throws. When there is no
 * further batch, {@link #result} tells what was found.
 */
public final class LogRecovery implements AutoCloseable {
    /*
     * Y1  Used logs form a chain: START names the log before, where its records ended, and its last ordinal. Where the
     *     chain does not hold, something is missing, and everything from there on is left out.
     * Y2  A log's synced offset grows beyond its header only once all logs before it were wholly synced. So where the chain
     *     does not hold, a later record that claims more makes it damage.
     * Y3  Logs without a record were made ahead of need, or lost their START with all else: they count as not there. What
     *     they should have held, the START of a later one tells.
     * Y4  The name of a log is on disk before its first record is written. So a log that a START names, and that is not
     *     there, was removed by somebody: that is damage, whether or not it was synced. (Where names cannot be synced, a
     *     power cut may have done it.)
     */

    /** Where the records of one log end, and why there. */
    public record LogEnd(long logNumber, long offset, boolean clean, String detail) {}

    /**
     * What was found.
     *
     * @param last what a new log says about what came before it. Its sequence is the greatest that was met, of which that
     *     of a batch is its first: how many follow, only who knows what is in the last batch can tell
     * @param batches how many batches were read
     * @param logs where each log that counts ends, in order
     * @param leftOut for people: what was found and does not count, and why; empty if nothing
     * @param whole whether nothing was written that is not here: the newest log was closed cleanly, or no log had been made.
     *     If not, sequences may have been given out beyond the last one found
     */
    public record Result(Predecessor last, long batches, List<LogEnd> logs, String leftOut, boolean whole) {
        public Result {
            logs = List.copyOf(logs);
        }

        /** Returns whether any log holds a record, whether it counts or not. */
        public boolean holdsRecords() {
            return !logs.isEmpty() || !leftOut.isEmpty();
        }
    }

    // Set once.
    private final DurableDirectory directory;
    private final long oldestLog;
    private final long newestLog; // 0 if there is none
    private final MemoryAccount account;

    private final Deque<Long> waiting = new ArrayDeque<>();
    private final Set<Long> present; // of those that are needed
    private final List<LogEnd> ends = new ArrayList<>();
    private @Nullable WalReader reader;
    private long currentLog;
    private boolean currentUsed;
    private Predecessor last =
            Predecessor.none(); // the log with records that was read last, as its successor should say
    private long lastSequence; // that is known to have been given out
    private long batches;
    private String leftOut = "";
    private boolean finished;

    /**
     * Begins. Looks at the header of every log that is needed.
     *
     * @param names the names in the directory
     * @param oldestLog number of the oldest log that is needed, by the manifest; older ones are not looked at
     * @param oldestExists whether the manifest shows that this log had been made, so that it must be there
     * @throws CorruptionException if that one is missing, or a header is damaged or another database's
     */
    public LogRecovery(
            DurableDirectory directory,
            DatabaseId databaseId,
            Collection<String> names,
            long oldestLog,
            boolean oldestExists,
            MemoryAccount account) {
        this.directory = directory;
        this.oldestLog = oldestLog;
        this.account = account;
        names.stream()
                .map(FileName::parse)
                .filter(name -> name != null && name.kind() == FileName.Kind.LOG && name.number() >= oldestLog)
                .map(FileName::number)
                .sorted()
                .forEach(waiting::addLast);
        this.present = Set.copyOf(waiting);
        this.newestLog = waiting.isEmpty() ? 0 : waiting.getLast();
        if (oldestExists && (waiting.isEmpty() || waiting.getFirst() != oldestLog)) {
            throw new CorruptionException(
                    directory.pathOf(FileName.log(oldestLog)),
                    -1,
                    "the manifest needs this log, and it is not there. " + CorruptionException.RESTORE_DIRECTORY);
        }
        for (long number : waiting) {
            try (WalReader log = open(number)) {
                log.header().checkIdentity(log.path(), 0, databaseId, number);
            }
        }
    }

    private WalReader open(long number) {
        return WalReader.open(directory.open(FileName.log(number)), account);
    }

    /**
     * Goes to the next batch.
     *
     * @return false when there is none
     * @throws CorruptionException if something is missing or damaged that had been synced
     */
    public boolean next() {
        while (!finished) {
            WalReader log = reader;
            if (log == null) {
                if (!openNext()) {
                    finished = true;
                }
            } else if (!log.next()) {
                endOf(log);
            } else if (log.kind() == WalFormat.START) {
                begin(log);
            } else if (log.kind() == WalFormat.BATCH) {
                checkSequence(log, lastSequence);
                lastSequence = log.records().sequence();
                batches++;
                return true;
            }
        }
        return false;
    }

    private boolean openNext() {
        Long number = waiting.pollFirst();
        if (number == null) {
            return false;
        }
        currentLog = number;
        currentUsed = false;
        reader = open(number);
        return true;
    }

    private void begin(WalReader log) {
        Predecessor named = log.predecessor();
        if (named == null) {
            throw new AssertionError("START without its contents");
        }
        String gap = gap(named, log.records().ordinal());
        if (gap.isEmpty()) {
            currentUsed = true;
            lastSequence = Math.max(lastSequence, named.lastSequence());
        } else {
            checkNotRemoved(log, named, gap);
            leaveOut(log, named, gap);
        }
    }

    /** Y4. */
    private void checkNotRemoved(WalReader log, Predecessor named, String gap) {
        if (named.logNumber() >= oldestLog
                && !present.contains(named.logNumber())
                && directory.syncability() instanceof Syncability.Syncable) {
            throw new CorruptionException(
                    directory.pathOf(log(named.logNumber())),
                    -1,
                    "it is not there, but " + gap + ", and its name was on disk before " + log.name() + " was written. "
                            + CorruptionException.RESTORE_DIRECTORY);
        }
    }

    /** Returns what is missing before a log whose START says {@code named}; empty if nothing is. */
    private String gap(Predecessor named, long ordinal) {
        boolean first = last.logNumber() == 0;
        if (first && (named.logNumber() == 0 || named.logNumber() < oldestLog)) {
            return "";
        }
        String says = log(currentLog) + " follows " + log(named.logNumber()) + " of " + named.length()
                + " bytes and last ordinal " + named.lastOrdinal();
        if (first) {
            return says + ", which holds no record";
        }
        if (named.logNumber() != last.logNumber()) {
            return says + ", the last log with records is " + log(last.logNumber());
        }
        boolean whole = named.length() == last.length()
                && named.lastOrdinal() == last.lastOrdinal()
                && ordinal == last.lastOrdinal() + 1;
        return whole ? "" : says + ", which ends at " + last.length() + " with ordinal " + last.lastOrdinal();
    }

    private static String log(long number) {
        return number == 0 ? "no log" : FileName.log(number);
    }

    /** Leaves out {@code log} and all behind it, unless one of them shows that what is missing had been synced (Y2). */
    private void leaveOut(WalReader log, Predecessor named, String gap) {
        String file = directory.pathOf(FileName.log(named.logNumber()));
        long place = named.logNumber() == last.logNumber() ? last.length() : -1;
        checkNothingSynced(log, file, place, gap);
        closeReader();
        for (long number : waiting) {
            try (WalReader later = open(number)) {
                checkNothingSynced(later, file, place, gap);
            }
        }
        waiting.clear();
        leftOut = gap + "; nothing from there on had been synced";
        finished = true;
    }

    private void checkNothingSynced(WalReader log, String file, long place, String gap) {
        RecordReader records = log.records();
        boolean more = true;
        while (more) {
            more = log.next();
            if (more && records.syncedOffset() > FragmentFormat.FIRST_RECORD_OFFSET) {
                throw new CorruptionException(
                        file,
                        place,
                        gap + ", but the record at offset " + records.recordOffset() + " of " + log.name()
                                + " says that everything before that log had been synced. Records are missing. "
                                + CorruptionException.RESTORE_DIRECTORY);
            }
        }
    }

    /** Checks that a batch begins beyond what was given out before. */
    static void checkSequence(WalReader log, long lastSequence) {
        long sequence = log.records().sequence();
        if (sequence <= lastSequence) {
            throw new CorruptionException(
                    log.path(),
                    log.records().recordOffset(),
                    "a batch begins at sequence " + sequence + ", which is not beyond " + lastSequence
                            + ", given out before. The file is damaged. " + CorruptionException.RESTORE_DIRECTORY);
        }
    }

    private void endOf(WalReader log) {
        RecordReader records = log.records();
        if (currentUsed) {
            boolean clean = log.ended();
            long end = clean ? records.recordEnd() : records.end().offset();
            lastSequence = Math.max(lastSequence, clean ? records.sequence() : 0);
            last = new Predecessor(currentLog, end, records.lastOrdinal(), lastSequence);
            RecordReader.End at = clean ? null : records.end();
            ends.add(new LogEnd(currentLog, end, clean, at == null ? "closed cleanly" : at.detail()));
        }
        closeReader();
    }

    private void closeReader() {
        if (reader != null) {
            reader.close();
            reader = null;
        }
    }

    private RecordReader current() {
        WalReader log = reader;
        if (log == null) {
            throw new IllegalStateException("recovery does not stand on a batch");
        }
        return log.records();
    }

    /** Returns memory that holds the batch, as it was given to the writer, without the kind. */
    public MemorySegment batchMemory() {
        return current().payloadMemory();
    }

    public long batchOffset() {
        return current().payloadOffset() + WalFormat.BODY_OFFSET;
    }

    public long batchLength() {
        return current().payloadLength() - WalFormat.BODY_OFFSET;
    }

    /** Returns the first sequence of the batch. */
    public long firstSequence() {
        return current().sequence();
    }

    /** Returns where the log is that the batch is in, for messages. */
    public String logPath() {
        return directory.pathOf(FileName.log(currentLog));
    }

    /** Returns where in that log the batch's record begins. */
    public long recordOffset() {
        return current().recordOffset();
    }

    /**
     * Returns what was found.
     *
     * @throws IllegalStateException before {@link #next} has returned false
     */
    public Result result() {
        if (!finished) {
            throw new IllegalStateException("the logs have not been read to their end");
        }
        return new Result(last, batches, ends, leftOut, newestLog == 0 || endsCleanly());
    }

    /** A log made ahead of need, or one that lost all it held, is no clean end of the one before. */
    private boolean endsCleanly() {
        return leftOut.isEmpty()
                && !ends.isEmpty()
                && ends.getLast().clean()
                && ends.getLast().logNumber() == newestLog;
    }

    /** Lets go of files and memory. Closing twice is harmless. */
    @Override
    public void close() {
        closeReader();
    }
}
