package io.beachdb.dbtestkit;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnitAccess;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.FileWriter;
import java.io.RandomAccessFile;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.Timer;
import java.util.UUID;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Exchanger;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TransferQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.BaseStream;
import org.jspecify.annotations.Nullable;

/**
 * What holds for the classes of the libraries: arrows between modules, and the seams as the only ways to files, waiting,
 * threads, time and chance. Each rule returns its violations, one line each, with file and line.
 */
final class ClassRules {
    /** Whom each package may use, beside itself and the outside world; one entry for each library package. */
    static final Map<String, Set<String>> ARROWS = Map.ofEntries(
            Map.entry("base", Set.of("base.format", "base.memory")),
            Map.entry("base.format", Set.of("base", "base.memory")),
            Map.entry("base.memory", Set.of("base", "base.format")),
            Map.entry("durability", Set.of("base", "base.format", "base.memory")),
            Map.entry("wal", Set.of("base", "base.format", "base.memory", "durability")),
            Map.entry("memtable", Set.of("base", "base.format", "base.memory")),
            Map.entry("sstable", Set.of("base", "base.format", "base.memory", "durability")),
            Map.entry("manifest", Set.of("base", "base.format", "base.memory", "durability")),
            Map.entry("testkit", Set.of("base", "base.format", "base.memory", "durability")),
            Map.entry("", Set.of("base", "base.format", "base.memory", "durability", "db")),
            Map.entry(
                    "db",
                    Set.of(
                            "base",
                            "base.format",
                            "base.memory",
                            "durability",
                            "wal",
                            "memtable",
                            "sstable",
                            "manifest",
                            "")),
            Map.entry(
                    "dbtestkit",
                    Set.of(
                            "base",
                            "base.format",
                            "base.memory",
                            "durability",
                            "wal",
                            "memtable",
                            "sstable",
                            "manifest",
                            "db",
                            "",
                            "testkit")));

    private static final Set<Class<?>> FILE_TYPES = Set.of(
            File.class,
            FileDescriptor.class,
            FileInputStream.class,
            FileOutputStream.class,
            FileReader.class,
            FileWriter.class,
            RandomAccessFile.class,
            AsynchronousFileChannel.class,
            FileChannel.class,
            FileLock.class,
            DirectoryStream.class,
            Files.class,
            FileStore.class,
            FileSystem.class,
            FileSystems.class);

    // What waits whatever its parameters are. (Locks may be taken: the sections that they guard contain no wait.)
    private static final Map<Class<?>, Set<String>> WAITS = Map.ofEntries(
            Map.entry(Thread.class, Set.of("sleep", "join")),
            Map.entry(TimeUnit.class, Set.of("sleep", "timedJoin", "timedWait")),
            Map.entry(Condition.class, Set.of("await", "awaitNanos", "awaitUntil", "awaitUninterruptibly")),
            Map.entry(LockSupport.class, Set.of("park", "parkNanos", "parkUntil")),
            Map.entry(Future.class, Set.of("get")),
            Map.entry(CompletableFuture.class, Set.of("join")),
            Map.entry(CountDownLatch.class, Set.of("await")),
            Map.entry(CyclicBarrier.class, Set.of("await")),
            Map.entry(Phaser.class, Set.of("arriveAndAwaitAdvance", "awaitAdvance", "awaitAdvanceInterruptibly")),
            Map.entry(Exchanger.class, Set.of("exchange")),
            Map.entry(Semaphore.class, Set.of("acquire", "acquireUninterruptibly")),
            Map.entry(BlockingQueue.class, Set.of("put", "take")),
            Map.entry(BlockingDeque.class, Set.of("putFirst", "putLast", "takeFirst", "takeLast")),
            Map.entry(TransferQueue.class, Set.of("transfer")),
            Map.entry(ExecutorService.class, Set.of("awaitTermination", "close", "invokeAll", "invokeAny")),
            Map.entry(Process.class, Set.of("waitFor")));

