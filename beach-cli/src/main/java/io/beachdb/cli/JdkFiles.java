package io.beachdb.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Real data that every machine has: all files of the running JDK's own image, tens of thousands, in the order of their
 * keys. The key is the path within the image, the value the content.
 */
final class JdkFiles {
    private static final String ROOT = "/modules";

    private final List<JdkFile> files = new ArrayList<>();

    /** A file of the image. */
    record JdkFile(Path path, byte[] key) {
        byte[] content() {
            try {
                return Files.readAllBytes(path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        String name() {
            return path.toString();
        }
    }

    /**
     * Finds them.
     *
     * @param most if there are more, only every so many-th is taken
     */
    JdkFiles(int most) throws IOException {
        FileSystem image = FileSystems.getFileSystem(URI.create("jrt:/"));
        List<Path> paths;
        try (Stream<Path> all = Files.walk(image.getPath(ROOT))) {
            paths = all.filter(Files::isRegularFile).toList();
        }
        int step = Math.max(1, paths.size() / most);
        for (int i = 0; i < paths.size(); i += step) {
            Path path = paths.get(i);
            files.add(new JdkFile(path, path.toString().getBytes(StandardCharsets.UTF_8)));
        }
        files.sort((a, b) -> Arrays.compareUnsigned(a.key, b.key));
    }

    List<JdkFile> all() {
        return files;
    }

    /** Returns those of one module, in order. */
    List<JdkFile> ofModule(String module) {
        String prefix = prefix(module);
        return files.stream().filter(file -> file.name().startsWith(prefix)).toList();
    }

    static String prefix(String module) {
        return ROOT + "/" + module + "/";
    }
}
