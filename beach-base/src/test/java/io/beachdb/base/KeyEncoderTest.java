package io.beachdb.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KeyEncoderTest {
    private static final long SEED = 20261122;

    /** An encoder, the order its values have, the values that matter, and more by chance. */
    record Case<T>(
            String name,
            KeyEncoder<T> encoder,
            Comparator<T> order,
            List<T> special,
            Function<SplittableRandom, T> random) {
        Case<T> descending() {
            return new Case<>(name + " descending", encoder.descending(), order.reversed(), special, random);
        }

        List<T> values() {
            List<T> values = new ArrayList<>(special);
            SplittableRandom source = new SplittableRandom(SEED);
            for (int i = 0; i < 300; i++) {
                values.add(random.apply(source));
            }
            return values;
        }

        @Override
        public String toString() {
            return name + ", seed " + SEED;
        }
    }

    static final Comparator<String> BY_CODE_POINT =
            (a, b) -> Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray());
    static final Comparator<UUID> UUID_UNSIGNED = Comparator.comparing(
                    UUID::getMostSignificantBits, Long::compareUnsigned)
            .thenComparing(UUID::getLeastSignificantBits, Long::compareUnsigned);

    static final Case<Integer> INTS = new Case<>(
            "INT",
            KeyEncoder.INT,
            Comparator.naturalOrder(),
            List.of(Integer.MIN_VALUE, -1, 0, 1, 255, 256, Integer.MAX_VALUE),
            random -> random.nextInt() >> random.nextInt(32));
    static final Case<Long> LONGS = new Case<>(
            "LONG",
            KeyEncoder.LONG,
            Comparator.naturalOrder(),
            List.of(Long.MIN_VALUE, -1L, 0L, 1L, 1L << 32, Long.MAX_VALUE),
            random -> random.nextLong() >> random.nextInt(64));
    static final Case<String> STRINGS = new Case<>(
            "STRING",
            KeyEncoder.STRING,
            BY_CODE_POINT,
            List.of(
                    "",
                    "\0",
                    "\0\0",
                    "\0\1",
                    "\1",
                    "a",
                    "a\0",
                    "a\0b",
                    "ab",
                    "b",
                    "\u007F",
                    "\u0080",
                    "\uFFFF",
                    "\uD83C\uDFD6"),
            KeyEncoderTest::randomString);
    static final Case<byte[]> BYTES = new Case<>(
            "BYTES",
            KeyEncoder.BYTES,
            Arrays::compareUnsigned,
            List.of(
                    bytes(""),
                    bytes("00"),
                    bytes("0000"),
                    bytes("0001"),
                    bytes("00ff"),
                    bytes("01"),
                    bytes("ff"),
                    bytes("ff00")),
            KeyEncoderTest::randomBytes);
    static final Case<Double> DOUBLES = new Case<>(
            "DOUBLE",
            KeyEncoder.DOUBLE,
            Double::compare,
            List.of(
                    Double.NEGATIVE_INFINITY,
                    -Double.MAX_VALUE,
                    -1.0,
                    -Double.MIN_VALUE,
                    -0.0,
                    0.0,
                    Double.MIN_VALUE,
                    1.0,
                    Double.MAX_VALUE,
                    Double.POSITIVE_INFINITY,
                    Double.NaN,
                    Double.longBitsToDouble(0xFFF0000000000001L)),
            random -> Double.longBitsToDouble(random.nextLong()));

    static Stream<Case<?>> cases() {
        List<Case<?>> plain = List.of(
                INTS,
                LONGS,
                STRINGS,
                BYTES,
                DOUBLES,
                new Case<>(
                        "UNSIGNED_INT",
                        KeyEncoder.UNSIGNED_INT,
                        Integer::compareUnsigned,
                        List.of(0, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, -1),
                        random -> random.nextInt() >>> random.nextInt(32)),
                new Case<>(
                        "UNSIGNED_LONG",
                        KeyEncoder.UNSIGNED_LONG,
                        Long::compareUnsigned,
                        List.of(0L, 1L, Long.MAX_VALUE, Long.MIN_VALUE, -1L),
                        random -> random.nextLong() >>> random.nextInt(64)),
                new Case<>(
                        "FLOAT",
                        KeyEncoder.FLOAT,
                        Float::compare,
                        List.of(
                                Float.NEGATIVE_INFINITY,
                                -1f,
                                -Float.MIN_VALUE,
                                -0f,
                                0f,
                                Float.MIN_VALUE,
                                1f,
                                Float.POSITIVE_INFINITY,
                                Float.NaN),
                        random -> Float.intBitsToFloat(random.nextInt())),
                new Case<>(
                        "BOOLEAN",
                        KeyEncoder.BOOLEAN,
                        Boolean::compare,
                        List.of(false, true),
                        SplittableRandom::nextBoolean),
                new Case<>(
                        "UUID",
                        KeyEncoder.UUID,
                        UUID_UNSIGNED,
                        List.of(new UUID(0, 0), new UUID(0, -1), new UUID(-1, 0), new UUID(Long.MIN_VALUE, 1)),
                        random -> new UUID(random.nextLong(), random.nextLong())),
                tupleOf("tuple of STRING, LONG", STRINGS, LONGS),
                tupleOf("tuple of BYTES, BYTES", BYTES, BYTES),
                tupleOf(
                        "tuple of STRING descending, BYTES, INT descending",
                        STRINGS.descending(),
                        BYTES,
                        INTS.descending()),
                tupleOf("tuple of a tuple and STRING", tupleOf("inner", STRINGS, BYTES.descending()), STRINGS),
                tupleOf(
                        "tuple of a tuple descending and DOUBLE",
                        tupleOf("inner", BYTES, STRINGS).descending(),
                        DOUBLES));
        return plain.stream().flatMap(one -> Stream.of(one, one.descending()));
    }

    @SuppressWarnings("unchecked") // each part's values come from the part's own case
    private static Case<List<Object>> tupleOf(String name, Case<?>... parts) {
        Comparator<List<Object>> order = (a, b) -> {
            for (int i = 0; i < parts.length; i++) {
                int each = ((Comparator<Object>) parts[i].order).compare(a.get(i), b.get(i));
                if (each != 0) {
                    return each;
                }
            }
            return 0;
        };
        KeyEncoder<List<Object>> encoder =
                KeyEncoder.tuple(Stream.of(parts).map(Case::encoder).toArray(KeyEncoder<?>[]::new));
        // Few values per part, so that equal first parts are common.
        List<List<?>> choices = Stream.of(parts)
                .<List<?>>map(part -> part.values().subList(0, 14))
                .toList();
        return new Case<>(name, encoder, order, List.of(), random -> {
            List<Object> values = new ArrayList<>();
            for (List<?> choice : choices) {
                values.add(choice.get(random.nextInt(choice.size())));
            }
            return values;
        });
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    private static byte[] randomBytes(SplittableRandom random) {
        byte[] bytes = new byte[random.nextInt(12)];
        random.nextBytes(bytes);
        for (int i = 0; i < bytes.length; i++) {
            // Many zeros and their neighbours: what the escape is about.
            bytes[i] = random.nextInt(3) == 0 ? (byte) (random.nextInt(3) - 1) : bytes[i];
        }
        return bytes;
    }

    private static String randomString(SplittableRandom random) {
        int[] limits = {3, 0x80, 0x800, 0xD800, Character.MAX_CODE_POINT + 1};
        int[] points = random.ints(random.nextInt(10))
                .map(any -> Math.floorMod(any, limits[random.nextInt(limits.length)]))
                .map(point -> point >= 0xD800 && point < 0xE000 ? point - 0x800 : point)
                .toArray();
        return new String(points, 0, points.length);
    }

    @ParameterizedTest
    @MethodSource("cases")
    <T> void encode_anyTwoValues_orderOfBytesIsOrderOfValues(Case<T> each) {
        List<T> values = each.values();
        List<byte[]> keys = values.stream().map(each.encoder()::encode).toList();
        for (int i = 0; i < keys.size(); i++) {
            for (int j = 0; j < keys.size(); j++) {
                int ofBytes = Integer.signum(Arrays.compareUnsigned(keys.get(i), keys.get(j)));
                int ofValues = Integer.signum(each.order().compare(values.get(i), values.get(j)));
                if (ofBytes != ofValues) {
                    fail("%s: %s against %s is %d by bytes", each, values.get(i), values.get(j), ofBytes);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <T> void decode_whatWasEncoded_isTheValue(Case<T> each) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(1 << 12);
            for (T value : each.values()) {
                byte[] key = each.encoder().encode(value);
                assertThat(each.order().compare(each.encoder().decode(key), value))
                        .as(each.name())
                        .isZero();
                assertThat(each.encoder().encodedLength(value)).isEqualTo(key.length);
                assertThat(each.encoder().encode(value, memory, 7)).isEqualTo(7 + key.length);
                byte[] copy = memory.asSlice(7, key.length).toArray(ValueLayout.JAVA_BYTE);
                assertThat(copy).as(each.name()).isEqualTo(key);
                assertThat(each.order().compare(each.encoder().decode(memory, 7, key.length), value))
                        .isZero();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <T> void decode_cutOrExtendedOrDamagedKeys_areRefusedOrAnotherValue(Case<T> each) {
        SplittableRandom random = new SplittableRandom(SEED);
        for (T value : each.values()) {
            byte[] key = each.encoder().encode(value);
            byte[] other = Arrays.copyOf(key, Math.max(0, key.length + random.nextInt(5) - 2));
            if (other.length > 0) {
                other[random.nextInt(other.length)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                T decoded = each.encoder().decode(other);
                // What is accepted is what the encoder would have written: two keys never decode to one value.
                assertThat(each.encoder().encode(decoded))
                        .as("%s of %s", each, value)
                        .isEqualTo(other);
            } catch (IllegalArgumentException refused) {
                assertThat(refused).hasMessageContaining("was not made by this encoder");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    <T> void delimited_noEncodingIsPrefixOfAnother(Case<T> each) {
        List<byte[]> keys =
                each.values().stream().map(each.encoder().delimited()::encode).toList();
        for (byte[] a : keys) {
            for (byte[] b : keys) {
                int mismatch = Arrays.mismatch(a, b);
                if (mismatch >= Math.min(a.length, b.length)) {
                    fail(
                            "%s: %s, %s",
                            each, HexFormat.of().formatHex(a), HexFormat.of().formatHex(b));
                }
            }
        }
    }

    @Test
    void tuple_shorterList_isPrefixOfExactlyItsExtensions() {
        KeyEncoder<List<Object>> encoder = KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.BYTES, KeyEncoder.LONG);
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 2000; i++) {
            List<Object> a = List.of(randomString(random), randomBytes(random), 1L);
            List<Object> b = List.of(random.nextBoolean() ? a.get(0) : randomString(random), randomBytes(random), 2L);
            byte[] prefix = encoder.encode(a.subList(0, 1));
            byte[] key = encoder.encode(b);
            boolean begins =
                    key.length >= prefix.length && Arrays.equals(key, 0, prefix.length, prefix, 0, prefix.length);
            assertThat(begins)
                    .as("seed %s: %s, %s", SEED, a.get(0), b.get(0))
                    .isEqualTo(a.get(0).equals(b.get(0)));
            assertThat(encoder.decode(prefix)).containsExactly(a.get(0));
        }
        assertThat(encoder.encode(List.of())).isEmpty();
    }

    /** Bytes are for ever: users' databases hold them. */
    @Test
    void encode_knownValues_givesTheBytesOfTheFormatPage() {
        assertThat(KeyEncoder.INT.encode(-2)).isEqualTo(bytes("7ffffffe"));
        assertThat(KeyEncoder.UNSIGNED_INT.encode(-2)).isEqualTo(bytes("fffffffe"));
        assertThat(KeyEncoder.LONG.encode(1L)).isEqualTo(bytes("8000000000000001"));
        assertThat(KeyEncoder.UNSIGNED_LONG.encode(1L)).isEqualTo(bytes("0000000000000001"));
        assertThat(KeyEncoder.FLOAT.encode(1f)).isEqualTo(bytes("bf800000"));
        assertThat(KeyEncoder.FLOAT.encode(-1f)).isEqualTo(bytes("407fffff"));
        assertThat(KeyEncoder.DOUBLE.encode(-0.0)).isEqualTo(bytes("7fffffffffffffff"));
        assertThat(KeyEncoder.DOUBLE.encode(0.0)).isEqualTo(bytes("8000000000000000"));
        assertThat(KeyEncoder.DOUBLE.encode(Double.NaN)).isEqualTo(bytes("fff8000000000000"));
        assertThat(KeyEncoder.BOOLEAN.encode(true)).isEqualTo(bytes("01"));
        assertThat(KeyEncoder.UUID.encode(new UUID(1, 2))).isEqualTo(bytes("00000000000000010000000000000002"));
        assertThat(KeyEncoder.STRING.encode("h\u00e9")).isEqualTo(bytes("68c3a9"));
        assertThat(KeyEncoder.BYTES.encode(bytes("00ff"))).isEqualTo(bytes("00ff"));
        assertThat(KeyEncoder.STRING.descending().encode("a")).isEqualTo(bytes("9efffe"));
        assertThat(KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.INT.descending())
                        .encode(List.of("a\0b", 1)))
                .isEqualTo(bytes("6100ff620001" + "7ffffffe"));
    }

    @Test
    void encode_halfASurrogatePair_isRefused() {
        assertThatThrownBy(() -> KeyEncoder.STRING.encode("a\uD83C"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("half a surrogate pair");
    }

    @Test
    void tuple_wrongNumberOrTypeOfValues_isRefused() {
        KeyEncoder<List<Object>> pair = KeyEncoder.tuple(KeyEncoder.STRING, KeyEncoder.LONG);
        assertThatThrownBy(() -> pair.encode(List.of("a", 1L, 2L)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the tuple has 3 values, allowed up to 2");
        assertThatThrownBy(() -> pair.encode(List.of("a", 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("value 1 of the tuple is a java.lang.Integer, allowed java.lang.Long");
        assertThatThrownBy(() -> pair.encode(Arrays.asList("a", null))).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> pair.descending().encode(List.of("a")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the tuple has 1 values, allowed 2");
        assertThatThrownBy(() -> KeyEncoder.tuple(pair).encode(List.of(List.of("a"))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(KeyEncoder::tuple).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void descending_twice_isTheOriginal() {
        assertThat(KeyEncoder.STRING.descending().descending().encode("a\0b")).isEqualTo(bytes("610062"));
    }

    @Test
    void decode_rangeOutsideMemory_isRefused() {
        MemorySegment memory = MemorySegment.ofArray(new byte[8]);
        assertThatThrownBy(() -> KeyEncoder.LONG.decode(memory, 1, 8)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
