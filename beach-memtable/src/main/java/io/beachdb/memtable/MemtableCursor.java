package io.beachdb.memtable;

import io.beachdb.base.ClosedException;
import io.beachdb.base.format.EntryCursor;
import java.lang.foreign.MemorySegment;

/** Walks a {@link Memtable}. Its memory stays the memtable's: a cursor must be done with before that is closed. */
final class MemtableCursor implements EntryCursor {
  private final Memtable memtable;
  private boolean closed;

  // Where it stands. The rest is unspecified while node is NONE.
  private int node = EntryArena.NONE;
  private MemorySegment memory = MemorySegment.NULL;
  private long at;
  private int keyLength;

  MemtableCursor(Memtable memtable) {
    this.memtable = memtable;
  }

  @Override
  public void first() {
    checkOpen();
    stand(memtable.findFirst());
  }

  @Override
  public void last() {
    checkOpen();
    stand(memtable.findLast());
  }

  @Override
  public void seek(MemorySegment key, long offset, int length, long trailer) {
    checkOpen();
    stand(memtable.findAtOrAfter(key, offset, length, trailer));
  }

  @Override
  public void seekBefore(MemorySegment key, long offset, int length, long trailer) {
    checkOpen();
    stand(memtable.findBefore(key, offset, length, trailer));
  }

  @Override
  public void next() {
    checkValid();
    stand(Node.link(memory, at, 0));
  }

  @Override
  public void previous() {
    checkValid();
    stand(memtable.findBefore(memory, keyOffset(), keyLength, trailer()));
  }

  private void stand(int found) {
    if (found == EntryArena.NONE || found == Memtable.HEAD) {
      node = EntryArena.NONE;
      return;
    }
    node = found;
    memory = memtable.memory(found);
    at = EntryArena.offset(found);
    keyLength = Node.keyLength(memory, at);
  }

  private void checkOpen() {
    if (closed) {
      throw new ClosedException("the memtable cursor was closed by its own close");
    }
  }

  private void checkValid() {
    if (node == EntryArena.NONE) {
      checkOpen();
      throw new IllegalStateException("the memtable cursor stands on no entry: position it first");
    }
  }

  @Override
  public boolean valid() {
    return node != EntryArena.NONE;
  }

  @Override
  public MemorySegment keyMemory() {
    return memory;
  }

  @Override
  public long keyOffset() {
    return Node.keyOffset(at);
  }

  @Override
  public int keyLength() {
    return keyLength;
  }

  @Override
  public long trailer() {
    return Node.trailer(memory, at);
  }

  @Override
  public long valueLength() {
    return Node.valueLength(memory, at);
  }

  @Override
  public MemorySegment valueMemory() {
    return memtable.memory(Node.value(memory, at));
  }

  @Override
  public long valueOffset() {
    return EntryArena.offset(Node.value(memory, at));
  }

  @Override
  public void copyValue(long from, MemorySegment destination, long destinationOffset, long length) {
    java.util.Objects.checkFromIndexSize(from, length, valueLength());
    MemorySegment.copy(valueMemory(), valueOffset() + from, destination, destinationOffset, length);
  }

  @Override
  public void close() {
    closed = true;
    node = EntryArena.NONE;
  }
}
