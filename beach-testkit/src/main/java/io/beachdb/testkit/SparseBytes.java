package io.beachdb.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The bytes of a file in pages of 4 KiB; a page that is all zeros takes no memory, so a preallocated log costs nothing.
 * A copy shares pages until one side writes to them. Or sizes only, for a model of a file whose bytes are elsewhere.
 */
final class SparseBytes {
    /** What a file system writes back as a whole. */
    static final int PAGE_BYTES = 4096;

    private static final int PAGE_SHIFT = 12;
    private static final byte[] ZEROS = new byte[PAGE_BYTES];

    private final boolean sizesOnly;
    private long size;
    private byte[][] pages = new byte[0][];
    private boolean[] owned = new boolean[0]; // by index of page: not shared with a copy

    SparseBytes(boolean sizesOnly) {
        this.sizesOnly = sizesOnly;
    }

    long size() {
        return size;
    }

    SparseBytes copy() {
        SparseBytes copy = new SparseBytes(sizesOnly);
        copy.size = size;
        copy.pages = pages.clone();
        copy.owned = new boolean[pages.length];
        Arrays.fill(owned, false);
        return copy;
    }

    /** Writes, growing as needed. */
    void write(long position, byte[] source, int from, int length) {
        size = Math.max(size, position + length);
        if (sizesOnly) {
            return;
        }
        int done = 0;
        while (done < length) {
            long at = position + done;
            int inPage = (int) (at & PAGE_BYTES - 1);
            int part = Math.min(length - done, PAGE_BYTES - inPage);
            writePage(Math.toIntExact(at >>> PAGE_SHIFT), inPage, source, from + done, part);
            done += part;
        }
    }

    private void writePage(int index, int inPage, byte[] source, int from, int length) {
        boolean absent = index >= pages.length || pages[index] == null;
        if (absent && Arrays.equals(source, from, from + length, ZEROS, 0, length)) {
            return;
        }
        System.arraycopy(source, from, pageForWrite(index), inPage, length);
    }

    private byte[] pageForWrite(int index) {
        if (index >= pages.length) {
            int grown = Math.max(index + 1, pages.length * 2);
            pages = Arrays.copyOf(pages, grown);
            owned = Arrays.copyOf(owned, grown);
        }
        byte[] page = pages[index];
        if (page == null) {
            page = new byte[PAGE_BYTES];
        } else if (!owned[index]) {
            page = page.clone();
        }
        pages[index] = page;
        owned[index] = true;
        return page;
    }

    /** Cuts, or extends by zeros. */
    void truncate(long newSize) {
        int keep = Math.toIntExact(newSize + PAGE_BYTES - 1 >>> PAGE_SHIFT);
        if (keep < pages.length) {
            Arrays.fill(pages, keep, pages.length, null);
        }
        int inPage = (int) (newSize & PAGE_BYTES - 1);
        if (inPage != 0 && keep - 1 < pages.length && pages[keep - 1] != null) {
            Arrays.fill(pageForWrite(keep - 1), inPage, PAGE_BYTES, (byte) 0);
        }
        size = newSize;
    }

    /** Makes it at least so long. */
    void extend(long newSize) {
        size = Math.max(size, newSize);
    }

    /** Reads up to {@code length} bytes; returns how many, 0 at or behind the end. */
    int read(long position, MemorySegment destination, long at, int length) {
        int count = (int) Math.max(0, Math.min(length, size - position));
        int done = 0;
        while (done < count) {
            long from = position + done;
            int inPage = (int) (from & PAGE_BYTES - 1);
            int part = Math.min(count - done, PAGE_BYTES - inPage);
            int index = Math.toIntExact(from >>> PAGE_SHIFT);
            byte[] page = index < pages.length && pages[index] != null ? pages[index] : ZEROS;
            MemorySegment.copy(page, inPage, destination, ValueLayout.JAVA_BYTE, at + done, part);
            done += part;
        }
        return count;
    }

    /** Returns a number that is equal for equal contents. */
    long fingerprint() {
        long hash = SimulatedRandom.mix(size);
        for (int i = 0; i < pages.length; i++) {
            byte[] page = pages[i];
            if (page != null && !Arrays.equals(page, ZEROS)) {
                hash = SimulatedRandom.mix(hash ^ i * 0x9E3779B97F4A7C15L ^ Arrays.hashCode(page));
            }
        }
        return hash;
    }
}
