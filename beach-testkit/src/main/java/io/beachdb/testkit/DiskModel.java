package io.beachdb.testkit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is on disk and what is not yet, by the POSIX minimum. Knows nothing of processes, errors or open files. Not safe for
 * many threads; its owner guards it.
 */
final class DiskModel {
    /*
     * K1  Every change has a number. A sync saves the changes numbered up to its start, of one file or of one directory,
     *     and nothing else: no name by a file's sync, no bytes by a directory's.
     * K2  A change of names is whole or not at all, over its one or two slots. A slot (directory, name) remembers the
     *     number of the change it is from, so that an older change saved later does not undo a newer one.
     * K3  What a failed sync was to save is doomed: seen now, never on disk. Only a new write of the same bytes, or a new
     *     change of the same slot, makes the place good again, when a sync has saved it. If the sync told nobody, it is
     *     hidden until the next one, which fails: lost all the same, but not held against anybody who counts on it.
     * K4  A cut chooses among the pending changes; then what is left is on disk, and nothing is pending.
     */

    /** A file or a directory. */
    abstract static sealed class Node permits FileNode, DirectoryNode {
        final int id;
        int links; // names that lead here now
        int references; // names on disk, and pending changes of names, that lead here

        @Nullable
        String untold; // the error of a sync that said it was done; the next one tells it

        Node(int id) {
            this.id = id;
        }
    }

    /** A file: its bytes on disk, as they are now, and the way from the one to the other. */
    static final class FileNode extends Node {
        SparseBytes live;
        SparseBytes durable;
        final List<DataChange> pending = new ArrayList<>();
        final ByteRanges doomed = new ByteRanges();
        final ByteRanges hidden = new ByteRanges(); // doomed, as will turn out
        int open; // handles and mappings, on a real disk those that write
        int reading; // handles that only read, and locks, where they are not among the open ones
        int mapped; // mappings
        Path path; // the name it got last, for messages and traces

        FileNode(int id, Path path, boolean sizesOnly) {
            super(id);
            this.path = path;
            this.live = new SparseBytes(sizesOnly);
            this.durable = new SparseBytes(sizesOnly);
        }
    }

    /** A directory: its names on disk, as they are now, and the way from the one to the other. */
    static final class DirectoryNode extends Node {
        final TreeMap<String, Node> live = new TreeMap<>();
        final Map<String, Slot> durable = new HashMap<>();
        final TreeMap<Long, NameChange> pending = new TreeMap<>();
        final List<NameChange> doomed = new ArrayList<>();
        final List<NameChange> hidden = new ArrayList<>(); // doomed, as will turn out
        boolean syncable; // if not, its names are not checked

        DirectoryNode(int id, boolean syncable) {
            super(id);
            this.syncable = syncable;
        }
    }

    /** What a name leads to on disk (null: nothing), by the change of this number. */
    record Slot(@Nullable Node node, long number) {}

    /** One name that is set to lead to a node, or to nothing. */
    record SlotChange(
            DirectoryNode directory, String name, @Nullable Node node) {}

    /** What was done to names. */
    enum NameKind {
        CREATION,
        LINK,
        DELETION,
        RENAME
    }

    /** A change of names, whole or not at all. */
    static final class NameChange {
        final long number;
        final NameKind kind;
        final Path path;
        final @Nullable Path to;
        final List<SlotChange> slots;

        NameChange(long number, NameKind kind, Path path, @Nullable Path to, List<SlotChange> slots) {
            this.number = number;
            this.kind = kind;
            this.path = path;
            this.to = to;
            this.slots = slots;
        }

