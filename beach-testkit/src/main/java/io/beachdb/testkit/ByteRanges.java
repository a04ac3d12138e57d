package io.beachdb.testkit;

import java.util.Map;
import java.util.TreeMap;

/** A set of bytes of a file, as ranges that neither touch nor overlap. */
final class ByteRanges {
    private final TreeMap<Long, Long> ends = new TreeMap<>(); // by start

    boolean isEmpty() {
        return ends.isEmpty();
    }

    void clear() {
        ends.clear();
    }

    void add(long from, long to) {
        if (from >= to) {
            return;
        }
        long start = from;
        long end = to;
        Map.Entry<Long, Long> near = ends.floorEntry(to);
        while (near != null && near.getValue() >= from) {
            start = Math.min(start, near.getKey());
            end = Math.max(end, near.getValue());
            ends.remove(near.getKey());
            near = ends.floorEntry(to);
        }
        ends.put(start, end);
    }

    void remove(long from, long to) {
        if (from >= to) {
            return;
        }
        Map.Entry<Long, Long> near = ends.lowerEntry(to);
        while (near != null && near.getValue() > from) {
            ends.remove(near.getKey());
            if (near.getValue() > to) {
                ends.put(to, near.getValue());
            }
            if (near.getKey() < from) {
                ends.put(near.getKey(), from);
            }
            near = ends.lowerEntry(Math.min(to, near.getKey()));
        }
    }

    boolean intersects(long from, long to) {
        Map.Entry<Long, Long> near = from < to ? ends.lowerEntry(to) : null;
        return near != null && near.getValue() > from;
    }

    void addAll(ByteRanges other) {
        other.ends.forEach(this::add);
    }

    @Override
    public String toString() {
        return ends.toString();
    }
}
