package io.beachdb.cli;

import io.beachdb.dbtestkit.EngineSimulation;
import io.beachdb.dbtestkit.SimulationPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "simulate",
        description = {
            "Plays the engine with several clients on a simulated disk and scheduler: flushes, compactions, timers, slow, full"
                    + " and failing disks, deaths of the process and power cuts. A seed decides everything.",
            "Checks that what was promised is there, that everything which clients saw can have happened in one order, and"
                    + " that snapshots hold. Stops at the first seed that shows otherwise with exit code 1, and makes it short."
        })
final class SimulateCommand extends JudgingCommand {
    private static final Pattern SEEDS = Pattern.compile("(\\d{1,18})\\.\\.(\\d{1,18})");
    private static final long NANOS_PER_MINUTE = 60_000_000_000L;

    @Option(names = "--seeds", paramLabel = "A..B", description = "From seed A to seed B. Default: 1..1000.")
    private @Nullable String seeds;

    @Option(
            names = "--minutes",
            paramLabel = "M",
            description = "Begin no seed after M minutes; without --seeds go on until then. Default: no limit.")
    private @Nullable Double minutes;

    @Option(
            names = "--replay",
            paramLabel = "PLAN",
            description = "Repeat one plan, as a violation names it, and tell what happens.")
    private @Nullable String replay;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    SimulateCommand(Terminal terminal) {
        super(terminal);
    }

    /** A seed, and what it broke. */
    private record Broken(long seed, AssertionError error) {}

    @Override
    int run(Output out) {
        String plan = replay;
        if (plan != null) {
            return repeat(out, plan);
        }
        Double limit = minutes;
        if (limit != null && !(limit > 0 && limit < 1e6)) {
            throw new UsageException("--minutes is " + limit + ", allowed more than 0");
        }
        long first = 1;
        long last = limit == null ? 1000 : Long.MAX_VALUE - 1;
        String range = seeds;
        if (range != null) {
            Matcher matcher = SEEDS.matcher(range);
            if (!matcher.matches() || Long.parseLong(matcher.group(1)) > Long.parseLong(matcher.group(2))) {
                throw new UsageException("--seeds is '" + range + "', a range A..B is wanted, as 1..1000");
            }
            first = Long.parseLong(matcher.group(1));
            last = Long.parseLong(matcher.group(2));
        }
        long start = System.nanoTime();
        long deadline = limit == null ? Long.MAX_VALUE : start + (long) (limit * NANOS_PER_MINUTE);
        AtomicLong next = new AtomicLong(first);
        AtomicLong played = new AtomicLong();
        AtomicLong operations = new AtomicLong();
        Map<EngineSimulation.Event, Long> reached = new ConcurrentHashMap<>();
        AtomicReference<@Nullable Broken> broken = new AtomicReference<>();
        playAll(next, last, deadline, played, operations, reached, broken);
        long seconds = (System.nanoTime() - start) / 1_000_000_000;
        Broken worst = broken.get();
        if (worst != null) {
            return violated(out, worst);
        }
        if (json) {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("firstSeed", first);
            result.put("seeds", played.get());
            result.put("operations", operations.get());
            Map<String, Object> events = new LinkedHashMap<>();
            for (EngineSimulation.Event event : EngineSimulation.Event.values()) {
                events.put(event.title(), reached.getOrDefault(event, 0L));
            }
            result.put("reached", events);
            result.put("seconds", seconds);
            out.line(Json.write(result));
        } else {
            out.format(
                    "%,d seeds from %,d on, %,d operations of clients in %,d s; %s; no violation",
                    played.get(), first, operations.get(), seconds, text(reached));
        }
        return ExitCodes.OK;
    }

    /** Returns how often what happened; also what did not: such a run shows little. */
    private static String text(Map<EngineSimulation.Event, Long> reached) {
        return Arrays.stream(EngineSimulation.Event.values())
                .map(event -> "%s %,d".formatted(event.title(), reached.getOrDefault(event, 0L)))
                .collect(Collectors.joining(", "));
    }

    private static void playAll(
            AtomicLong next,
            long last,
            long deadline,
            AtomicLong played,
            AtomicLong operations,
            Map<EngineSimulation.Event, Long> reached,
            AtomicReference<@Nullable Broken> broken) {
        List<Thread> players = new ArrayList<>();
        for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) {
            players.add(Thread.ofPlatform().daemon().name("player " + i).start(() -> {
                while (broken.get() == null && System.nanoTime() < deadline) {
                    long seed = next.getAndIncrement();
                    if (seed > last) {
                        return;
                    }
                    try {
                        EngineSimulation.Result result = EngineSimulation.run(seed);
                        operations.addAndGet(result.operations());
                        result.reached().forEach((event, times) -> reached.merge(event, times, Long::sum));
                        played.incrementAndGet();
                    } catch (AssertionError e) {
                        broken.compareAndSet(null, new Broken(seed, e));
                    }
                }
            }));
        }
        for (Thread player : players) {
            try {
                player.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while seeds were played", e);
            }
        }
    }

    private int violated(Output out, Broken broken) {
        SimulationPlan shrunk = EngineSimulation.shrink(SimulationPlan.of(broken.seed()));
        List<String> story = new ArrayList<>();
        String message = String.valueOf(broken.error().getMessage());
        try {
            EngineSimulation.play(shrunk, story::add);
        } catch (AssertionError e) {
            message = String.valueOf(e.getMessage());
        }
        if (json) {
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("seed", broken.seed());
            result.put("plan", shrunk.toString());
            result.put("story", story);
            result.put("violation", message);
            out.line(Json.write(result));
            return ExitCodes.FAILED;
        }
        out.line("seed " + broken.seed() + " breaks a promise. The shortest way to it that was found:");
        story.forEach(out::line);
        out.line("broken: " + message);
        out.line("repeat it: beach simulate --replay \"" + shrunk + "\"");
        return ExitCodes.FAILED;
    }

    private static int repeat(Output out, String text) {
        SimulationPlan plan;
        try {
            plan = SimulationPlan.parse(text);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--replay: " + e.getMessage());
        }
        try {
            EngineSimulation.play(plan, out::line);
        } catch (AssertionError broken) {
            out.line("broken: " + broken.getMessage());
            return ExitCodes.FAILED;
        }
        out.line("kept");
        return ExitCodes.OK;
    }
}