    // What waits if it is given a time.
    private static final Map<Class<?>, Set<String>> TIMED_WAITS = Map.of(
            BlockingQueue.class, Set.of("offer", "poll"),
            BlockingDeque.class, Set.of("offerFirst", "offerLast", "pollFirst", "pollLast"),
            TransferQueue.class, Set.of("tryTransfer"),
            Semaphore.class, Set.of("tryAcquire"),
            Lock.class, Set.of("tryLock"));

    private static final Map<Class<?>, Set<String>> THREADS = Map.of(
            Thread.class, Set.of("<init>", "ofPlatform", "ofVirtual", "startVirtualThread"),
            Executors.class,
                    Set.of(
                            "newCachedThreadPool",
                            "newFixedThreadPool",
                            "newScheduledThreadPool",
                            "newSingleThreadExecutor",
                            "newSingleThreadScheduledExecutor",
                            "newThreadPerTaskExecutor",
                            "newVirtualThreadPerTaskExecutor",
                            "newWorkStealingPool"),
            ThreadPoolExecutor.class, Set.of("<init>"),
            ForkJoinPool.class, Set.of("<init>", "commonPool"),
            Timer.class, Set.of("<init>"),
            CompletableFuture.class, Set.of("delayedExecutor", "orTimeout", "completeOnTimeout"),
            BaseStream.class, Set.of("parallel"));

    private static final Map<Class<?>, Set<String>> TIME_AND_CHANCE = Map.of(
            System.class, Set.of("currentTimeMillis", "nanoTime"),
            Instant.class, Set.of("now"),
            Math.class, Set.of("random"),
            SecureRandom.class, Set.of("<init>"),
            ThreadLocalRandom.class, Set.of("current"),
            UUID.class, Set.of("randomUUID"));

    private ClassRules() {}

    /**
     * Each package uses only those that {@link #ARROWS} allows it.
     *
     * @param root package that the names in the arrows are relative to
     */
    static List<String> arrows(JavaClasses classes, String root) {
        List<String> violations = new ArrayList<>();
        for (JavaClass origin : classes) {
            String from = within(root, origin.getPackageName());
            Set<String> allowed = from == null ? null : ARROWS.get(from);
            if (allowed == null) {
                violations.add(origin.getName() + " lives in a package that has no arrows");
                continue;
            }
            for (Dependency dependency : origin.getDirectDependenciesFromSelf()) {
                String to = within(
                        root, dependency.getTargetClass().getBaseComponentType().getPackageName());
                if (to != null && !to.equals(from) && !allowed.contains(to)) {
                    violations.add(dependency.getDescription());
                }
            }
        }
        return violations;
    }

    /** Returns the rest of {@code name} after {@code root}, or null if it lies elsewhere. */
    private static @Nullable String within(String root, String name) {
        if (name.equals(root)) {
            return "";
        }
        return name.startsWith(root + ".") ? name.substring(root.length() + 1) : null;
    }

