package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.cli.Cli.Result;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** sweep. */
class SweepCommandTest {
    @Test
    void sweep_oneScenario_tellsWhatItSaw() {
        String out = Cli.good("sweep", "--scenarios", "create", "--one-in", "40");
        assertThat(out)
                .matches(
                        "create +seed 1: \\d+ operations, \\d+ cases, .* [1-9]\\d* openings in vain, .* distinct states, 0 violations\n\\d+ cases, no violation\n");
    }

    @Test
    void sweep_json_oneLine() {
        String out = Cli.good("sweep", "--scenarios", "create", "--one-in", "80", "--json");
        assertThat(JsonText.parseObject(out.getBytes(StandardCharsets.UTF_8))).containsKeys("sweeps", "cases");
    }

    @Test
    void sweep_replay_oneCase() {
        assertThat(Cli.good("sweep", "--scenarios", "create", "--replay", "40 error resume"))
                .isEqualTo("kept, in case \"40 error resume\" of create, seed 1\n");
    }

    @Test
    void sweep_wrongArguments_saidBeforeAnything() {
        Result unknown = Cli.run("sweep", "--scenarios", "nothing");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("'nothing'").contains("whole-life");
        assertThat(Cli.run("sweep", "--one-in", "0").code()).isEqualTo(2);
        assertThat(Cli.run("sweep", "--scenarios", "create", "--one-in", "100000000")
                        .err())
                .contains("no case was chosen");
        assertThat(Cli.run("sweep", "--replay", "40 error").code()).isEqualTo(2);
        assertThat(Cli.run("sweep", "--scenarios", "create", "--replay", "nonsense")
                        .code())
                .isEqualTo(2);
    }
}
