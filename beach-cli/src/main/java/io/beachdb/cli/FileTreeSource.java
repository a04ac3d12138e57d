package io.beachdb.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Entries from a tree of files: the key is the path below its root, with slashes, the value the content. */
final class FileTreeSource implements EntrySource {
    private final Path root;
    private final long maxValueBytes;
    private final List<Path> files = new ArrayList<>();
    private long totalBytes;
    private int skipped;
    private int at;
    private long position;

    /** Finds all plain files. Links are not followed. */
    FileTreeSource(Path root, long maxValueBytes) throws IOException {
        this.root = root;
        this.maxValueBytes = maxValueBytes;
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile()) {
                    files.add(file);
                    totalBytes += attributes.size();
                } else {
                    skipped++;
                }
                return FileVisitResult.CONTINUE;
            }
        });
        files.sort(null);
    }

    /** Returns the size of all files, as they were found. */
    long totalBytes() {
        return totalBytes;
    }

    /** Returns how many things that are no plain files were left out. */
    int skipped() {
        return skipped;
    }

    @Override
    public @Nullable Entry next() throws IOException {
        if (at == files.size()) {
            return null;
        }
        Path file = files.get(at++);
        long bytes = Files.size(file);
        if (bytes > maxValueBytes) {
            throw new BadInputException(place(), "has " + bytes + " bytes, a value may have up to " + maxValueBytes);
        }
        byte[] content = Files.readAllBytes(file);
        position += content.length;
        return new Entry(key(file), content);
    }

    private byte[] key(Path file) {
        StringBuilder key = new StringBuilder();
        for (Path part : root.relativize(file)) {
            key.append(key.isEmpty() ? "" : "/").append(part);
        }
        return key.toString().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public String place() {
        return files.get(at - 1).toString();
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public void close() {
        // Nothing is open between the calls.
    }
}
