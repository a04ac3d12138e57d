package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.beachdb.dbtestkit.CrashOperation.Kind;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CrashWorkloadTest {

    @ParameterizedTest
    @EnumSource(CrashProfile.class)
    void operations_sameNumbers_same(CrashProfile profile) {
        CrashWorkload one = new CrashWorkload(42, 1003, profile);
        CrashWorkload two = new CrashWorkload(42, 1003, profile);
        CrashWorkload other = new CrashWorkload(43, 1003, profile);
        int all = 0;
        for (int lane = 0; lane < profile.lanes(); lane++) {
            assertThat(two.operations(lane)).isEqualTo(one.operations(lane)).isNotEqualTo(other.operations(lane));
            all += one.operations(lane).size();
        }
        assertThat(all).isEqualTo(1003);
    }

    @Test
    void operations_aFewThousand_doEverything() {
        List<CrashOperation> operations = new CrashWorkload(1, 5000, CrashProfile.TINY).operations(0);
        Set<Object> seen = new HashSet<>();
        operations.forEach(operation -> {
            seen.add(operation.kind());
            if (operation.kind().writes()) {
                seen.add(operation.durability());
            }
        });
        assertThat(seen).containsAll(EnumSet.allOf(Kind.class)).containsAll(EnumSet.allOf(io.beachdb.Durability.class));
    }

    @Test
    void operations_ofTwoLanes_shareNoKey() {
        CrashWorkload workload = new CrashWorkload(1, 2000, CrashProfile.THREADS);
        Set<String> keys = new HashSet<>();
        int perLane = 0;
        for (int lane = 0; lane < workload.lanes(); lane++) {
            Set<String> mine = new HashSet<>();
            workload.operations(lane).forEach(operation -> operation.edits().forEach(edit -> mine.add(edit.key())));
            perLane += mine.size();
            keys.addAll(mine);
        }
        assertThat(keys).hasSize(perLane);
    }

    @Test
    void acknowledgement_reproducible_changesWithTheRun() {
        CrashWorkload workload = new CrashWorkload(5, 100, CrashProfile.TINY);
        CrashOperation put = workload.operations(0).stream()
                .filter(operation -> operation.kind() == Kind.PUT)
                .findFirst()
                .orElseThrow();
        String line = workload.acknowledgement(0, 0, put);
        assertThat(line).isEqualTo(new CrashWorkload(5, 100, CrashProfile.TINY).acknowledgement(0, 0, put));
        assertThat(line).isNotEqualTo(workload.acknowledgement(1, 0, put));
        assertThat(line).matches("ACK 0 " + put.index() + " PUT \\+k\\d{5}/0\\.*=[0-9a-f]{8}");
    }

    @Test
    void values_anyBitChanged_notWhole() {
        CrashOrigin origin = new CrashOrigin(2, 1, 33, 4);
        byte[] value = CrashValues.make(9, origin, 200);
        assertThat(CrashValues.claimedOrigin(value)).isEqualTo(origin);
        assertThat(CrashValues.isWhole(9, origin, value)).isTrue();
        assertThat(CrashValues.isWhole(8, origin, value)).isFalse();
        for (int bit = 0; bit < 8 * value.length; bit++) {
            byte[] damaged = value.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(CrashValues.isWhole(9, origin, damaged)).as("bit " + bit).isFalse();
        }
        for (int length = 0; length < value.length; length++) {
            byte[] cut = java.util.Arrays.copyOf(value, length);
            assertThat(CrashValues.isWhole(9, origin, cut))
                    .as("length " + length)
                    .isFalse();
        }
    }

    @Test
    void claimedOrigin_foreignBytes_null() {
        assertThat(CrashValues.claimedOrigin(new byte[0])).isNull();
        assertThat(CrashValues.claimedOrigin("hello world".getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
                .isNull();
        assertThat(CrashValues.claimedOrigin("1.2.3 ".getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
                .isNull();
        assertThat(CrashValues.claimedOrigin("1.2.03.4 ".getBytes(java.nio.charset.StandardCharsets.US_ASCII)))
                .isNull();
        assertThat(CrashValues.claimedOrigin(new byte[1000])).isNull();
    }

    @Test
    void workload_absurdNumbers_refused() {
        for (int count : new int[] {-1, CrashWorkload.MAX_OPERATIONS + 1}) {
            assertThatThrownBy(() -> new CrashWorkload(1, count, CrashProfile.TINY))
                    .hasMessage("ops is " + count + ", allowed 0 to 1000000");
        }
        assertThatThrownBy(() -> CrashProfile.named("huge"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("profile is 'huge', allowed default, tiny, threads, rotation, compaction");
    }
}
