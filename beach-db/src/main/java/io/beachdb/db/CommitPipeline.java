package io.beachdb.db;

import io.beachdb.Durability;
import io.beachdb.base.BeachException;
import io.beachdb.base.Scheduler;
import io.beachdb.base.Signal;
import io.beachdb.base.StorageException;
import io.beachdb.base.WriteIndeterminateException;
import io.beachdb.base.WriteRefusedException;
import io.beachdb.base.format.FragmentFormat;
import io.beachdb.base.format.InternalKeys;
import io.beachdb.memtable.Inserter;
import io.beachdb.memtable.Memtable;
import io.beachdb.wal.WalListener;
import io.beachdb.wal.WalWriter;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The write path: groups writers, gives sequences, brings the group to the log, and makes its entries visible in order.
 *
 * <p>A writer queues its encoded record. Whoever finds nobody leading leads: takes all that is queued, makes room, gives
 * sequences, hands the records to the log. Then the entries go into the memtable, each by its own caller, all at once (the
 * small ones of synced writers by a synced leader, who syncs for them too: they wait for the disk anyway, and are woken
 * once); and become visible in the order of their sequences. So the next group is on its way to the log while this one's
 * inserts and sync go on.
 */
final class CommitPipeline implements WalListener {
    /*
     * P1  One leads at a time. Only the leader gives sequences, appends to the log, and changes the active memtable.
     * P2  Log bytes are handed over before an entry is inserted, and inserted before it is visible. Once a sequence is given,
     *     its entries are inserted even if the hand-over failed: then the write is indeterminate, visible now, and durable if
     *     a resume brings memory to disk.
     * P3  Sequences become visible in order: the ring holds the requests in the order of their sequences, and only the one
     *     who advances (one at a time) takes inserted ones from its head.
     * P4  A memtable that was rotated away has all its entries once the visible sequence has reached its last.
     * P5  A synced write is done when it is visible and synced; the later of the two wakes it. Both flags are volatile, so of
     *     the two who set them at least one sees the other's.
     * P6  A request that is done belongs to its caller again: nothing of it is read after the flag that lets it go is set,
     *     but for deciding on a wake, which does no harm when it is spurious.
     * P7  An insert that ends with an error leaves a part of its batch behind. Then nothing from there on becomes visible,
     *     and everybody who waits for that is told.
     * P8  A request whose caller leaves by an error is the pipeline's until the close: it may still be queued, or in the
     *     ring, or have had the lead. Then P7 again, in an order that asks little of a thread whose stack or heap is at its
     *     end: first what others wait for, by stores and wakes, then what is to be told. What the thread does not come to,
     *     the next caller does, or the close.
     */
    private static final VarHandle QUEUE;
    private static final VarHandle LEADING;
    private static final VarHandle ADVANCING;
    private static final VarHandle LEAD_LOST;
    private static final VarHandle LOGGED_BYTES;
    private static final int RING = 1 << 12;
    private static final int INSERTED_BY_LEADER_BYTES = 16 << 10;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            QUEUE = lookup.findVarHandle(CommitPipeline.class, "queue", WriteRequest.class);
            LEADING = lookup.findVarHandle(CommitPipeline.class, "leading", boolean.class);
            LEAD_LOST = lookup.findVarHandle(CommitPipeline.class, "leadLost", boolean.class);
            LOGGED_BYTES = lookup.findVarHandle(CommitPipeline.class, "loggedBytes", long.class);
            ADVANCING = lookup.findVarHandle(CommitPipeline.class, "advancing", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** What the pipeline asks of the engine. */
    interface Room {
        /**
         * Makes room for a write, waiting as needed, as leader: in memtable, log and memory, behind compaction's debt.
         *
         * @return the memtable to insert into
         * @throws BeachException if the write is refused
         */
        MemtableSlot makeRoom(WriteRequest request);

        /** A hand-over or sync failed; nothing more is taken by this log. */
        void logFailed(StorageException failure);

        /** All logged writes up to {@code sequence} are on disk. */
        void logSynced(long sequence);
    }

    // Set once.
    private final Scheduler scheduler;
    private final Room room;
    private final Signal leadFree;
    private final Signal ringFree;

    @SuppressWarnings("UnusedVariable") // through QUEUE
    private volatile @Nullable WriteRequest queue; // newest first

    @SuppressWarnings("UnusedVariable") // through LEADING
    private volatile boolean leading;

    private volatile boolean leadLost; // P8: held by nobody any more

    // The leader's.
    private @Nullable WriteRequest pending; // of the group, the oldest not handed over; its next follows, and so on
    private boolean appended;
    private long lastSequence;
    private volatile long loggedBytes; // stored by the leader
    private volatile @Nullable WalWriter wal; // null until the opening ends

    // P3. The tail is the leader's, the head belongs to who advances.
    private final AtomicReferenceArray<@Nullable WriteRequest> ring = new AtomicReferenceArray<>(RING);
    private volatile long ringTail;
    private volatile long ringHead;
    private volatile boolean waitsForRing;

    @SuppressWarnings("UnusedVariable") // through ADVANCING
    private volatile boolean advancing;

    private volatile long visibleSequence;
    private volatile @Nullable StorageException broken; // P7

    // Made beforehand: where it is needed, there may be no room for another.
    private final StorageException thrownOut =
            new StorageException("a writer was thrown out of the middle of a write by an error.", null);

    private final UnsyncedRequests unsynced = new UnsyncedRequests();

    CommitPipeline(Scheduler scheduler, Room room, long lastSequence) {
        this.scheduler = scheduler;
        this.room = room;
        this.lastSequence = lastSequence;
        this.visibleSequence = lastSequence;
        this.leadFree = scheduler.newSignal("commit-lead", 0);
        this.ringFree = scheduler.newSignal("commit-ring", 0);
    }

    long visibleSequence() {
        return visibleSequence;
    }

    /** Returns the last sequence given out; the leader's to ask. */
    long lastSequence() {
        return lastSequence;
    }

    /** Returns how many bytes of records, with their headers, went to logs. */
    long loggedBytes() {
        return loggedBytes;
    }

    /** Sets the log writer; as leader, or before there are writers. */
    void setWal(WalWriter writer) {
        wal = writer;
    }

    WalWriter wal() {
        WalWriter writer = wal;
        if (writer == null) {
            throw new AssertionError("no log yet");
        }
        return writer;
    }

    /**
     * Commits a sealed request and waits until it is as durable as it asks to be.
     *
     * @return the write's last sequence
     */
    long commit(WriteRequest request) {
        StorageException over = broken;
        if (over != null) {
            goOnWith(over);
            throw refusedBy(over);
        }
        request.inPipeline = true;
        try {
            settle(request);
        } catch (RuntimeException | Error e) {
            request.thrown = e; // and no call: it would ask for stack that is not there
            throw e;
        }
        request.inPipeline = false;
        if (request.state == WriteRequest.REFUSED) {
            throw Objects.requireNonNull(request.refusal, "refused without a reason");
        }
        if (request.state == WriteRequest.QUEUED && !request.isLookedAt()) {
            throw refusedBy(Objects.requireNonNull(broken, "left by its leader, and all is well"));
        }
        StorageException failure = request.logFailure;
        if (failure == null && !request.isSatisfied()) {
            failure = broken;
            if (failure != null) {
                room.logFailed(failure);
            }
        }
        if (failure != null) {
            throw new WriteIndeterminateException(
                    request.firstSequence,
                    request.lastSequence,
                    "the log failed under this write: sequences " + request.firstSequence + " to "
                            + request.lastSequence + (request.visible ? " are" : " are not")
                            + " visible now, and after a crash wholly there or wholly not. resume() or a reopen decides it.",
                    failure);
        }
        return request.lastSequence;
    }

    /** Brings a request through the queue, to where nobody does anything more for it. */
    private void settle(WriteRequest request) {
        push(request);
        request.leads = tryLead();
        if (!request.leads) {
            scheduler.await(request.signal, () -> request.state != WriteRequest.QUEUED || (request.leads = tryLead()));
        }
        if (request.leads) {
            if (request.state == WriteRequest.QUEUED) {
                lead(request);
            } // else won too late: another leader had taken our request, and ended just before
            request.leads = false;
            leading = false;
            tellThatLeadIsFree();
        }
        if (request.state == WriteRequest.REFUSED || request.state == WriteRequest.QUEUED && !request.isLookedAt()) {
            return;
        }
        if (request.state == WriteRequest.LOGGED) {
            insert(request, request);
            advance(request);
        }
        BooleanSupplier done = request.isVisible;
        if (request.durability == Durability.SYNCED) {
            done = request.isDone;
            // Else it may never have come to the log, and nobody's sync would cover it.
            if (request.logFailure == null && broken == null) {
                wal().sync(request.lastSequence);
            }
        }
        if (!done.getAsBoolean()) {
            scheduler.await(request.signal, done);
        }
    }

    /** P8: for a caller that was thrown out of {@link #commit}, with its request in the pipeline. */
    void abandon(WriteRequest request) {
        request.abandoned = true;
        if (request.leads) {
            leadLost = true;
        }
        StorageException failure = broken == null ? thrownOut : broken;
        try {
            if (failure == thrownOut && request.thrown != null) {
                failure = brokenBy(request.thrown);
            }
        } finally {
            broken = failure;
            goOnWith(failure);
        }
    }

    /** Nothing becomes visible any more: lets go of all who wait for that, or for a lead that is lost, and tells the engine. */
    private void goOnWith(StorageException failure) {
        boolean mine = leadLost && LEAD_LOST.compareAndSet(this, true, false);
        if (mine) {
            WriteRequest group = pending;
            pending = null;
            leading = false;
            wakeAll(group);
        }
        wakeRing();
        tellThatLeadIsFree(); // it may have been for some time, and only the one who left have been told
        room.logFailed(failure);
        if (mine) {
            wal().fail(failure); // records of the group may be in its buffer only
        }
    }

    /** Wakes a leader's group, whose members look again whether they can lead. */
    private static void wakeAll(@Nullable WriteRequest group) {
        for (WriteRequest request = group; request != null; request = request.next) {
            request.signal.wake();
        }
    }

    private void push(WriteRequest request) {
        WriteRequest head;
        do {
            head = queue;
            request.next = head;
        } while (!QUEUE.compareAndSet(this, head, request));
    }

    private boolean tryLead() {
        return !leading && LEADING.compareAndSet(this, false, true);
    }

    /** Runs {@code action} while leading, without a group: to rotate, to close. */
    void asLeader(Runnable action) {
        StorageException over = broken;
        if (over != null) {
            goOnWith(over);
        }
        boolean[] leads = {tryLead()};
        try {
            if (!leads[0]) {
                scheduler.await(leadFree, () -> leads[0] = tryLead());
            }
            action.run();
        } finally {
            if (leads[0]) {
                leading = false;
                tellThatLeadIsFree();
            }
        }
    }

    private void tellThatLeadIsFree() {
        wakeQueued();
        leadFree.wake();
    }

    /** Somebody may have queued after the drain, seen us lead, and begun to wait: it must look again. */
    private void wakeQueued() {
        VarHandle.fullFence();
        WriteRequest waiting = queue;
        while (waiting != null) {
            waiting.signal.wake();
            waiting = waiting.abandoned ? waiting.next : null;
        }
    }

    /** Leads one group. The lead is held, at the return too; if this throws, members of the group are left in {@code pending}. */
    private void lead(WriteRequest own) {
        try {
            pending = drain();
            boolean synced = false;
            for (WriteRequest request = pending; request != null; request = request.next) {
                synced |= assign(request);
            }
            handOver(synced, own);
        } catch (RuntimeException | Error e) {
            giveUpGroup(brokenBy(e)); // its own caller hears of it as the others do, after it has inserted (P2)
        }
        pending = null;
    }

    private static StorageException brokenBy(Throwable e) {
        return new StorageException("the commit of a group met an error of its own.", e);
    }

    /** Lets everybody of the group go who is still waiting for its leader. */
    private void giveUpGroup(StorageException failure) {
        room.logFailed(failure);
        if (appended) {
            appended = false;
            wal().fail(failure); // records of the group are in its buffer only
        }
        for (WriteRequest request = pending; request != null; request = pending) {
            if (!request.isLookedAt()) {
                request.refusal = refusedBy(failure);
            }
            pending = request.next; // P6
            release(request, failure, null);
        }
    }

    private static WriteRefusedException refusedBy(StorageException failure) {
        return new WriteRefusedException("the write was refused: " + failure.getMessage(), failure);
    }

    /** Takes all that is queued, oldest first: the chain is turned round in place, so that no request can get lost. */
    private @Nullable WriteRequest drain() {
        WriteRequest oldest = null;
        WriteRequest rest = (WriteRequest) QUEUE.getAndSet(this, null);
        while (rest != null) {
            WriteRequest older = rest.next;
            rest.next = oldest;
            oldest = rest;
            rest = older;
        }
        return oldest;
    }

    /** Gives a request its sequences and appends it; returns whether somebody must sync for it. */
    private boolean assign(WriteRequest request) {
        if (ringTail - ringHead >= RING) {
            handOverPending(); // what fills the ring may be of this very group, and wait for us
        }
        StorageException over = broken;
        if (over != null) {
            room.logFailed(over);
            request.refusal = refusedBy(over);
            return false;
        }
        MemtableSlot slot;
        try {
            slot = room.makeRoom(request);
        } catch (BeachException refusal) {
            request.refusal = refusal;
            return false;
        } catch (RuntimeException | Error broken) {
            // Whatever it is, the others of the group must not wait for ever.
            request.refusal =
                    new WriteRefusedException("the write was refused by an internal failure: " + broken, broken);
            return false;
        }
        if (request.operations > InternalKeys.MAX_SEQUENCE - lastSequence) {
            throw new AssertionError("P1: sequences are used up");
        }
        request.slot = slot;
        request.firstSequence = lastSequence + 1;
        request.lastSequence = lastSequence + request.operations;
        lastSequence = request.lastSequence;
        slot.lastSequence = lastSequence;
        if (request.durability == Durability.UNLOGGED) {
            if (slot.firstUnlogged == Long.MAX_VALUE) {
                slot.firstUnlogged = request.firstSequence;
            }
        } else {
            append(request);
        }
        enqueue(request);
        return request.durability == Durability.SYNCED;
    }

    private void append(WriteRequest request) {
        try {
            wal().append(
                            request.memory,
                            0,
                            request.length,
                            request.checksum,
                            request.firstSequence,
                            request.lastSequence);
            appended = true;
            LOGGED_BYTES.setOpaque(this, loggedBytes + request.length + FragmentFormat.PREFIXED_HEADER_BYTES);
        } catch (StorageException e) {
            request.logFailure = e;
            room.logFailed(e);
            return;
        } catch (RuntimeException | Error e) {
            StorageException failure = brokenBy(e);
            wal().fail(failure); // a piece of the record may be in its buffer
            request.logFailure = failure;
            room.logFailed(failure);
            return;
        }
        if (request.durability == Durability.SYNCED) {
            unsynced.add(request);
        }
    }

    private void enqueue(WriteRequest request) {
        long tail = ringTail;
        if (tail - ringHead >= RING) {
            waitsForRing = true;
            scheduler.await(ringFree, () -> tail - ringHead < RING || broken != null);
            if (tail - ringHead >= RING) {
                throw new StorageException("the write path broke off", broken);
            }
            waitsForRing = false;
        }
        ring.set((int) (tail & RING - 1), request);
        ringTail = tail + 1;
    }

    /** Hands over what the leader has appended so far: before the log or the memtable changes under a group. */
    void handOverPending() {
        handOver(false, null);
    }

    private void handOver(boolean synced, @Nullable WriteRequest own) {
        StorageException failure = null;
        if (appended) {
            appended = false;
            try {
                if (synced) {
                    wal().handOverSynced();
                } else {
                    wal().handOver();
                }
            } catch (StorageException e) {
                failure = e;
                room.logFailed(e);
            }
        }
        // Those not looked at are still to come: we are in the middle of the group.
        for (WriteRequest request = pending; request != null && request.isLookedAt(); request = pending) {
            pending = request.next; // P6
            release(request, failure, own);
        }
    }

    /** Lets a request of the group go on: its bytes are handed over, or it is refused. */
    private void release(WriteRequest request, @Nullable StorageException failure, @Nullable WriteRequest own) {
        Signal signal = request.signal;
        if (request.refusal != null) {
            request.state = WriteRequest.REFUSED;
            signal.wake();
            return;
        }
        if (failure != null && request.durability != Durability.UNLOGGED && request.logFailure == null) {
            unsynced.remove(request);
            request.logFailure = failure;
        }
        if (request == own || own == null || !own.syncsFor(request) || request.length > INSERTED_BY_LEADER_BYTES) {
            request.state = WriteRequest.LOGGED;
            if (request != own) {
                signal.wake();
            }
            return;
        }
        request.state =
                WriteRequest.LED; // before it can be seen: who makes it visible wakes its caller, who looks at this
        insert(request, own);
        advance(null);
    }

    /** Inserts a request's entries, with the place-memory of {@code inserting}'s last insert. */
    private void insert(WriteRequest request, WriteRequest inserting) {
        try {
            insertAll(request, inserting);
        } catch (RuntimeException | Error e) {
            breakOff(e);
            throw e;
        }
        request.inserted = true;
        scheduler.reach("inserted");
    }

    /** P7: half a batch is in the memtable, so nothing more becomes visible, and nobody waits for that. */
    private void breakOff(Throwable error) {
        StorageException failure = thrownOut;
        try {
            failure = brokenBy(error);
        } finally {
            broken = failure;
            goOnWith(failure);
        }
    }

    /** Whoever waits for the ring, or for a request in it, looks whether that is broken. */
    private void wakeRing() {
        ringFree.wake();
        for (long at = ringHead; at < ringTail; at++) {
            WriteRequest waiting = ring.get((int) (at & RING - 1));
            if (waiting != null) {
                waiting.signal.wake();
            }
        }
    }

    /** Returns why nothing becomes visible any more, until the database is opened anew; null while all is well. */
    @Nullable
    StorageException broken() {
        return broken;
    }

    private static void insertAll(WriteRequest request, WriteRequest inserting) {
        MemtableSlot slot = request.slot;
        if (slot == null) {
            throw new AssertionError("P1: inserted before it was given a memtable");
        }
        Memtable memtable = slot.memtable;
        Inserter inserter = inserting.inserterFor(slot);
        MemorySegment memory = request.memory;
        BatchCursor batch = inserting.batchCursor;
        batch.begin(memory, io.beachdb.wal.WalFormat.BODY_OFFSET);
        long sequence = request.firstSequence;
        while (batch.next()) {
            memtable.add(
                    inserter,
                    memory,
                    batch.keyOffset,
                    batch.keyLength,
                    InternalKeys.trailer(sequence++, batch.kind),
                    memory,
                    batch.valueOffset,
                    batch.valueLength);
        }
    }

    /** Makes visible what is inserted, in order. */
    private void advance(@Nullable WriteRequest own) {
        while (!advancing && ADVANCING.compareAndSet(this, false, true)) {
            long head = ringHead;
            while (head < ringTail) {
                int at = (int) (head & RING - 1);
                WriteRequest request = ring.get(at);
                if (request == null || !request.inserted) {
                    break;
                }
                ring.set(at, null);
                head++;
                ringHead = head;
                Signal signal = request.signal;
                visibleSequence = request.lastSequence;
                if (request.becomeVisible() && request != own) { // P6: its caller's from here
                    signal.wake();
                }
            }
            advancing = false;
            scheduler.reach("visible");
            if (waitsForRing) {
                ringFree.wake();
            }
            // Who inserted meanwhile found us advancing and left it to us.
            VarHandle.fullFence();
            WriteRequest next = head < ringTail ? ring.get((int) (head & RING - 1)) : null;
            if (next == null || !next.inserted) {
                return;
            }
        }
    }

    @Override
    public void synced(long sequence) {
        while (true) {
            WriteRequest request = unsynced.takeUpTo(sequence);
            if (request == null) {
                break;
            }
            Signal signal = request.signal;
            if (request.becomeSynced()) { // P6
                signal.wake();
            }
        }
        room.logSynced(sequence);
    }

    @Override
    public void failed(StorageException failure) {
        try {
            room.logFailed(failure);
        } finally {
            failUnsynced(failure);
        }
    }

    private void failUnsynced(StorageException failure) {
        while (true) {
            WriteRequest request = unsynced.takeUpTo(Long.MAX_VALUE);
            if (request == null) {
                return;
            }
            Signal signal = request.signal;
            request.logFailure = failure; // P6
            signal.wake();
        }
    }
}
