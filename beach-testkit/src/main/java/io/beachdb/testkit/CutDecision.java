package io.beachdb.testkit;

import io.beachdb.testkit.DiskModel.DataChange;
import io.beachdb.testkit.DiskModel.DataKind;
import io.beachdb.testkit.DiskModel.FileNode;
import io.beachdb.testkit.DiskModel.NameChange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is pending at a power cut, and what of it survives: filled in by a {@link CutPolicy}. At first nothing does.
 *
 * <p>Any choice is legal. A change of names survives whole or not at all. Of a write any 512-byte sectors survive; in the
 * places of the others stay the bytes from before; where the file had none, zeros, or garbage. The size of a file may be
 * anything between the one on disk and the one it had.
 */
public final class CutDecision {
    static final int SECTOR_BYTES = 512;
    private static final int ALL_SECTORS = 0xFF; // of a page
    private static final int MAX_GARBAGE_BYTES = 64 << 10; // of an extension; a log allocated ahead may be large

    private final List<Event> events = new ArrayList<>();
    private final List<FileSize> sizes = new ArrayList<>();

    CutDecision(Collection<NameChange> names, Collection<FileNode> files) {
        for (NameChange name : names) {
            events.add(new Event(name, null, null));
        }
        for (FileNode file : files) {
            for (DataChange change : file.pending) {
                events.add(new Event(null, file, change));
            }
            if (!file.pending.isEmpty()) {
                sizes.add(new FileSize(file));
            }
        }
        events.sort(Comparator.comparingLong(Event::number));
    }

    /** Returns the pending changes in the order in which they were made. */
    public List<Event> events() {
        return events;
    }

    /** Returns the files that have pending changes of their bytes. */
    public List<FileSize> sizes() {
        return sizes;
    }

    /** Says what is kept and what is lost, one change a line. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        events.forEach(
                event -> text.append(event.fate()).append("  ").append(event).append('\n'));
        sizes.stream()
                .filter(size -> size.chosen >= 0)
                .forEach(size -> text.append("size  ").append(size).append('\n'));
        return text.toString();
    }

    /** One pending change. */
    public static final class Event {
        final @Nullable NameChange name;
        final @Nullable FileNode file;
        private final @Nullable DataChange data;
        private boolean kept;
        private byte @Nullable [] sectors; // by piece, which of its sectors; null: all, if kept
        private @Nullable Long garbageSeed;

        Event(@Nullable NameChange name, @Nullable FileNode file, @Nullable DataChange data) {
            this.name = name;
            this.file = file;
            this.data = data;
        }

        /** Returns its place in the order of all changes of the disk. */
        public long number() {
            return name != null ? name.number : data != null ? data.number() : 0;
        }

        /** Returns whether it is a change of names; else it is one of bytes. */
        public boolean isName() {
            return name != null;
        }

        public void keep() {
            kept = true;
            sectors = null;
        }

        public void lose() {
            kept = false;
        }

        public boolean isKept() {
            return kept;
        }

        /** Returns how many 4-KiB pages of its file a write touches; 1 for other changes, which have no parts. */
        public int pieces() {
            if (data == null || data.kind() != DataKind.WRITE) {
                return 1;
            }
            return Math.toIntExact(page(data.position() + data.length() - 1) - page(data.position()) + 1);
        }

        /**
         * Keeps a write in parts.
         *
         * @param keptSectors by piece, one bit for each of the page's sectors, lowest first
         */
        public void keepSectors(byte[] keptSectors) {
            if (keptSectors.length != pieces()) {
                throw new IllegalArgumentException(keptSectors.length + " pieces given, it has " + pieces());
            }
            kept = true;
            sectors = keptSectors.clone();
        }

        /**
         * Leaves garbage in sectors that a write or extension gave the file and whose bytes are lost, as on file systems that
         * save sizes before bytes: what was in those places of the disk before, of other files. The file gets to be as long.
         *
         * @param seed decides the garbage
         */
        public void garble(long seed) {
            garbageSeed = seed;
        }

