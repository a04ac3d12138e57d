package io.beachdb.base.memory;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** E2 and E3 of the epochs: a reader's entering against an owner's retiring. */
@JCStressTest
@Outcome(id = "0", expect = ACCEPTABLE, desc = "the old piece, not freed")
@Outcome(id = "1", expect = ACCEPTABLE, desc = "the new piece")
@Outcome(id = "2", expect = FORBIDDEN, desc = "a piece that is freed while the reader is inside")
@State
public class EpochsJcstress {
    private static final class ReaderSlot extends Epochs.Slot {}

    private static final class Piece {
        private boolean freed; // plain: what follows from the epochs alone is asked
    }

    private final Epochs<ReaderSlot> epochs = new Epochs<>(2, ReaderSlot::new);
    private final Piece old = new Piece();
    private final Piece fresh = new Piece();
    private volatile Piece published = old;

    @Actor
    public void read(I_Result r) {
        ReaderSlot slot = epochs.enter();
        Piece piece = published;
        r.r1 = piece.freed ? 2 : piece == old ? 0 : 1;
        epochs.exit(slot);
    }

    @Actor
    public void replace() {
        published = fresh;
        if (epochs.isQuiet(epochs.retire())) {
            old.freed = true;
        }
    }
}
