package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.cli.Cli.Result;
import org.junit.jupiter.api.Test;

/** explore. */
class ExploreCommandTest {
    @Test
    void explore_oneScenario_tellsWhatItSaw() {
        String out = Cli.good("explore", "--scenarios", "create", "--exhaustive", "2", "--samples", "1");
        assertThat(out.lines().toList()).hasSize(2);
        assertThat(out)
                .matches(
                        "(?s)create +seed 1: cut at \\d\\d+ moments, .* distinct states \\(by depth \\d+ \\+ [1-9]\\d*\\), 0 violations\n.* states, no violation\n");
    }

    @Test
    void explore_json_oneLine() {
        String out = Cli.good("explore", "--scenarios", "create", "--exhaustive", "1", "--samples", "0", "--json");
        assertThat(JsonText.parseObject(out.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
                .containsKeys("explorations", "states");
    }

    @Test
    void explore_replay_oneState() {
        assertThat(Cli.good("explore", "--scenarios", "create", "--replay", "5 none; 3 random(7)"))
                .isEqualTo("kept, in state \"5 none; 3 random(7)\" of create, seed 1\n");
    }

    @Test
    void explore_wrongArguments_saidBeforeAnything() {
        Result unknown = Cli.run("explore", "--scenarios", "nothing");
        assertThat(unknown.code()).isEqualTo(2);
        assertThat(unknown.err()).contains("'nothing'").contains("whole-life");
        assertThat(Cli.run("explore", "--exhaustive", "17").code()).isEqualTo(2);
        assertThat(Cli.run("explore", "--names", "17").code()).isEqualTo(2);
        assertThat(Cli.run("explore", "--replay", "5 none").code()).isEqualTo(2);
        assertThat(Cli.run("explore", "--scenarios", "create", "--replay", "").code())
                .isEqualTo(2);
        assertThat(Cli.run("explore", "--scenarios", "create", "--replay", "nonsense")
                        .code())
                .isEqualTo(2);
    }
}
