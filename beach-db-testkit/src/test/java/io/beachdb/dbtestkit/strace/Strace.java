package io.beachdb.dbtestkit.strace;

import io.beachdb.dbtestkit.strace.FileCall.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a program under strace, and reads what it did to the files below a directory. */
final class Strace {
    private static final String CALLS =
            "trace=openat,open,creat,write,pwrite64,pwritev,pwritev2,writev,lseek,truncate,ftruncate,"
                    + "fallocate,fsync,fdatasync,sync_file_range,syncfs,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,"
                    + "mkdirat,link,linkat,symlink,symlinkat,msync,mmap";
    // -y: descriptors with their paths. -s 0: no bytes of what is written. The filter stops at no other call: faster.
    private static final List<String> COMMAND =
            List.of("strace", "-f", "-y", "-s", "0", "-e", "signal=none", "--seccomp-bpf", "-e", CALLS);

    private static final Pattern LINE = Pattern.compile("(\\d+) +(.*)");
    private static final Pattern UNFINISHED = Pattern.compile("(.*?) *<unfinished \\.\\.\\.>");
    private static final Pattern RESUMED = Pattern.compile("<\\.\\.\\. \\w+ resumed>(.*)");
    private static final Pattern CALL = Pattern.compile("(\\w+)\\((.*)\\) += (0x[0-9a-f]+|\\d+)(<.*)?");
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]*)\"");
    private static final Pattern DESCRIPTOR = Pattern.compile("(\\d+)<([^>]*)>");

    private final String root;
    private final List<FileCall> calls = new ArrayList<>();

    private record Begun(String text, int after) {}

    private final Map<String, Begun> unfinished = new HashMap<>(); // by thread
    private final Map<String, Long> positions = new HashMap<>(); // by descriptor
    private final Set<String> created = new HashSet<>(); // what an open that may create finds there
    private int begun; // of the call at hand: how many had ended

    private Strace(Path root) {
        this.root = root.toString();
    }

    /** Returns whether it runs here: it is installed, and may trace. */
    static boolean runs(Path output) throws IOException, InterruptedException {
        try {
            return run(List.of("true"), output) == 0;
        } catch (IOException e) {
            return false; // there is none
        }
    }

    /** Returns the exit code. */
    static int run(List<String> program, Path output) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(COMMAND);
        command.addAll(List.of("-o", output.toString()));
        command.addAll(program);
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(Path.of(output + ".out").toFile())
                .start();
        if (!process.waitFor(5, TimeUnit.MINUTES)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            throw new IOException("a program under strace came to no end: " + program);
        }
        return process.exitValue();
    }

    /** Returns the calls that had success, in the order of their ends. */
    static List<FileCall> read(Path output, Path root) throws IOException {
        Strace trace = new Strace(root);
        for (String line : Files.readAllLines(output)) {
            trace.line(line);
        }
        return trace.calls;
    }

    private void line(String line) {
        Matcher words = LINE.matcher(line);
        if (!words.matches()) {
            throw new IllegalArgumentException("strace printed '" + line + "'");
        }
        String thread = words.group(1);
        String text = words.group(2);
        Matcher cut = UNFINISHED.matcher(text);
        Matcher resumed = RESUMED.matcher(text);
        if (cut.matches()) {
            unfinished.put(thread, new Begun(cut.group(1), calls.size()));
            return;
        }
        begun = calls.size();
        if (resumed.matches()) {
            Begun before = Objects.requireNonNull(unfinished.remove(thread), line);
            text = before.text + resumed.group(1);
            begun = before.after;
        }
        Matcher call = CALL.matcher(text);
        if (call.matches()) { // else it failed, or is no call
            call(call.group(1), call.group(2), call.group(3));
        }
    }

    private void call(String name, String arguments, String result) {
        switch (name) {
            case "openat", "open", "creat" -> opened(name, arguments, result);
            case "mkdir", "mkdirat" -> named(Kind.MAKE_DIRECTORY, arguments);
            case "unlink", "unlinkat", "rmdir" -> named(Kind.DELETE, arguments);
            case "rename", "renameat", "renameat2" -> named(Kind.RENAME, arguments);
            case "link", "linkat" -> named(Kind.LINK, arguments);
            case "symlink", "symlinkat", "truncate" -> named(Kind.FOREIGN, arguments);
            case "mmap" -> {
                if (arguments.contains("MAP_SHARED")) {
                    onDescriptor(name, arguments, result);
                }
            }
            case "msync" -> note(Kind.FOREIGN, "msync of " + arguments, "", 0, 0); // of which file, it does not say
            default -> onDescriptor(name, arguments, result);
        }
    }

    private void opened(String name, String arguments, String result) {
        positions.put(result, 0L);
        List<String> paths = paths(arguments);
        boolean creates = name.equals("creat") || arguments.contains("O_CREAT");
        if (!paths.isEmpty() && creates && created.add(paths.getFirst())) {
            add(Kind.CREATE, paths.getFirst(), "", 0, 0);
        }
        if (arguments.contains("O_TRUNC") && !paths.isEmpty()) {
            add(Kind.FOREIGN, paths.getFirst(), "", 0, 0);
        }
    }

    private void named(Kind kind, String arguments) {
        List<String> paths = paths(arguments);
        if (paths.isEmpty()) {
            return;
        }
        String other = paths.size() > 1 ? paths.get(1) : "";
        if (kind == Kind.DELETE || kind == Kind.RENAME) {
            created.remove(paths.getFirst());
        }
        if (!other.isEmpty()) {
            created.add(other);
        }
        add(kind, paths.getFirst(), other, 0, 0);
    }

    private void onDescriptor(String name, String arguments, String result) {
        Matcher descriptor = DESCRIPTOR.matcher(arguments);
        if (!descriptor.find()) {
            return;
        }
        String number = descriptor.group(1);
        String path = descriptor.group(2);
        String[] words = arguments.split(", ");
        switch (name) {
            case "lseek" -> positions.put(number, Long.parseLong(result));
            case "write" -> {
                long length = Long.parseLong(result);
                long from = positions.merge(number, length, Long::sum) - length;
                add(Kind.WRITE, path, "", from, length);
            }
            case "pwrite64" ->
                add(Kind.WRITE, path, "", Long.parseLong(words[words.length - 1]), Long.parseLong(result));
            case "fallocate" -> add(Kind.WRITE, path, "", Long.parseLong(words[2]), Long.parseLong(words[3]));
            case "ftruncate" -> add(Kind.CUT, path, "", Long.parseLong(words[1]), 0);
            case "fsync" -> add(Kind.SYNC, path, "", 0, 0);
            case "fdatasync" -> add(Kind.DATA_SYNC, path, "", 0, 0);
            case "mmap" -> add(Kind.MAP, path, "", Long.parseLong(words[1]), 0);
            default -> add(Kind.FOREIGN, path, name, 0, 0);
        }
    }

    private static List<String> paths(String arguments) {
        return QUOTED.matcher(arguments).results().map(found -> found.group(1)).toList();
    }

    private void add(Kind kind, String path, String other, long offset, long length) {
        if (path.equals(root) || path.startsWith(root + "/")) {
            note(kind, path, other, offset, length);
        }
    }

    private void note(Kind kind, String path, String other, long offset, long length) {
        calls.add(new FileCall(kind, path, other, offset, length, begun, calls.size()));
    }
}
