package io.beachdb.testkit.guide;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The guide shows code that runs: each of its Java blocks is an example of {@link SettingsTest}, line for line. */
class GuideTest {
    private static final String GUIDE = "docs/guides/testing-your-storage-code.md";
    private static final String SOURCE = "beach-testkit/src/test/java/io/beachdb/testkit/guide/SettingsTest.java";
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern EXAMPLE = Pattern.compile(" *// example: [^\n]*\n(.*?) *// end", Pattern.DOTALL);
    private static final Pattern MESSAGE = Pattern.compile("```text\n(.*?)\n```", Pattern.DOTALL);

    @Test
    void guide_javaBlocks_areTheTestedExamples() {
        List<String> shown = all(BLOCK, read(GUIDE));
        List<String> tested = all(EXAMPLE, read(SOURCE)).stream()
                .map(example -> example.stripTrailing().stripIndent() + "\n")
                .toList();
        assertThat(shown).isNotEmpty().containsExactlyElementsOf(tested);
    }

    /** Returns the message that the guide quotes. */
    static String quotedMessage() {
        return all(MESSAGE, read(GUIDE)).getFirst().replace("\n", " ");
    }

    private static List<String> all(Pattern pattern, String text) {
        List<String> found = new ArrayList<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    /** Reads a file of the checkout, whether the tests run in it or in their module. */
    private static String read(String name) {
        Path here = Path.of("").toAbsolutePath();
        Path root = Files.isDirectory(here.resolve("docs")) ? here : here.resolve("..");
        try {
            return Files.readString(root.resolve(name)).replace("\r\n", "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