        boolean touches(DirectoryNode directory, String name) {
            for (SlotChange slot : slots) {
                if (slot.directory == directory && slot.name.equals(name)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        public String toString() {
            return switch (kind) {
                case CREATION -> "creation of " + path;
                case LINK -> "link of " + path + " as " + to;
                case DELETION -> "deletion of " + path;
                case RENAME -> "rename of " + path + " to " + to;
            };
        }
    }

    /** What was done to a file's bytes. */
    enum DataKind {
        WRITE,
        TRUNCATE,
        EXTEND
    }

    /**
     * A change of a file's bytes.
     *
     * @param position where it was written; the new size for a truncation or extension
     * @param length how many bytes; 0 for a truncation or extension
     * @param bytes what was written; empty in a model of sizes only
     */
    record DataChange(long number, DataKind kind, long position, long length, byte[] bytes) {
        void applyTo(SparseBytes target) {
            switch (kind) {
                case WRITE -> applyTo(target, 0, length);
                case TRUNCATE -> target.truncate(position);
                case EXTEND -> target.extend(position);
            }
        }

        /** Writes the bytes from {@code from} to {@code to}, counted from the start of the change. */
        void applyTo(SparseBytes target, long from, long to) {
            if (bytes.length == 0) {
                target.extend(position + to);
            } else {
                target.write(position + from, bytes, (int) from, (int) (to - from));
            }
        }

        @Override
        public String toString() {
            return switch (kind) {
                case WRITE -> "write of bytes " + position + " to " + (position + length);
                case TRUNCATE -> "truncation to " + position;
                case EXTEND -> "extension to " + position;
            };
        }
    }

    /** How much of what a sync was to save it saved. */
    enum Saved {
        ALL,
        HALF,
        NOTHING,
        /** Nothing, and what was to be saved is not seen any more either. */
        REVERTED,
        /** Nothing, and nobody is told yet. */
        UNTOLD;

        int of(int count) {
            return switch (this) {
                case ALL -> count;
                case HALF -> count / 2;
                case NOTHING, REVERTED, UNTOLD -> 0;
            };
        }
    }

    private static final byte[] NO_BYTES = {};

    private final boolean sizesOnly;
    private boolean syncable = true;
    boolean journalling; // a sync of a file saves its names, and those of the directories above
    private DirectoryNode root = new DirectoryNode(0, true);
    private int lastNode;
    private long lastNumber;
    private long lastSyncBegan; // no change is merged with one numbered up to this
    private final TreeMap<Long, NameChange> pendingNames = new TreeMap<>();
    private final Set<FileNode> dirty = new LinkedHashSet<>(); // files with pending or doomed bytes

    /** @param sizesOnly whether the bytes of files are kept elsewhere */
    DiskModel(boolean sizesOnly) {
        this.sizesOnly = sizesOnly;
    }

    /** Returns the number of the last change: a sync that begins now saves up to it, and nothing later. */
    long beginSync() {
        lastSyncBegan = lastNumber;
        return lastNumber;
    }

    /** Returns what a path leads to now; null if nothing does, or if the way goes through a file. */
    @Nullable
    Node find(@Nullable Path path) {
        Node at = root;
        if (path != null) {
            for (Path name : path) {
                if (!(at instanceof DirectoryNode directory)) {
                    return null;
                }
                Node next = directory.live.get(name.toString());
                if (next == null) {
                    return null;
                }
                at = next;
            }
        }
        return at;
    }

    FileNode newFile(Path path) {
        return new FileNode(++lastNode, path, sizesOnly);
    }

    DirectoryNode newDirectory() {
        return new DirectoryNode(++lastNode, syncable);
    }

    // ---- names

    /** Gives a new node its first name. */
    void create(DirectoryNode directory, Path path, Node node) {
        change(NameKind.CREATION, path, null, List.of(new SlotChange(directory, lastName(path), node)));
    }

    void link(Path existing, DirectoryNode directory, Path link, Node node) {
        change(NameKind.LINK, existing, link, List.of(new SlotChange(directory, lastName(link), node)));
    }

    void delete(DirectoryNode directory, Path path) {
        change(NameKind.DELETION, path, null, List.of(new SlotChange(directory, lastName(path), null)));
    }

    /** Moves a name, over whatever has the new one. */
    void rename(DirectoryNode from, Path path, DirectoryNode to, Path newPath) {
        Node node = from.live.get(lastName(path));
        if (node instanceof FileNode file) {
            file.path = newPath;
        }
        change(
                NameKind.RENAME,
                path,
                newPath,
                List.of(new SlotChange(from, lastName(path), null), new SlotChange(to, lastName(newPath), node)));
    }

    static String lastName(Path path) {
        return path.getName(path.getNameCount() - 1).toString();
    }

    private void change(NameKind kind, Path path, @Nullable Path to, List<SlotChange> slots) {
        NameChange change = new NameChange(++lastNumber, kind, path, to, slots);
        pendingNames.put(change.number, change);
        for (SlotChange slot : slots) {
            slot.directory.pending.put(change.number, change);
            setLive(slot);
            if (slot.node != null) {
                slot.node.references++;
            }
        }
    }

    private static void setLive(SlotChange slot) {
        Node old = slot.node == null
                ? slot.directory.live.remove(slot.name)
                : slot.directory.live.put(slot.name, slot.node);
        if (old != null) {
            old.links--;
        }
        if (slot.node != null) {
            slot.node.links++;
        }
    }

    /** Takes a name as being on disk already: it was there before, or was changed from outside. */
    void setDurable(DirectoryNode directory, String name, @Nullable Node node) {
        SlotChange slot = new SlotChange(directory, name, node);
        directory.pending.values().stream()
                .filter(change -> change.touches(directory, name))
                .toList()
                .forEach(this::forget);
        directory.doomed.removeIf(change -> change.touches(directory, name));
        directory.hidden.removeIf(change -> change.touches(directory, name));
        setLive(slot);
        save(slot, ++lastNumber);
    }

    // ---- bytes

    /** @param bytes kept, not copied */
    void write(FileNode file, long position, byte[] bytes) {
        if (bytes.length > 0) {
            change(file, new DataChange(++lastNumber, DataKind.WRITE, position, bytes.length, bytes));
        }
    }

    /** Takes note of a write whose bytes are elsewhere. */
    void writeSize(FileNode file, long position, long length) {
        if (length == 0) {
            return;
        }
        DataChange last = file.pending.isEmpty() ? null : file.pending.getLast();
        if (last != null
                && last.number > lastSyncBegan
                && last.kind == DataKind.WRITE
                && last.position + last.length == position) {
            // Appends between two syncs are one change: a log has millions of them.
            file.pending.removeLast();
            change(file, new DataChange(last.number, DataKind.WRITE, last.position, last.length + length, NO_BYTES));
        } else {
            change(file, new DataChange(++lastNumber, DataKind.WRITE, position, length, NO_BYTES));
        }
    }

    /** Cuts, or extends by zeros. */
    void resize(FileNode file, long size) {
        if (size != file.live.size()) {
            DataKind kind = size < file.live.size() ? DataKind.TRUNCATE : DataKind.EXTEND;
            change(file, new DataChange(++lastNumber, kind, size, 0, NO_BYTES));
        }
    }

    private void change(FileNode file, DataChange change) {
        change.applyTo(file.live);
        file.pending.add(change);
        dirty.add(file);
    }

    /** Takes the file's bytes as they are, at this size, as being on disk. */
    void setDurable(FileNode file, long size) {
        file.live.truncate(size);
        file.durable = file.live.copy();
        file.pending.clear();
        file.doomed.clear();
        file.hidden.clear();
        dirty.remove(file);
    }

    // ---- syncs

    /**
     * Ends a sync of a file.
     *
     * @param upTo what {@link #beginSync} returned
     * @param saved less than all if it failed: the rest is doomed
     */
    void syncFile(FileNode file, long upTo, Saved saved) {
        int covered = 0;
        while (covered < file.pending.size() && file.pending.get(covered).number <= upTo) {
            covered++;
        }
        int good = saved.of(covered);
        ByteRanges lost = saved == Saved.UNTOLD ? file.hidden : file.doomed;
        for (int i = 0; i < covered; i++) {
            DataChange change = file.pending.get(i);
            if (i < good) {
                change.applyTo(file.durable);
                file.doomed.remove(change.position, change.position + change.length);
            } else if (change.kind == DataKind.WRITE) {
                lost.add(change.position, change.position + change.length);
            } else {
                // A lost change of the size: nobody knows the bytes between the two ends.
                long other = file.durable.size();
                lost.add(Math.min(change.position, other), Math.max(change.position, other));
            }
        }
        file.pending.subList(0, covered).clear();
        if (saved == Saved.REVERTED) {
            file.live = file.durable.copy();
            file.pending.forEach(change -> change.applyTo(file.live));
        }
        if (saved != Saved.UNTOLD) {
            file.doomed.addAll(file.hidden);
            file.hidden.clear();
        }
        if (file.pending.isEmpty() && file.doomed.isEmpty()) {
            dirty.remove(file);
        }
        if (journalling && saved == Saved.ALL) {
            saveNames(file, upTo);
        }
    }

    private void saveNames(FileNode file, long upTo) {
        Set<Node> way = new HashSet<>(Set.of(file)); // the file, and the directories above it
        Set<NameChange> changes = new LinkedHashSet<>();
        boolean more = true;
        while (more) {
            more = false;
            for (NameChange change : pendingNames.headMap(upTo, true).values()) {
                if (!changes.contains(change) && change.slots.stream().anyMatch(slot -> way.contains(slot.node))) {
                    change.slots.forEach(slot -> way.add(slot.directory));
                    changes.add(change);
                    more = true;
                }
            }
        }
        for (NameChange change : changes) {
            change.slots.forEach(slot -> save(slot, change.number));
            forget(change);
        }
    }

    /** Ends a sync of a directory. Parameters as for a file. */
    void syncDirectory(DirectoryNode directory, long upTo, Saved saved) {
        List<NameChange> covered =
                List.copyOf(directory.pending.headMap(upTo, true).values());
        int good = saved.of(covered.size());
        for (int i = 0; i < covered.size(); i++) {
            NameChange change = covered.get(i);
            for (SlotChange slot : change.slots) {
                if (i < good) {
                    save(slot, change.number);
                } else {
                    addOnce(change, saved == Saved.UNTOLD ? slot.directory.hidden : slot.directory.doomed);
                }
            }
            forget(change);
        }
        if (saved == Saved.REVERTED) {
            covered.forEach(change -> change.slots.forEach(DiskModel::revert));
        }
        if (saved != Saved.UNTOLD) {
            List.copyOf(directory.hidden).forEach(DiskModel::uncover);
        }
        // Of a name that leads nowhere the number matters only while an older change of it is pending, or in doubt.
        directory.durable.entrySet().removeIf(entry -> {
            Slot slot = entry.getValue();
            return slot.node == null
                    && slot.number <= upTo
                    && directory.doomed.stream().noneMatch(change -> change.touches(directory, entry.getKey()));
        });
        dirty.removeIf(file -> file.links == 0 && file.references == 0 && file.open == 0);
    }

    /** Makes a name lead where it does on disk, but for what was done to it since. */
    private static void revert(SlotChange slot) {
        Slot onDisk = slot.directory.durable.get(slot.name);
        Node node = onDisk == null ? null : onDisk.node;
        for (NameChange later : slot.directory.pending.values()) {
            for (SlotChange other : later.slots) {
                if (other.directory == slot.directory && other.name.equals(slot.name)) {
                    node = other.node;
                }
            }
        }
        setLive(new SlotChange(slot.directory, slot.name, node));
    }

    private static void uncover(NameChange change) {
        for (SlotChange slot : change.slots) {
            slot.directory.hidden.remove(change);
            addOnce(change, slot.directory.doomed);
        }
    }

    /** A rename comes here for both of its names. */
    private static void addOnce(NameChange change, List<NameChange> lost) {
        if (!lost.contains(change)) {
            lost.add(change);
        }
    }

    private static void save(SlotChange slot, long number) {
        Slot old = slot.directory.durable.get(slot.name);
        if (old != null && old.number > number) {
            return;
        }
        if (old != null && old.node != null) {
            old.node.references--;
        }
        slot.directory.durable.put(slot.name, new Slot(slot.node, number));
        if (slot.node != null) {
            slot.node.references++;
        }
    }

    private void forget(NameChange change) {
        pendingNames.remove(change.number);
        for (SlotChange slot : change.slots) {
            slot.directory.pending.remove(change.number);
            if (slot.node != null) {
                slot.node.references--;
            }
        }
    }

    // ---- what is on disk

    /** Returns what of a file's name and first bytes is not on disk, one reason a line; empty if all is. */
    List<String> missing(Path path, long bytes) {
        List<String> reasons = new ArrayList<>();
        Node at = root;
        for (Path element : path) {
            String name = element.toString();
            Node next = at instanceof DirectoryNode directory ? directory.live.get(name) : null;
            if (!(at instanceof DirectoryNode directory) || next == null) {
                reasons.add("there is no " + name + " in it");
                return reasons;
            }
            if (directory.syncable) {
                missingName(directory, name, next, reasons);
            }
            at = next;
        }
        if (at instanceof FileNode file) {
            missingBytes(file, bytes, reasons);
        } else {
            reasons.add("it is a directory");
        }
        return reasons;
    }

    /** Returns why a name may be there after a cut, one reason a line; empty if it may not. */
    List<String> present(Path path) {
        List<String> reasons = new ArrayList<>();
        Node at = root;
        for (Path element : path) {
            if (!(at instanceof DirectoryNode directory)) {
                return reasons; // nothing is in a file
            }
            String name = element.toString();
            Node next = directory.live.get(name);
            if (next == null) {
                if (directory.syncable) {
                    missingName(directory, name, null, reasons);
                }
                return reasons;
            }
            at = next;
        }
        reasons.add("it is there");
        return reasons;
    }

    /** @param node what the name leads to now; null: nothing */
    private static void missingName(DirectoryNode directory, String name, @Nullable Node node, List<String> reasons) {
        int before = reasons.size();
        for (NameChange change : directory.pending.values()) {
            if (change.touches(directory, name)) {
                reasons.add("the " + change + " (change " + change.number
                        + ") is not on disk: its directory was not synced after it");
            }
        }
        Slot slot = directory.durable.get(name);
        long onDisk = slot == null ? 0 : slot.number;
        for (NameChange change : directory.doomed) {
            if (change.number > onDisk && change.touches(directory, name)) {
                reasons.add("the " + change + " (change " + change.number
                        + ") was in doubt since the sync of its directory failed");
            }
        }
        boolean hidden = directory.hidden.stream().anyMatch(change -> change.touches(directory, name));
        Node saved = slot == null ? null : slot.node;
        if (reasons.size() == before && !hidden && saved != node) {
            reasons.add("the name " + name + " leads elsewhere on disk");
        }
    }

    private static void missingBytes(FileNode file, long bytes, List<String> reasons) {
        for (DataChange change : file.pending) {
            boolean concerns = switch (change.kind) {
                case WRITE -> change.position < bytes;
                case TRUNCATE -> change.position < bytes;
                case EXTEND -> file.durable.size() < bytes;
            };
            if (concerns) {
                reasons.add("the " + change + " (change " + change.number
                        + ") is not on disk: the file was not synced after it");
            }
        }
        if (file.doomed.intersects(0, bytes)) {
            reasons.add("a sync of the file failed; lost since are the bytes in " + file.doomed);
        }
        if (reasons.isEmpty() && file.hidden.isEmpty() && file.durable.size() < bytes) {
            reasons.add("it has only " + file.durable.size() + " bytes on disk");
        }
    }

    /** Returns whether bytes of the file, as they are now, are not on disk. */
    static boolean hasUnsavedBytes(FileNode file) {
        return !file.pending.isEmpty() || !file.doomed.isEmpty();
    }

    /** Returns all that is pending, in the order of the changes. */
    CutDecision pending() {
        return new CutDecision(pendingNames.values(), dirty);
    }

    /** Loses what {@code decision} does not keep; then nothing is pending. */
    void cut(CutDecision decision) {
        for (CutDecision.Event event : decision.events()) {
            if (event.name != null && event.isKept()) {
                for (SlotChange slot : event.name.slots) {
                    save(slot, event.number());
                }
            }
        }
        for (CutDecision.Event event : decision.events()) {
            if (event.file != null) {
                event.applyTo(event.file.durable);
            }
        }
        for (CutDecision.FileSize size : decision.sizes()) {
            if (size.chosen >= 0) {
                size.file.durable.truncate(size.chosen);
            }
        }
        settle();
    }

    /** Makes what is on disk all there is. */
    private void settle() {
        pendingNames.clear();
        dirty.clear();
        Set<Node> nodes = new LinkedHashSet<>();
        collect(root, nodes, Reached.ON_DISK);
        for (Node node : nodes) {
            node.links = 0;
            node.references = 0;
        }
        for (Node node : nodes) {
            if (node instanceof DirectoryNode directory) {
                directory.pending.clear();
                directory.doomed.clear();
                directory.hidden.clear();
                directory.untold = null;
                directory.live.clear();
                directory.durable.values().removeIf(slot -> slot.node == null);
                directory.durable.forEach((name, slot) -> {
                    if (slot.node != null) {
                        directory.live.put(name, slot.node);
                        slot.node.links++;
                        slot.node.references++;
                    }
                });
            } else if (node instanceof FileNode file) {
                file.live = file.durable.copy();
                file.pending.clear();
                file.doomed.clear();
                file.hidden.clear();
                file.untold = null;
                file.open = 0;
                file.reading = 0;
                file.mapped = 0;
            }
        }
    }

    /** By which names. */
    private enum Reached {
        NOW,
        ON_DISK
    }

    private static void collect(Node node, Set<Node> into, Reached by) {
        if (!into.add(node) || !(node instanceof DirectoryNode directory)) {
            return;
        }
        if (by == Reached.NOW) {
            directory.live.values().forEach(inner -> collect(inner, into, by));
            return;
        }
        for (Slot slot : directory.durable.values()) {
            if (slot.node != null) {
                collect(slot.node, into, by);
            }
        }
    }

    /** Calls {@code action} once for each file that has a name now. */
    void forEachFile(Consumer<FileNode> action) {
        Set<Node> nodes = new LinkedHashSet<>();
        collect(root, nodes, Reached.NOW);
        nodes.forEach(node -> {
            if (node instanceof FileNode file) {
                action.accept(file);
            }
        });
    }

    /** Makes no directory syncable, now and later. */
    void refuseDirectorySyncs() {
        syncable = false;
        Set<Node> nodes = new LinkedHashSet<>();
        collect(root, nodes, Reached.NOW);
        nodes.forEach(node -> {
            if (node instanceof DirectoryNode directory) {
                directory.syncable = false;
            }
        });
    }

    /** Returns a number that is equal for equal trees of names and bytes, as they are now. */
    long fingerprint() {
        return fingerprint(root);
    }

    private static long fingerprint(Node node) {
        return switch (node) {
            case FileNode file -> file.live.fingerprint();
            case DirectoryNode directory -> {
                long hash = 1;
                for (Map.Entry<String, Node> entry : directory.live.entrySet()) {
                    hash = SimulatedRandom.mix(hash ^ entry.getKey().hashCode());
                    hash = SimulatedRandom.mix(hash + fingerprint(entry.getValue()));
                }
                yield hash;
            }
        };
    }

    /** Returns every path with a name now, files with their sizes. */
    List<String> tree() {
        List<String> paths = new ArrayList<>();
        addTree(root, "", paths);
        return paths;
    }

    private static void addTree(DirectoryNode directory, String at, List<String> paths) {
        directory.live.forEach((name, node) -> {
            String path = at + "/" + name;
            switch (node) {
                case FileNode file -> paths.add(path + " " + file.live.size());
                case DirectoryNode inner -> {
                    paths.add(path + "/");
                    addTree(inner, path, paths);
                }
            }
        });
    }

    /** Returns a copy that shares nothing that changes. Open handles are not copied. */
    DiskModel copy() {
        DiskModel copy = new DiskModel(sizesOnly);
        copy.lastNode = lastNode;
        copy.lastNumber = lastNumber;
        copy.lastSyncBegan = lastSyncBegan;
        copy.syncable = syncable;
        copy.journalling = journalling;
        new Copier(copy).copy(this);
        return copy;
    }

    /** Copies nodes and changes, each once. */
    private static final class Copier {
        private final DiskModel target;
        private final IdentityHashMap<Node, Node> nodes = new IdentityHashMap<>();
        private final IdentityHashMap<NameChange, NameChange> changes = new IdentityHashMap<>();

        Copier(DiskModel target) {
            this.target = target;
        }

        void copy(DiskModel from) {
            target.root = (DirectoryNode) node(from.root);
            from.pendingNames.values().forEach(change -> target.pendingNames.put(change.number, change(change)));
            from.dirty.forEach(file -> target.dirty.add((FileNode) node(file)));
        }

        private Node node(Node old) {
            Node known = nodes.get(old);
            if (known != null) {
                return known;
            }
            return switch (old) {
                case FileNode file -> file(file);
                case DirectoryNode directory -> directory(directory);
            };
        }

        private FileNode file(FileNode old) {
            FileNode file = new FileNode(old.id, old.path, target.sizesOnly);
            nodes.put(old, file);
            file.links = old.links;
            file.references = old.references;
            file.live = old.live.copy();
            file.durable = old.durable.copy();
            file.pending.addAll(old.pending);
            file.doomed.addAll(old.doomed);
            file.hidden.addAll(old.hidden);
            file.untold = old.untold;
            return file;
        }

        private DirectoryNode directory(DirectoryNode old) {
            DirectoryNode directory = new DirectoryNode(old.id, old.syncable);
            nodes.put(old, directory);
            directory.links = old.links;
            directory.references = old.references;
            old.live.forEach((name, node) -> directory.live.put(name, node(node)));
            old.durable.forEach(
                    (name, slot) -> directory.durable.put(name, new Slot(nodeOrNull(slot.node), slot.number)));
            old.pending.forEach((number, change) -> directory.pending.put(number, change(change)));
            old.doomed.forEach(change -> directory.doomed.add(change(change)));
            old.hidden.forEach(change -> directory.hidden.add(change(change)));
            directory.untold = old.untold;
            return directory;
        }

        private @Nullable Node nodeOrNull(@Nullable Node old) {
            return old == null ? null : node(old);
        }

        private NameChange change(NameChange old) {
            NameChange known = changes.get(old);
            if (known != null) {
                return known;
            }
            List<SlotChange> slots = new ArrayList<>();
            NameChange change = new NameChange(old.number, old.kind, old.path, old.to, slots);
            changes.put(old, change);
            for (SlotChange slot : old.slots) {
                slots.add(new SlotChange((DirectoryNode) node(slot.directory), slot.name, nodeOrNull(slot.node)));
            }
            return change;
        }
    }
}
