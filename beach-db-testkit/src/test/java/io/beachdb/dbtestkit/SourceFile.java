package io.beachdb.dbtestkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A text file of the checkout, as the tidy rules see it.
 *
 * @param path relative to the checkout, with slashes
 */
record SourceFile(String path, String text) {

    /** Reads every Java source, script, build file and page of the checkout, without what builds leave behind. */
    static List<SourceFile> readAll(Path checkout) {
        try (Stream<Path> paths = Files.walk(checkout)) {
            return paths.filter(Files::isRegularFile)
                    .map(path -> checkout.relativize(path).toString().replace('\\', '/'))
                    .filter(SourceFile::isOurs)
                    .sorted()
                    .map(path -> new SourceFile(path, read(checkout.resolve(path))))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isOurs(String path) {
        if (path.startsWith(".git/") || path.startsWith("target/") || path.contains("/target/")) {
            return false;
        }
        return path.endsWith(".java")
                || path.endsWith(".md")
                || path.endsWith(".xml")
                || path.endsWith(".sh")
                || path.startsWith("scripts/")
                || path.equals("beach")
                || path.equals(".ci/run");
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the directory name of the module, or the empty string for a file that belongs to none. */
    String module() {
        return path.startsWith("beach-") && path.contains("/") ? path.substring(0, path.indexOf('/')) : "";
    }

    boolean isJava() {
        return path.endsWith(".java");
    }

    /** Returns whether this is Java that ships, rather than a test. */
    boolean isMain() {
        return isJava() && path.contains("/src/main/java/");
    }

    String directory() {
        return path.substring(0, path.lastIndexOf('/') + 1);
    }

    String name() {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** Returns "path:line" of the character at {@code offset}. */
    String place(int offset) {
        long line = 1 + text.substring(0, offset).chars().filter(c -> c == '\n').count();
        return path + ":" + line;
    }

    /**
     * Returns the Java text with comments, strings and characters blanked out, every other character at its old
     * offset.
     */
    String code() {
        StringBuilder code = new StringBuilder(text);
        int at = 0;
        while (at < text.length()) {
            int end = endOfSilentPart(at);
            if (end == at) {
                at++;
                continue;
            }
            for (int i = at; i < end; i++) {
                if (code.charAt(i) != '\n') {
                    code.setCharAt(i, ' ');
                }
            }
            at = end;
        }
        return code.toString();
    }

    /** Returns the end of the comment or literal that begins at {@code at}, or {@code at} if none does. */
    private int endOfSilentPart(int at) {
        if (text.startsWith("//", at)) {
            return endOf("\n", at) - (text.indexOf('\n', at) < 0 ? 0 : 1);
        }
        if (text.startsWith("/*", at)) {
            return endOf("*/", at + 2);
        }
        if (text.startsWith("\"\"\"", at)) {
            return endOfLiteral("\"\"\"", at + 3);
        }
        if (text.charAt(at) == '"' || text.charAt(at) == '\'') {
            return endOfLiteral(text.substring(at, at + 1), at + 1);
        }
        return at;
    }

    private int endOf(String mark, int from) {
        int found = text.indexOf(mark, from);
        return found < 0 ? text.length() : found + mark.length();
    }

    private int endOfLiteral(String quote, int from) {
        int i = from;
        while (i < text.length() && !text.startsWith(quote, i)) {
            i += text.charAt(i) == '\\' ? 2 : 1;
        }
        return Math.min(text.length(), i + quote.length());
    }
}
