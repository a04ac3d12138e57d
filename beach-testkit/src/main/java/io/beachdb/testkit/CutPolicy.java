package io.beachdb.testkit;

import io.beachdb.testkit.CutDecision.Event;
import io.beachdb.testkit.CutDecision.FileSize;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Chooses what survives a power cut. Its text names it, so that a failing case can be repeated. */
@FunctionalInterface
public interface CutPolicy {

    /** Marks what survives; at first nothing does. */
    void decide(CutDecision decision);

    /** Nothing survives that was not synced. */
    static CutPolicy none() {
        return named("none", decision -> {});
    }

    /** Everything survives. */
    static CutPolicy all() {
        return named("all", decision -> decision.events().forEach(Event::keep));
    }

    /** All names survive, no bytes, and sizes are those on disk: new files are empty. */
    static CutPolicy namesOnly() {
        return named("namesOnly", CutPolicy::keepNames);
    }

    /** All names and sizes survive, no bytes: new files are full of zeros. What delayed allocation leaves. */
    static CutPolicy namesWithoutData() {
        return named("namesWithoutData", decision -> {
            keepNames(decision);
            keepSizes(decision);
        });
    }

    /** All names and sizes survive, no bytes: new files are full of garbage. What file systems leave that save sizes first. */
    static CutPolicy namesWithGarbage(long seed) {
        return named("namesWithGarbage(" + seed + ")", decision -> {
            keepNames(decision);
            keepSizes(decision);
            garble(decision, seed);
        });
    }

    /** All bytes survive, no names. */
    static CutPolicy dataOnly() {
        return named(
                "dataOnly",
                decision -> decision.events().stream().filter(e -> !e.isName()).forEach(Event::keep));
    }

    /** The first {@code count} pending changes survive, as on a disk that writes in order. */
    static CutPolicy prefixOfEverything(int count) {
        return named(
                "prefixOfEverything(" + count + ")",
                decision -> decision.events().stream().limit(count).forEach(Event::keep));
    }

    /** The first {@code count} pending changes of names survive, and all bytes. */
    static CutPolicy prefixOfNames(int count) {
        return named("prefixOfNames(" + count + ")", decision -> {
            decision.events().stream().filter(e -> !e.isName()).forEach(Event::keep);
            decision.events().stream().filter(Event::isName).limit(count).forEach(Event::keep);
        });
    }

    /** All survive but the pending change at {@code index}, from 0. */
    static CutPolicy allButOne(int index) {
        return named("allButOne(" + index + ")", decision -> {
            decision.events().forEach(Event::keep);
            if (index < decision.events().size()) {
                decision.events().get(index).lose();
            }
        });
    }

    /** All survive but the pending changes at these indices, from 0. */
    static CutPolicy losing(Collection<Integer> indices) {
        Set<Integer> lost = Set.copyOf(indices);
        String text = indices.stream().sorted().map(String::valueOf).collect(Collectors.joining(","));
        return named("losing(" + text + ")", decision -> {
            for (int i = 0; i < decision.events().size(); i++) {
                if (!lost.contains(i)) {
                    decision.events().get(i).keep();
                }
            }
        });
    }

    /** Of the first 63 pending changes survive those whose bit is set; the rest is lost. */
    static CutPolicy subset(long bits) {
        return named("subset(0x" + Long.toHexString(bits) + ")", decision -> {
            for (int i = 0; i < Math.min(Long.SIZE - 1, decision.events().size()); i++) {
                if ((bits >>> i & 1) != 0) {
                    decision.events().get(i).keep();
                }
            }
        });
    }

    /** What {@link #names} does with bytes. */
    enum Data {
        /** No bytes, and sizes are those on disk. */
        LOST,
        /** All bytes. */
        KEPT,
        /** No bytes, but sizes: zeros. */
        ZEROS,
        /** No bytes, but sizes: garbage of the seed. */
        GARBAGE,
        /** Any sectors and sizes: the seed chooses. */
        TORN
    }

