import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes what a fuzz target's {@code seeds()} returns into a directory, for {@code scripts/fuzz}. */
final class FuzzSeeds {
    private FuzzSeeds() {}

    public static void main(String[] args) throws Exception {
        List<?> seeds = (List<?>) Class.forName(args[0]).getMethod("seeds").invoke(null);
        for (int i = 0; i < seeds.size(); i++) {
            Files.write(Path.of(args[1], "seed-" + i), (byte[]) seeds.get(i));
        }
        System.exit(0);
    }
}
