package io.beachdb.bench;

import java.util.Arrays;
import java.util.List;

/**
 * The named workloads, as db_bench has them. Workloads of one group run one after another on one database, in one JVM; the
 * first of a group begins with an empty one.
 */
enum Workload {
    FILLSEQ("fillseq", Group.FILLSEQ, 1, "puts in the order of the keys"),
    FILLRANDOM("fillrandom", Group.FILLRANDOM, 1, "puts of random keys"),
    OVERWRITE("overwrite", Group.FILLRANDOM, 1, "puts of random keys that are mostly there"),
    DELETERANDOM("deleterandom", Group.FILLRANDOM, 1, "deletes of random keys"),
    FILLBATCH("fillbatch", Group.FILLBATCH, 1, "puts of random keys, 100 to a batch"),
    FILL4K("fill4k", Group.FILL4K, 1, "puts of random keys with values of 4096 bytes"),
    FILLSYNC1("fillsync1", Group.FILLSYNC1, 1, "synced puts of random keys"),
    FILLSYNC4("fillsync4", Group.FILLSYNC4, 4, "synced puts by 4 threads"),
    FILLSYNC16("fillsync16", Group.FILLSYNC16, 16, "synced puts by 16 threads"),
    READRANDOM("readrandom", Group.READ, 1, "gets of random keys that are there"),
    READRANDOM2("readrandom2", Group.READ, 2, "the same by 2 threads"),
    READMISSING("readmissing", Group.READ, 1, "gets of keys that are not there, between those that are"),
    READSEQ("readseq", Group.READ, 1, "a scan of everything"),
    READREVERSE("readreverse", Group.READ, 1, "a scan of everything backwards"),
    SEEKRANDOM("seekrandom", Group.READ, 1, "seeks to random keys, and 10 more entries of each"),
    READWHILEWRITING("readwhilewriting", Group.READ, 1, "gets of random keys while another thread puts");

    /** What shares a database. */
    enum Group {
        FILLSEQ,
        FILLRANDOM,
        FILLBATCH,
        FILL4K,
        FILLSYNC1,
        FILLSYNC4,
        FILLSYNC16,
        READ
    }

    final String title;
    final Group group;
    final int threads;
    final String text;

    Workload(String title, Group group, int threads, String text) {
        this.title = title;
        this.group = group;
        this.threads = threads;
        this.text = text;
    }

    int valueBytes() {
        return this == FILL4K ? 4096 : 100;
    }

    static Workload of(String title) {
        return Arrays.stream(values())
                .filter(w -> w.title.equals(title))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("workload is '" + title + "', allowed "
                        + String.join(
                                ", ", Arrays.stream(values()).map(w -> w.title).toList())));
    }

    static List<String> titles() {
        return Arrays.stream(values()).map(w -> w.title).toList();
    }
}
