package io.beachdb;

import io.beachdb.db.Destroying;
import io.beachdb.db.Engine;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * An embedded, ordered key-value store in a directory of its own. Any number of threads, virtual ones too; close it when
 * done, at any moment.
 *
 * <p>Keys are ordered bytewise, unsigned. Every write returns its sequence: writes are applied in the order of their
 * sequences, and what is there after a crash is a prefix of that order that holds every {@link Durability#SYNCED} write.
 * What holds after each call returns: {@code docs/durability.md}.
 *
 * <p>Errors are unchecked: the sealed {@code BeachException} family, and {@link IllegalArgumentException} for keys, values
 * and batches beyond the limits. A segment that cannot be used is refused as everywhere in Java, before anything is written:
 * one of a closed arena by {@link IllegalStateException}, one confined to another thread by {@link WrongThreadException}. No
 * misuse crashes the JVM.
 */
public final class BeachDB implements Reader, AutoCloseable {
    private final Engine engine;

    private BeachDB(Engine engine) {
        this.engine = engine;
    }

    /** Opens the database in {@code directory} with the default options; makes it if there is none. */
    public static BeachDB open(Path directory) {
        return open(directory, Options.defaults());
    }

    /**
     * Opens the database in {@code directory}: recovers what is there, or makes a new one.
     *
     * @throws io.beachdb.base.DatabaseLockedException if it is open already, in this process or another
     * @throws io.beachdb.base.DatabaseNotFoundException if there is none and the options do not say to make one
     * @throws io.beachdb.base.DatabaseExistsException if there is one and the options say that there must not be
     * @throws io.beachdb.base.CorruptionException if its files are damaged; nothing was changed
     * @throws io.beachdb.base.StorageException if the system refused; nothing was lost
     */
    public static BeachDB open(Path directory, Options options) {
        return new BeachDB(Engine.open(directory, options));
    }

    /** As {@link #destroy(Path, Options)} with the default options. */
    public static boolean destroy(Path directory) {
        return destroy(directory, Options.defaults());
    }

    /**
     * Deletes the database in {@code directory} for good, and the directory if nothing else is in it. On disk when it
     * returns. If the machine stops before, the database is whole, or not to be opened any more: then destroy it again. Files
     * that are not a database's stay.
     *
     * @param options of which the seams and the listener count
     * @return whether there was something to delete
     * @throws io.beachdb.base.DatabaseLockedException if it is open, in this process or another
     * @throws io.beachdb.base.StorageException if the system refused; what is left can be destroyed again
     */
    public static boolean destroy(Path directory, Options options) {
        return Destroying.destroy(directory, options);
    }

    /** Sets {@code key} to {@code value} with the default durability, and returns the write's sequence. */
    public long put(byte[] key, byte[] value) {
        return engine.put(key, value, engine.options().durability());
    }

    /** Sets {@code key} to {@code value}, and returns the write's sequence. */
    public long put(byte[] key, byte[] value, Durability durability) {
        return engine.put(key, value, durability);
    }

    /** As {@link #put(byte[], byte[])}. */
    public long put(MemorySegment key, MemorySegment value) {
        return engine.put(key, value, engine.options().durability());
    }

    /** As {@link #put(byte[], byte[], Durability)}. */
    public long put(MemorySegment key, MemorySegment value, Durability durability) {
        return engine.put(key, value, durability);
    }

    /** Removes {@code key}, whether or not it is there, and returns the write's sequence. */
    public long delete(byte[] key) {
        return engine.delete(key, engine.options().durability());
    }

    /** As {@link #delete(byte[])}. */
    public long delete(byte[] key, Durability durability) {
        return engine.delete(key, durability);
    }

    /** As {@link #delete(byte[])}. */
    public long delete(MemorySegment key) {
        return engine.delete(key, engine.options().durability());
    }

    /** As {@link #delete(byte[])}. */
    public long delete(MemorySegment key, Durability durability) {
        return engine.delete(key, durability);
    }

    /** Applies {@code batch}, whole or not at all, with the default durability; returns its last sequence. */
    public long write(WriteBatch batch) {
        return write(batch, engine.options().durability());
    }

    /**
     * Applies {@code batch}, whole or not at all; returns its last sequence. An empty batch does nothing.
     *
     * @throws IllegalArgumentException if the batch takes more memory than the smaller of 1 GiB and a quarter of the budget, see
     *     {@link WriteBatch#bytes}; nothing is written
     */
    public long write(WriteBatch batch, Durability durability) {
        Objects.requireNonNull(batch, "batch");
        return engine.write(batch.operations(), batch.bytes(), batch.count(), durability);
    }

    @Override
    public byte @Nullable [] get(byte[] key) {
        return engine.newest().get(key);
    }

    @Override
    public byte @Nullable [] get(MemorySegment key) {
        return engine.newest().get(key);
    }

    @Override
    public long get(byte[] key, MemorySegment destination) {
        return engine.newest().get(key, destination);
    }

    @Override
    public long get(MemorySegment key, MemorySegment destination) {
        return engine.newest().get(key, destination);
    }

    @Override
    public <T> @Nullable T view(byte[] key, Function<MemorySegment, T> reader) {
        return engine.newest().view(key, reader);
    }

    @Override
    public <T> @Nullable T view(MemorySegment key, Function<MemorySegment, T> reader) {
        return engine.newest().view(key, reader);
    }

    @Override
    public List<byte @Nullable []> multiGet(List<byte[]> keys) {
        return engine.newest().multiGet(keys);
    }

    @Override
    public Cursor cursor() {
        return engine.newest().cursor(Range.all());
    }

    @Override
    public Cursor cursor(Range range) {
        return engine.newest().cursor(range);
    }

    @Override
    public long sequence() {
        return engine.newest().sequence();
    }

    /** Takes the present instant; the caller closes it. */
    public Snapshot snapshot() {
        return engine.snapshot();
    }

    /**
     * Writes everything in memory to tables and waits for it: all writes so far are on disk afterwards. On a full disk it waits
     * for room, or with {@link Options#failWhenDiskFull} is refused, and tried again in the background.
     */
    public void flush() {
        engine.flush();
    }

    /** Waits until all writes so far are on disk. */
    public void sync() {
        engine.awaitDurable(sequence());
    }

    /** Compacts everything down to the last level, and waits for it. */
    public void compact() {
        engine.compact(Range.all());
    }

    /** Compacts what lies in {@code range} down to the last level, and waits for it. */
    public void compact(Range range) {
        engine.compact(range);
    }

    /**
     * Makes a second database in {@code target}, with all that was written before this call; writes that go on meanwhile may be
     * in it, too, a prefix of their order. The two share the bytes of the tables that both have (by hard links; on another file
     * system they are copied), and nothing else: each may be written to, compacted and destroyed without the other. On disk when
     * it returns. If the machine stops before, {@code target} is a whole database, or none, to be destroyed.
     *
     * @param target a directory that is empty, or not there yet
     * @throws IllegalArgumentException if it lies in this database's own directory
     * @throws io.beachdb.base.DatabaseExistsException if it is not empty
     * @throws io.beachdb.base.WriteRefusedException if this database takes no writes
     * @throws io.beachdb.base.StorageException if the system refused; the files that were made are deleted, as far as they can be
     * @throws io.beachdb.base.ClosedException if this database was closed meanwhile; so are they then
     */
    public void checkpoint(Path target) {
        engine.checkpoint(target);
    }

    /** Waits until no flush or compaction is running or called for. */
    public void awaitRest() {
        engine.awaitRest();
    }

    /** Estimates how many bytes of tables hold the keys of {@code range}, within a block or so at each end; no memtables. */
    public long approximateBytes(Range range) {
        return engine.approximateBytes(range);
    }

    /** Returns the largest sequence up to which every write is on disk. */
    public long durableSequence() {
        return engine.durableSequence();
    }

    /** Waits until all writes up to {@code sequence} are on disk; asks for the sync (and flush, where needed) at once. */
    public void awaitDurable(long sequence) {
        engine.awaitDurable(sequence);
    }

    /**
     * Completes when all writes up to {@code sequence} are on disk, exceptionally when that became impossible.
     *
     * @param executor completes the future, so that its dependents never run on a thread the engine needs; if it throws, they
     *     run on one that has no other work
     * @throws IllegalArgumentException if {@code sequence} is above that of the newest write
     */
    public CompletableFuture<Long> whenDurable(long sequence, Executor executor) {
        return engine.whenDurable(sequence, executor);
    }

    /** Returns what the database can do now. */
    public Health health() {
        return engine.health();
    }

    /**
     * Tries to take writes again after a failure: starts a fresh log, writes what memory holds into new files, syncs all.
     * Writes that were indeterminate are durable afterwards.
     *
     * @throws io.beachdb.base.StorageException if it cannot, since a file is damaged, a sync of the directory failed, or the
     *     cause is still there; the database stays read-only
     */
    public void resume() {
        engine.resume();
    }

    /** Returns the account of native memory. */
    public MemoryReport memory() {
        return engine.memory();
    }

    /** Returns figures since the opening, and the present shape. */
    public DatabaseStats stats() {
        return engine.stats();
    }

    /** Returns the options it was opened with. */
    public Options options() {
        return engine.userOptions();
    }

    /** Returns the directory, absolute, links resolved. */
    public Path directory() {
        return engine.directory();
    }

    /**
     * Closes: refuses new calls, wakes and ends waiting ones, writes {@link Durability#UNLOGGED} data to tables, syncs and
     * ends the log, closes snapshots and cursors, frees memory. Safe at any moment; closing twice is harmless.
     *
     * @throws io.beachdb.base.BeachException names what could not be made durable; everything is closed all the same
     */
    @Override
    public void close() {
        engine.close();
    }
}
