package io.beachdb.dbtestkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The sources of this checkout obey {@link SourceRules}, and each rule can fail. */
class TidyTest {
    // Set by the build; the parent directory when an IDE runs the test.
    private static final Path CHECKOUT =
            Path.of(System.getProperty("beach.checkout", "..")).toAbsolutePath().normalize();

    private static final List<SourceFile> FILES = SourceFile.readAll(CHECKOUT);

    private static final String WAL = "beach-wal/src/main/java/io/beachdb/wal/";

    @Test
    void checkout_isFound() {
        assertThat(FILES)
                .extracting(SourceFile::path)
                .contains("pom.xml", "beach", WAL + "package-info.java", "CONTRIBUTING.md");
    }

    @Test
    void packages_haveTexts() {
        assertThat(SourceRules.packageTexts(FILES)).isEmpty();
    }

    @Test
    void libraries_doNotPrint() {
        assertThat(SourceRules.printing(FILES)).isEmpty();
    }

    @Test
    void sources_haveNoMarkers() {
        assertThat(SourceRules.markers(FILES)).isEmpty();
    }

    @Test
    void imports_nameClasses() {
        assertThat(SourceRules.starImports(FILES)).isEmpty();
    }

    @Test
    void links_leadToWhatIsThere() {
        assertThat(SourceRules.deadLinks(FILES, path -> Files.exists(CHECKOUT.resolve(path))))
                .isEmpty();
    }

    @Test
    void deadLinks_ofAnyKind_areReported() {
        SourceFile page = new SourceFile(
                "docs/formats/a" + ".md",
                "[b](b.md#part) [c](../c.md) [web](https://c.md) `b.md` [d](d.md)\n`e.md` [up](..)");
        SourceFile source =
                new SourceFile(WAL + "A.java", "/** {@code docs/formats/b" + ".md}, {@code docs/f" + ".md} */");
        Set<String> there = Set.of("docs/formats/b" + ".md", "docs/c" + ".md", "docs");
        assertThat(SourceRules.deadLinks(List.of(page, source), there::contains))
                .containsExactly(
                        "docs/formats/a" + ".md:1: a link to what is not there: d.md",
                        "docs/formats/a" + ".md:2: a link to what is not there: e.md",
                        WAL + "A.java:1: a link to what is not there: docs/f" + ".md");
    }

    @Test
    void packageTexts_missingShortOrUnmarked_isReported() {
        SourceFile someClass = new SourceFile(WAL + "Some.java", "package io.beachdb.wal; class Some {}");
        String text = "/** " + "Says what is here. ".repeat(10) + "*/ ";
        String rest = "package io.beachdb.wal;";

        assertThat(SourceRules.packageTexts(List.of(someClass))).hasSize(1);
        assertThat(SourceRules.packageTexts(List.of(someClass, packageInfo("/** Short. */ @NullMarked " + rest))))
                .hasSize(1);
        assertThat(SourceRules.packageTexts(List.of(someClass, packageInfo(text + rest))))
                .hasSize(1);
        assertThat(SourceRules.packageTexts(List.of(someClass, packageInfo(text + "@NullMarked " + rest))))
                .isEmpty();
    }

    private static SourceFile packageInfo(String text) {
        return new SourceFile(WAL + "package-info.java", text);
    }

    @Test
    void printing_inALibrary_isReportedWithItsLine() {
        String text = """
                class Some {
                  /* System.out is fine here */ String s = "System.err"; // System.out
                  char quote = '"'; void f(Exception e) { System . out.println('"'); e.printStackTrace(); }
                }
                """;

        assertThat(SourceRules.printing(List.of(new SourceFile(WAL + "Some.java", text))))
                .containsExactly(
                        WAL + "Some.java:3: a library prints: System . out",
                        WAL + "Some.java:3: a library prints: printStackTrace(");
        assertThat(SourceRules.printing(List.of(
                        new SourceFile("beach-cli/src/main/java/io/beachdb/cli/Some.java", text),
                        new SourceFile("beach-wal/src/test/java/io/beachdb/wal/SomeTest.java", text))))
                .isEmpty();
    }

    @Test
    void markers_anywhere_areReported() {
        String marker = "TO" + "DO";

        assertThat(SourceRules.markers(List.of(
                        new SourceFile("README.md", "done\n" + marker + ": more"),
                        new SourceFile(WAL + "Some.java", "// " + marker + "\n"))))
                .containsExactly(
                        "README.md:2: a leftover marker: " + marker, WAL + "Some.java:1: a leftover marker: " + marker);
        assertThat(SourceRules.markers(List.of(new SourceFile("README.md", "methodology " + marker + "S"))))
                .isEmpty();
    }

    @Test
    void starImports_ofAnyKind_areReported() {
        assertThat(SourceRules.starImports(List.of(
                        new SourceFile(WAL + "A.java", "import java.util.*;\nimport java.util.List;"),
                        new SourceFile(WAL + "B.java", "import static java.lang.Math.*;"),
                        new SourceFile(WAL + "C.java", "import module java.base;"))))
                .hasSize(3);
    }

    @Test
    void code_blanksCommentsAndLiterals_keepsOffsets() {
        String text = "a \"b\\\"c\" d // e\nf '\\'' g /* h\n */ i \"\"\"\n j \"k\" \\\"\"\" l\"\"\" m";

        String code = new SourceFile("A.java", text).code();

        assertThat(code).hasSameSizeAs(text);
        assertThat(code.replaceAll("\\s+", "")).isEqualTo("adfgim");
        assertThat(code.indexOf('m')).isEqualTo(text.indexOf(" m") + 1);
    }
}