        void applyTo(SparseBytes target) {
            DataChange change = data;
            byte[] parts = sectors;
            if (change == null) {
                return;
            }
            if (isGarbled()) {
                spoil(change, target);
            }
            if (!kept) {
                return;
            }
            if (parts == null || change.kind() != DataKind.WRITE) {
                change.applyTo(target);
                return;
            }
            long end = change.position() + change.length();
            for (int i = 0; i < parts.length; i++) {
                long start = (page(change.position()) + i) * SparseBytes.PAGE_BYTES;
                for (int sector = 0; sector < 8; sector++) {
                    long from = Math.max(change.position(), start + (long) sector * SECTOR_BYTES);
                    long to = Math.min(end, start + (sector + 1L) * SECTOR_BYTES);
                    if (from < to && (parts[i] & 1 << sector) != 0) {
                        change.applyTo(target, from - change.position(), to - change.position());
                    }
                }
            }
        }

        private boolean isGarbled() {
            boolean whole = kept && sectors == null;
            return garbageSeed != null && data != null && data.kind() != DataKind.TRUNCATE && !whole;
        }

        /** Fills what {@code change} adds to the file; the sector in which it ended was written with zeros behind the end. */
        private void spoil(DataChange change, SparseBytes target) {
            long had = (target.size() + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
            boolean written = change.kind() == DataKind.WRITE;
            long from = written ? Math.max(had, change.position()) : had;
            long to = written
                    ? change.position() + change.length()
                    : Math.min(change.position(), had + MAX_GARBAGE_BYTES);
            if (from >= to || garbageSeed == null) {
                return;
            }
            byte[] garbage = new byte[(int) (to - from)];
            SimulatedRandom random = new SimulatedRandom(garbageSeed ^ SimulatedRandom.mix(change.number()));
            long bits = 0;
            for (int i = 0; i < garbage.length; i++) {
                bits = i % Long.BYTES == 0 ? random.nextLong() : bits >>> Byte.SIZE;
                garbage[i] = (byte) bits;
            }
            target.write(from, garbage, 0, garbage.length);
        }

        private static long page(long position) {
            return position / SparseBytes.PAGE_BYTES;
        }

        private String fate() {
            byte[] parts = sectors;
            StringBuilder text = new StringBuilder(kept ? "kept" : "LOST");
            if (kept && parts != null) {
                text.append(" sectors");
                for (byte part : parts) {
                    text.append(' ').append(Integer.toBinaryString(part & ALL_SECTORS));
                }
            }
            return text.append(isGarbled() ? " (garbage)" : "").toString();
        }

        @Override
        public String toString() {
            return number() + " " + (name != null ? name.toString() : data + " of " + (file == null ? "" : file.path));
        }
    }

    /** The size of a file with pending bytes. */
    public static final class FileSize {
        final FileNode file;
        private final long durableBytes;
        private final long currentBytes;
        long chosen = -1;

        FileSize(FileNode file) {
            this.file = file;
            this.durableBytes = file.durable.size();
            this.currentBytes = file.live.size();
        }

        public Path path() {
            return file.path;
        }

        /** Returns the size on disk, in bytes. */
        public long durableBytes() {
            return durableBytes;
        }

        /** Returns the size without the cut, in bytes. */
        public long currentBytes() {
            return currentBytes;
        }

        /** Sets the size after the cut, whatever bytes survive; without a choice it follows from them. */
        public void choose(long bytes) {
            long low = Math.min(durableBytes, currentBytes);
            long high = Math.max(durableBytes, currentBytes);
            if (bytes < low || bytes > high) {
                throw new IllegalArgumentException("size is " + bytes + ", allowed " + low + " to " + high);
            }
            chosen = bytes;
        }

        @Override
        public String toString() {
            return file.path + ": " + chosen + " of " + durableBytes + " to " + currentBytes + " bytes";
        }
    }
}
