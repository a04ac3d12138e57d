package io.beachdb.base.memory;

import io.beachdb.stress.Lincheck;
import java.util.ArrayDeque;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/**
 * Epochs as their users have them: readers look at the published piece, an owner replaces it and frees what is quiet. To
 * everybody this is a register; a reader that meets a freed piece, or shares its slot, reads what was never written.
 */
public class EpochsLincheckTest {
    private static final int FREED = -1;
    private static final int SHARED_SLOT = -2;

    private static final class ReaderSlot extends Epochs.Slot {
        private int inside;
    }

    private static final class Piece {
        private final int value;
        private volatile boolean freed;

        Piece(int value) {
            this.value = value;
        }
    }

    private record Retired(Piece piece, long stamp) {}

    private final Epochs<ReaderSlot> epochs = new Epochs<>(2, ReaderSlot::new); // fewer than threads: it grows
    private volatile Piece published = new Piece(0);
    private final ArrayDeque<Retired> retired = new ArrayDeque<>(); // guarded by this

    @Operation
    public int read() {
        ReaderSlot slot = epochs.enter();
        try {
            if (slot.inside++ != 0) {
                return SHARED_SLOT;
            }
            Piece piece = published;
            int value = piece.value;
            slot.inside--;
            return piece.freed ? FREED : value;
        } finally {
            epochs.exit(slot);
        }
    }

    @Operation
    public synchronized void replace(int value) {
        Piece old = published;
        published = new Piece(value);
        retired.add(new Retired(old, epochs.retire()));
        free();
    }

    @Operation
    public synchronized void free() {
        while (!retired.isEmpty() && epochs.isQuiet(retired.getFirst().stamp)) {
            retired.removeFirst().piece.freed = true;
        }
    }

    /** What it must look like. */
    public static class Register {
        private int value;

        public int read() {
            return value;
        }

        public void replace(int newValue) {
            value = newValue;
        }

        public void free() {
            // Nobody can tell.
        }
    }

    @Test
    void epochs_modelChecked_areARegister() {
        Lincheck.modelCheck(EpochsLincheckTest.class, Register.class, 3, 6, 500);
    }

    @Test
    void epochs_stressed_areARegister() {
        Lincheck.stress(EpochsLincheckTest.class, Register.class, 3, 8, 1000);
    }
}