    /** No two packages use each other, not even in a circle; {@code together} are taken as one. */
    static List<String> cycles(JavaClasses classes, Set<String> together) {
        SliceAssignment packages = new SliceAssignment() {
            @Override
            public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
                String name = javaClass.getPackageName();
                return SliceIdentifier.of(together.contains(name) ? together.toString() : name);
            }

            @Override
            public String getDescription() {
                return "packages";
            }
        };
        return slices().assignedFrom(packages)
                .should()
                .beFreeOfCycles()
                .evaluate(classes)
                .getFailureReport()
                .getDetails();
    }

    /** Files are opened, made, renamed and deleted through the file seam only. */
    static List<String> files(JavaClasses classes, Set<String> exemptPackagesAndClasses) {
        List<String> violations = new ArrayList<>();
        for (JavaClass origin : classes) {
            if (exemptPackagesAndClasses.contains(origin.getPackageName())
                    || exemptPackagesAndClasses.contains(outermost(origin))) {
                continue;
            }
            for (Dependency dependency : origin.getDirectDependenciesFromSelf()) {
                for (Class<?> type : FILE_TYPES) {
                    if (dependency.getTargetClass().getBaseComponentType().isEquivalentTo(type)) {
                        violations.add(dependency.getDescription());
                    }
                }
            }
        }
        return violations;
    }

    /** Nothing waits except through the scheduler. */
    static List<String> waits(JavaClasses classes, Set<String> exemptClasses) {
        List<String> violations = calls(classes, exemptClasses, WAITS);
        for (JavaCodeUnitAccess<?> access : accesses(classes, exemptClasses)) {
            List<JavaClass> parameters = access.getTarget().getRawParameterTypes();
            boolean timed = !parameters.isEmpty() && parameters.getLast().isEquivalentTo(TimeUnit.class);
            boolean monitorWait =
                    access.getName().equals("wait") && access.getTargetOwner().isEquivalentTo(Object.class);
            if (monitorWait || (timed && isOneOf(access, TIMED_WAITS))) {
                violations.add(access.getDescription());
            }
        }
        return violations;
    }

    /** Nothing makes threads except the scheduler. */
    static List<String> threads(JavaClasses classes, Set<String> exemptClasses) {
        List<String> violations = calls(classes, exemptClasses, THREADS);
        for (JavaCodeUnitAccess<?> access : accesses(classes, exemptClasses)) {
            // Without an executor they run on the pool that all of the process shares.
            boolean async = access.getName().endsWith("Async")
                    && access.getTargetOwner().isAssignableTo(CompletableFuture.class)
                    && access.getTarget().getRawParameterTypes().size() < 2;
            if (async || access.getName().equals("parallelStream")) {
                violations.add(access.getDescription());
            }
        }
        return violations;
    }

    /** Time and chance come from the seams, so that a seed decides them. */
    static List<String> timeAndChance(JavaClasses classes, Set<String> exemptClasses) {
        List<String> violations = calls(classes, exemptClasses, TIME_AND_CHANCE);
        for (JavaCodeUnitAccess<?> access : accesses(classes, exemptClasses)) {
            JavaClass owner = access.getTargetOwner();
            boolean random = owner.isEquivalentTo(Random.class) || owner.isEquivalentTo(SplittableRandom.class);
            boolean unseeded = access.getTarget().getRawParameterTypes().isEmpty();
            if (random && unseeded && access.getName().equals("<init>")) {
                violations.add(access.getDescription());
            }
        }
        return violations;
    }

    private static List<String> calls(
            JavaClasses classes, Set<String> exemptClasses, Map<Class<?>, Set<String>> forbidden) {
        List<String> violations = new ArrayList<>();
        for (JavaCodeUnitAccess<?> access : accesses(classes, exemptClasses)) {
            if (isOneOf(access, forbidden)) {
                violations.add(access.getDescription());
            }
        }
        return violations;
    }

    /** Returns the calls and method references in the classes that are not exempt. */
    private static List<JavaCodeUnitAccess<?>> accesses(JavaClasses classes, Set<String> exemptClasses) {
        List<JavaCodeUnitAccess<?>> accesses = new ArrayList<>();
        for (JavaClass origin : classes) {
            if (!exemptClasses.contains(outermost(origin))) {
                for (JavaAccess<?> access : origin.getAccessesFromSelf()) {
                    if (access instanceof JavaCodeUnitAccess<?> codeUnitAccess) {
                        accesses.add(codeUnitAccess);
                    }
                }
            }
        }
        return accesses;
    }

    private static boolean isOneOf(JavaAccess<?> access, Map<Class<?>, Set<String>> methods) {
        for (Map.Entry<Class<?>, Set<String>> entry : methods.entrySet()) {
            if (entry.getValue().contains(access.getName())
                    && access.getTargetOwner().isAssignableTo(entry.getKey())) {
                return true;
            }
        }
        return false;
    }

    private static String outermost(JavaClass javaClass) {
        String name = javaClass.getName();
        int dollar = name.indexOf('$');
        return dollar < 0 ? name : name.substring(0, dollar);
    }
}
