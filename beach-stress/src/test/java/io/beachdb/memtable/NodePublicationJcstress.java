package io.beachdb.memtable;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * M3, M4 and M6 of the memtable: who sees a link sees the entry behind it, the links below, and the filter's bits. The
 * writers do what {@link Memtable#add} does, on memory of a few cache lines, since a state is wanted by the million.
 */
public final class NodePublicationJcstress {
    private static final int STATE_BYTES = 512;
    private static final int STATES = 1 << 17; // far more than are in use at one time
    private static final MemorySegment MEMORY = Arena.global().allocate((long) STATES * STATE_BYTES, 64);
    private static final AtomicInteger MADE = new AtomicInteger();

    private static final int HEAD = 64;
    private static final int NODE = 128;
    private static final int VALUE = 256;
    private static final int FILTER = 448;
    private static final int NODE_REFERENCE = 1;
    private static final int HEIGHT = 2;

    private static final int KEY_BYTES = 11;
    private static final int VALUE_BYTES = 100;
    private static final long TRAILER = 0x1122334455667788L;
    private static final long HASH = 0x0123456789ABCDEFL;
    private static final MemorySegment CONTENT =
            Arena.global().allocate(VALUE_BYTES).fill((byte) 0x5A);

    private NodePublicationJcstress() {}

    /** A head, a node and a value, in clean memory. */
    static class Nodes {
        final MemorySegment memory = MEMORY.asSlice(
                        (long) (MADE.getAndIncrement() & STATES - 1) * STATE_BYTES, STATE_BYTES)
                .fill((byte) 0);
        final KeyFilter filter = new KeyFilter(memory.asSlice(FILTER, 16));

        void writeEntry() {
            Node.write(memory, NODE, CONTENT, 0, KEY_BYTES, TRAILER, VALUE, VALUE_BYTES);
            MemorySegment.copy(CONTENT, 0, memory, VALUE, VALUE_BYTES);
        }

        void link(int level) {
            Node.initLink(memory, NODE, level, EntryArena.NONE);
            if (!Node.casLink(memory, HEAD, level, EntryArena.NONE, NODE_REFERENCE)) {
                throw new AssertionError("nobody else links");
            }
        }

        boolean isLinked(int level) {
            return Node.link(memory, HEAD, level) == NODE_REFERENCE;
        }

        boolean isWhole() {
            return Node.keyLength(memory, NODE) == KEY_BYTES
                    && Node.trailer(memory, NODE) == TRAILER
                    && Node.value(memory, NODE) == VALUE
                    && Node.valueLength(memory, NODE) == VALUE_BYTES
                    && Node.link(memory, NODE, 0) == EntryArena.NONE
                    && memory.get(ValueLayout.JAVA_BYTE, Node.keyOffset(NODE) + KEY_BYTES - 1) == 0x5A
                    && memory.get(ValueLayout.JAVA_BYTE, VALUE) == 0x5A
                    && memory.get(ValueLayout.JAVA_BYTE, VALUE + VALUE_BYTES - 1) == 0x5A;
        }
    }

    /** M4. */
    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "not linked yet")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "linked and whole")
    @Outcome(id = "2", expect = FORBIDDEN, desc = "linked, and key, header or value not there")
    @State
    public static class Entry extends Nodes {
        @Actor
        public void add() {
            writeEntry();
            link(0);
        }

        @Actor
        public void find(I_Result r) {
            r.r1 = !isLinked(0) ? 0 : isWhole() ? 1 : 2;
        }
    }

    /** M3. */
    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "not linked above yet")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "linked above and below")
    @Outcome(id = "2", expect = FORBIDDEN, desc = "linked above, not below")
    @State
    public static class Levels extends Nodes {
        @Actor
        public void add() {
            writeEntry();
            for (int level = 0; level < HEIGHT; level++) {
                link(level);
            }
        }

        @Actor
        public void find(I_Result r) {
            r.r1 = !isLinked(HEIGHT - 1) ? 0 : isLinked(0) && isWhole() ? 1 : 2;
        }
    }

    /** M6. */
    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "not linked yet")
    @Outcome(id = "1", expect = ACCEPTABLE, desc = "linked, and the filter lets through")
    @Outcome(id = "2", expect = FORBIDDEN, desc = "linked, and the filter says that it is absent")
    @State
    public static class Filter extends Nodes {
        @Actor
        public void add() {
            writeEntry();
            filter.add(HASH);
            link(0);
        }

        @Actor
        public void find(I_Result r) {
            r.r1 = !isLinked(0) ? 0 : filter.mayContain(HASH) ? 1 : 2;
        }
    }
}
