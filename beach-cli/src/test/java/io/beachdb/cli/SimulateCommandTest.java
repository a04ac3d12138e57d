package io.beachdb.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.beachdb.cli.Cli.Result;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** simulate. */
class SimulateCommandTest {
    @Test
    void simulate_fewSeeds_tellsHowMany() {
        assertThat(Cli.good("simulate", "--seeds", "3..6"))
                .startsWith("4 seeds from 3 on, ")
                .containsPattern("cut [1-9]\\d*, .*kill \\d+, .*checkpoint [1-9]")
                .endsWith("; no violation\n");
    }

    @Test
    void simulate_json_oneLine() {
        assertThat(Cli.good("simulate", "--seeds", "3..3", "--json"))
                .startsWith("{\"firstSeed\":3,\"seeds\":1,\"operations\":")
                .contains("\"reached\":{\"cut\":")
                .hasLineCount(1);
    }

    @Test
    void simulate_minutesWithoutSeeds_goesOnUntilThen() {
        assertThat(Cli.good("simulate", "--minutes", "0.01")).contains(" from 1 on, ", "no violation");
    }

    @Test
    void simulate_replay_tellsWhatHappens() {
        String plan = "seed=1 schedule=0 within=900 lives=0 steps=0-5";
        assertThat(Cli.good("simulate", "--replay", plan))
                .contains("a process starts", "client 0 ")
                .endsWith("kept\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--seeds|5|a range A..B is wanted",
                "--seeds|9..3|a range A..B is wanted",
                "--minutes|0|allowed more than 0",
                "--minutes|NaN|allowed more than 0",
                "--replay|nonsense|is no plan of a simulation; one looks like seed=1 "
            })
    void simulate_wrongArguments_saidBeforeAnything(String option, String value, String says) {
        Result result = Cli.run("simulate", option, value);
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.err()).contains(option, says);
    }
}