    /** Of the first 63 pending changes of names survive those whose bit is set; of the bytes, what {@code data} says. */
    static CutPolicy names(long bits, Data data, long seed) {
        return named("names(0x" + Long.toHexString(bits) + "," + data + "," + seed + ")", decision -> {
            if (data == Data.TORN) {
                decideRandomly(decision, new SimulatedRandom(seed));
            }
            int index = 0;
            for (Event event : decision.events()) {
                if (event.isName()) {
                    boolean kept = index < Long.SIZE - 1 && (bits >>> index++ & 1) != 0;
                    if (kept) {
                        event.keep();
                    } else {
                        event.lose();
                    }
                } else if (data == Data.KEPT) {
                    event.keep();
                }
            }
            if (data == Data.ZEROS || data == Data.GARBAGE) {
                keepSizes(decision);
            }
            if (data == Data.GARBAGE) {
                garble(decision, seed);
            }
        });
    }

    /** The seed chooses: how much survives at all, each change, the sectors of torn writes, the sizes, zeros or garbage. */
    static CutPolicy random(long seed) {
        return named("random(" + seed + ")", decision -> decideRandomly(decision, new SimulatedRandom(seed)));
    }

    /** As {@link #exploring(SimulatedDisk, int, int, int, long)}, with one limit for changes of names and for all. */
    static List<CutPolicy> exploring(SimulatedDisk disk, int exhaustive, int samples, long seed) {
        return exploring(disk, exhaustive, exhaustive, samples, seed);
    }

    /**
     * Returns the policies worth trying on what is pending on {@code disk} now: the named ones; every subset, where at most
     * {@code exhaustive} changes are pending; else every subset of the names with bytes of all sorts, where at most
     * {@code exhaustiveNames} are, and beyond each name lost alone and each prefix of the names; changes of bytes lost alone and
     * prefixes of everything, {@code samples} of each or a few more; and {@code samples} random ones.
     *
     * @param exhaustive 0 to 16
     * @param exhaustiveNames 0 to 16
     */
    static List<CutPolicy> exploring(SimulatedDisk disk, int exhaustive, int exhaustiveNames, int samples, long seed) {
        checkLimit("exhaustive", exhaustive);
        checkLimit("exhaustiveNames", exhaustiveNames);
        List<Boolean> pending = disk.pendingAreNames();
        List<CutPolicy> policies = new ArrayList<>(List.of(none()));
        if (pending.isEmpty()) {
            return policies;
        }
        // Garbage is the same at each moment, so that states are; the random ones have theirs.
        policies.addAll(List.of(all(), namesOnly(), namesWithoutData(), namesWithGarbage(0), dataOnly()));
        if (pending.size() <= exhaustive) {
            for (long bits = 1; bits < (1L << pending.size()) - 1; bits++) {
                policies.add(subset(bits));
            }
        } else {
            addNames(policies, pending, exhaustiveNames, seed);
            addBytes(policies, pending, samples);
        }
        for (int i = 0; i < samples; i++) {
            policies.add(random(seed + i));
        }
        return policies;
    }

    private static void checkLimit(String name, int value) {
        if (value < 0 || value > 16) {
            throw new IllegalArgumentException(name + " is " + value + ", allowed 0 to 16");
        }
    }

    private static void addNames(List<CutPolicy> policies, List<Boolean> pending, int exhaustiveNames, long seed) {
        int names = (int) pending.stream().filter(isName -> isName).count();
        if (names > 0 && names <= exhaustiveNames) {
            for (long bits = 0; bits < 1L << names; bits++) {
                for (Data data : Data.values()) {
                    policies.add(names(bits, data, data == Data.TORN ? seed + bits : 0));
                }
            }
            return; // among them are the following
        }
        for (int i = 0; i < pending.size(); i++) {
            if (pending.get(i)) {
                policies.add(allButOne(i)); // each: the one that matters may be any
            }
        }
        for (int count = 1; count < names; count++) {
            policies.add(prefixOfNames(count));
        }
    }

