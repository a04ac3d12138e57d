package io.beachdb.dbtestkit;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What holds for the sources and cannot be seen in the classes. Each rule returns its violations, one line each, with
 * file and line.
 */
final class SourceRules {
    /** The modules that talk to people. All others are libraries. */
    static final Set<String> PROGRAMS = Set.of("beach-cli", "beach-bench");

    // A text of less is a name spelled out again.
    private static final int PACKAGE_TEXT_CHARACTERS = 150;

    private static final Pattern PRINTING =
            Pattern.compile("\\bSystem\\s*\\.\\s*(out|err)\\b|\\bprintStackTrace\\s*\\(");
    // Put together here, so that this file obeys its own rule.
    private static final Pattern MARKER = Pattern.compile("\\b(" + "TO" + "DO|FIX" + "ME|X" + "XX|HA" + "CK)\\b");
    private static final Pattern STAR_IMPORT =
            Pattern.compile("(?m)^\\s*import\\s[^;]*\\*\\s*;|^\\s*import\\s+module\\b");

    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:\\s]+)(#[^)]*)?\\)");
    private static final Pattern PAGE_NAMED = Pattern.compile("`([a-z0-9-]+\\.md)`");
    private static final Pattern PAGE_OF_JAVA = Pattern.compile("\\bdocs/[a-z0-9/-]+\\.md\\b");

    private SourceRules() {}

    /** Every package that ships has a package-info with a text that says something, and is null-marked. */
    static List<String> packageTexts(List<SourceFile> files) {
        Set<String> packages = new TreeSet<>();
        for (SourceFile file : files) {
            if (file.isMain() && !file.name().equals("module-info.java")) {
                packages.add(file.directory());
            }
        }
        List<String> violations = new ArrayList<>();
        for (String directory : packages) {
            SourceFile info = null;
            for (SourceFile file : files) {
                if (file.path().equals(directory + "package-info.java")) {
                    info = file;
                }
            }
            if (info == null) {
                violations.add(directory + ": no package-info.java");
                continue;
            }
            if (docText(info.text()).length() < PACKAGE_TEXT_CHARACTERS) {
                violations.add(info.path() + ": says too little: what is here, how to use it, what is not here?");
            }
            if (!info.code().contains("@NullMarked")) {
                violations.add(info.path() + ": not @NullMarked");
            }
        }
        return violations;
    }

    private static String docText(String text) {
        int start = text.indexOf("/**");
        int end = text.indexOf("*/", Math.max(start, 0));
        return start < 0 || end < 0
                ? ""
                : text.substring(start + 3, end).replaceAll("[\\s*]+", " ").strip();
    }

    /** Libraries do not print. */
    static List<String> printing(List<SourceFile> files) {
        List<String> violations = new ArrayList<>();
        for (SourceFile file : files) {
            if (file.isMain() && !PROGRAMS.contains(file.module())) {
                addMatches(violations, file, file.code(), PRINTING, "a library prints");
            }
        }
        return violations;
    }

    /** No loose ends: what is left to do is an issue, and the comment cites it. */
    static List<String> markers(List<SourceFile> files) {
        List<String> violations = new ArrayList<>();
        for (SourceFile file : files) {
            addMatches(violations, file, file.text(), MARKER, "a leftover marker");
        }
        return violations;
    }

    /** Imports name what they import, so that a reader sees what a class leans on. */
    static List<String> starImports(List<SourceFile> files) {
        List<String> violations = new ArrayList<>();
        for (SourceFile file : files) {
            if (file.isJava()) {
                addMatches(violations, file, file.code(), STAR_IMPORT, "an import that does not name a class");
            }
        }
        return violations;
    }

    private static void addMatches(
            List<String> violations, SourceFile file, String text, Pattern pattern, String complaint) {
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            violations.add(file.place(matcher.start()) + ": " + complaint + ": "
                    + matcher.group().strip());
        }
    }

    /**
     * Pages that pages and sources point to are there.
     *
     * @param exists whether the checkout has a file or directory of this path
     */
    static List<String> deadLinks(List<SourceFile> files, Predicate<String> exists) {
        List<String> violations = new ArrayList<>();
        for (SourceFile file : files) {
            if (file.path().endsWith(".md")) {
                deadLinks(file, LINK, 1, file.directory(), exists, violations);
                deadLinks(file, PAGE_NAMED, 1, file.directory(), exists, violations);
            } else if (file.path().endsWith(".java")) {
                deadLinks(file, PAGE_OF_JAVA, 0, "", exists, violations);
            }
        }
        return violations;
    }

    private static void deadLinks(
            SourceFile file, Pattern link, int group, String from, Predicate<String> exists, List<String> violations) {
        Matcher matcher = link.matcher(file.text());
        while (matcher.find()) {
            String target =
                    Path.of(from).resolve(matcher.group(group)).normalize().toString();
            if (!exists.test(target)) {
                violations.add(file.place(matcher.start()) + ": a link to what is not there: " + matcher.group(group));
            }
        }
    }
}
