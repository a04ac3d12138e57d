package io.beachdb.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.base.format.FileName;
import io.beachdb.durability.DurableEdit;
import io.beachdb.durability.DurableSwitch;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random histories of edits, roll-overs and reopenings against a plain model; what is read back is what was written. */
class ManifestModelTest {

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14, 15, 16, 17, 18})
    void history_random_isReadBackAsItWas(long seed) {
        Random random = new Random(seed);
        try (ManifestFixture fixture = new ManifestFixture()) {
            fixture.disk.setOpenFilesHeld(false); // writers are left lying, as if their process had died
            FileNumbers numbers = FileNumbers.above(1, fixture.directory.list());
            RandomEdits edits = new RandomEdits(random, fixture, numbers);
            long rollOverBytes = 1L + random.nextInt(3000);
            ManifestWriter writer = fixture.create(numbers, rollOverBytes);
            writer.switchCurrent();
            Set<Long> manifests = new java.util.HashSet<>();
            for (int i = 0; i < 250; i++) {
                manifests.add(writer.manifestNumber());
                VersionEdit edit = edits.next();
                DurableEdit receipt = writer.append(edit);
                assertThat(ManifestFixture.state(writer.version())).isEqualTo(edits.state(numbers.peek()));
                deleteWhatGoes(fixture, writer, edits, receipt);
                if (random.nextInt(10) == 0) {
                    assertThat(ManifestFixture.state(fixture.readWhole().version()))
                            .as("seed %d, edit %d", seed, i)
                            .isEqualTo(ManifestFixture.state(writer.version()));
                }
                if (random.nextInt(40) == 0) {
                    if (random.nextBoolean()) {
                        writer.close();
                    }
                    RecoveredManifest recovered = fixture.readWhole();
                    numbers = recovered.fileNumbers();
                    edits = new RandomEdits(random, fixture, numbers, edits);
                    writer = ManifestWriter.create(
                            fixture.directory,
                            recovered.databaseId(),
                            numbers,
                            fixture.account,
                            rollOverBytes,
                            recovered.version(),
                            edits.next());
                    DurableSwitch switched = writer.switchCurrent();
                    String old = FileName.manifest(recovered.manifestNumber());
                    assertThat(switched.allows(old))
                            .as("the manifest of the run before")
                            .isTrue();
                    fixture.directory.delete(old, switched);
                }
            }
            assertThat(manifests).as("the roll-over was tried").hasSizeGreaterThan(5);
            assertThat(fixture.account.usedBytes()).isZero();
            assertThat(fixture.disk.violations()).isEmpty();
        }
    }

    /** Deletes as the receipts allow, and finds that they allow nothing that is needed. */
    private static void deleteWhatGoes(
            ManifestFixture fixture, ManifestWriter writer, RandomEdits edits, DurableEdit receipt) {
        List<String> names = fixture.directory.list();
        for (String name : names) {
            if (edits.needs(name)) {
                assertThat(receipt.allows(name)).as(name).isFalse();
            } else if (receipt.allows(name)) {
                fixture.directory.delete(name, receipt);
            }
        }
        for (String name : writer.takeObsolete()) {
            fixture.directory.delete(name, writer.lastSwitch());
        }
        assertThat(fixture.directory.list().stream().filter(name -> name.startsWith("MANIFEST")))
                .containsExactly(FileName.manifest(writer.manifestNumber()));
    }
}