    /** A choice, because a log that was not synced for long may have thousands. */
    private static void addBytes(List<CutPolicy> policies, List<Boolean> pending, int samples) {
        int step = Math.max(1, pending.size() / Math.max(1, samples));
        for (int i = 0; i < pending.size(); i += step) {
            policies.add(prefixOfEverything(i));
        }
        int bytes = (int) pending.stream().filter(isName -> !isName).count();
        int bytesStep = Math.max(1, bytes / Math.max(1, samples));
        int seen = 0;
        for (int i = 0; i < pending.size(); i++) {
            if (!pending.get(i) && seen++ % bytesStep == 0) {
                policies.add(allButOne(i));
            }
        }
    }

    private static void keepNames(CutDecision decision) {
        decision.events().stream().filter(Event::isName).forEach(Event::keep);
    }

    private static void keepSizes(CutDecision decision) {
        decision.sizes().forEach(size -> size.choose(size.currentBytes()));
    }

    private static void garble(CutDecision decision, long seed) {
        decision.events().forEach(event -> event.garble(seed));
    }

    private static void decideRandomly(CutDecision decision, SimulatedRandom random) {
        int[] percents = {0, 20, 50, 80, 100};
        int names = percents[random.nextInt(percents.length)];
        int data = percents[random.nextInt(percents.length)];
        int torn = percents[random.nextInt(percents.length)];
        int resized = percents[random.nextInt(percents.length)];
        for (Event event : decision.events()) {
            if (event.isName() ? random.chance(names) : random.chance(data)) {
                event.keep();
            } else if (!event.isName() && random.chance(torn)) {
                event.keepSectors(randomSectors(event.pieces(), random));
            }
        }
        for (FileSize size : decision.sizes()) {
            if (random.chance(resized)) {
                size.choose(randomSize(size, random));
            }
        }
        if (random.chance(50)) {
            garble(decision, random.nextLong());
        }
    }

    /** Pages are written whole or not at all, but for one, which is torn. */
    private static byte[] randomSectors(int pieces, SimulatedRandom random) {
        byte[] sectors = new byte[pieces];
        for (int i = 0; i < pieces; i++) {
            sectors[i] = (byte) (random.chance(50) ? 0xFF : 0);
        }
        sectors[random.nextInt(pieces)] = (byte) random.nextInt(256);
        return sectors;
    }

    private static long randomSize(FileSize size, SimulatedRandom random) {
        long low = Math.min(size.durableBytes(), size.currentBytes());
        long high = Math.max(size.durableBytes(), size.currentBytes());
        return switch (random.nextInt(3)) {
            case 0 -> low;
            case 1 -> high;
            default -> random.between(low, high);
        };
    }

    /**
     * Returns the policy whose text this is.
     *
     * @throws IllegalArgumentException if it is the text of none
     */
    static CutPolicy parse(String text) {
        int open = text.indexOf('(');
        String name = open < 0 ? text : text.substring(0, open);
        String[] values = open < 0 || !text.endsWith(")")
                ? new String[0]
                : text.substring(open + 1, text.length() - 1).split(",");
        if (name.equals("losing")) {
            return losing(Stream.of(values)
                    .filter(value -> !value.isEmpty())
                    .map(Integer::valueOf)
                    .toList());
        }
        return switch (name + values.length) {
            case "none0" -> none();
            case "all0" -> all();
            case "namesOnly0" -> namesOnly();
            case "namesWithoutData0" -> namesWithoutData();
            case "namesWithGarbage1" -> namesWithGarbage(Long.parseLong(values[0]));
            case "dataOnly0" -> dataOnly();
            case "prefixOfEverything1" -> prefixOfEverything(Integer.parseInt(values[0]));
            case "prefixOfNames1" -> prefixOfNames(Integer.parseInt(values[0]));
            case "allButOne1" -> allButOne(Integer.parseInt(values[0]));
            case "subset1" -> subset(Long.decode(values[0]));
            case "random1" -> random(Long.parseLong(values[0]));
            case "names3" -> names(Long.decode(values[0]), Data.valueOf(values[1]), Long.parseLong(values[2]));
            default -> throw new IllegalArgumentException("no policy of a power cut is called " + text);
        };
    }

    private static CutPolicy named(String name, Consumer<CutDecision> choice) {
        return new CutPolicy() {
            @Override
            public void decide(CutDecision decision) {
                choice.accept(decision);
            }

            @Override
            public String toString() {
                return name;
            }
        };
    }
}
