package io.beachdb.base.format;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.Objects;
import net.openhft.hashing.LongHashFunction;

/**
 * The hash of keys, for filters, hash indexes and caches: XXH3-64 with seed 0, as specified in the xxHash project's
 * {@code doc/xxhash_spec.md}. Part of the file formats, since filters are stored.
 *
 * <p>Two providers with identical results: zero-allocation-hashing where the process allows it {@code sun.misc.Unsafe}
 * without a warning ({@code --sun-misc-unsafe-memory-access=allow}), and the code here elsewhere. Up to
 * {@value #OWN_UP_TO} bytes, which is most keys, the code here is the faster one and is always taken.
 */
public final class KeyHash {
    /*
     * K1  Without the launch flag the library's classes are never initialised: their first use prints a warning, and a
     *     later JDK refuses it.
     * K2  The library reads raw addresses: it only ever gets native memory, after the bounds and liveness checks that a
     *     segment access would make.
     */
    static final int OWN_UP_TO = 240;

    private static final String FLAG = "sun.misc.unsafe.memory.access";
    private static final boolean LIBRARY = "allow".equals(System.getProperty(FLAG));

    private static final byte[] SECRET = HexFormat.of()
            .parseHex("b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
                    + "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
                    + "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
                    + "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
                    + "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
                    + "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e");
    private static final VarHandle SECRET_LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int STRIPE_BYTES = 64;
    private static final int BLOCK_STRIPES = 16;
    private static final int SCRAMBLE_SECRET = 128;
    private static final int LAST_STRIPE_SECRET = 121;
    private static final int MERGE_SECRET = 11;

    private static final long PRIME32_1 = 0x9E3779B1L;
    private static final long PRIME32_2 = 0x85EBCA77L;
    private static final long PRIME32_3 = 0xC2B2AE3DL;
    private static final long PRIME64_1 = 0x9E3779B185EBCA87L;
    private static final long PRIME64_2 = 0xC2B2AE3D27D4EB4FL;
    private static final long PRIME64_3 = 0x165667B19E3779F9L;
    private static final long PRIME64_4 = 0x85EBCA77C2B2AE63L;
    private static final long PRIME64_5 = 0x27D4EB2F165667C5L;
    private static final long PRIME_MX1 = 0x165667919E3779F9L;
    private static final long PRIME_MX2 = 0x9FB21C651E98DF25L;

    // What lengths up to 16 mix in; constants to the JIT.
    private static final long FLIP_0 = secret(56) ^ secret(64);
    private static final long FLIP_1_TO_3 = (secret(0) & 0xFFFFFFFFL) ^ (secret(0) >>> 32);
    private static final long FLIP_4_TO_8 = secret(8) ^ secret(16);
    private static final long FLIP_9_TO_16_LOW = secret(24) ^ secret(32);
    private static final long FLIP_9_TO_16_HIGH = secret(40) ^ secret(48);

    private KeyHash() {}

    /** Only here is the library touched (K1). */
    private static final class Library {
        private static final LongHashFunction XXH3 = LongHashFunction.xx3();
    }

    /**
     * Returns the hash of {@code length} bytes. Allocates nothing.
     *
     * @param nativeMemory holds the key; heap memory gives the same hash, by the slower way
     */
    public static long hash(MemorySegment nativeMemory, long offset, int length) {
        if (LIBRARY && length > OWN_UP_TO && nativeMemory.isNative()) {
            return hashByLibrary(nativeMemory, offset, length);
        }
        return hashByUs(nativeMemory, offset, length);
    }

    /** Returns which code hashes keys of more than {@value #OWN_UP_TO} bytes, for stats and benchmark headers. */
    public static String provider() {
        return LIBRARY ? "zero-allocation-hashing" : "built-in";
    }

    static long hashByLibrary(MemorySegment memory, long offset, int length) {
        Objects.checkFromIndexSize(offset, length, memory.byteSize());
        if (!memory.scope().isAlive() || !memory.isAccessibleBy(Thread.currentThread())) {
            throw new IllegalStateException("the memory of the key is closed or belongs to another thread");
        }
        return Library.XXH3.hashMemory(memory.address() + offset, length);
    }

    static long hashByUs(MemorySegment memory, long offset, int length) {
        if (length <= 16) {
            return hashUpTo16(memory, offset, length);
        }
        if (length <= 128) {
            return hash17To128(memory, offset, length);
        }
        return length <= 240 ? hash129To240(memory, offset, length) : hashLong(memory, offset, length);
    }

    private static long hashUpTo16(MemorySegment memory, long offset, int length) {
        if (length > 8) {
            long low = Bytes.getU64(memory, offset) ^ FLIP_9_TO_16_LOW;
            long high = Bytes.getU64(memory, offset + length - 8) ^ FLIP_9_TO_16_HIGH;
            return avalanche(length + Long.reverseBytes(low) + high + foldedProduct(low, high));
        }
        if (length >= 4) {
            long first = Bytes.getU32(memory, offset) & 0xFFFFFFFFL;
            long last = Bytes.getU32(memory, offset + length - 4) & 0xFFFFFFFFL;
            long mixed = (last + (first << 32)) ^ FLIP_4_TO_8;
            mixed ^= Long.rotateLeft(mixed, 49) ^ Long.rotateLeft(mixed, 24);
            mixed *= PRIME_MX2;
            mixed ^= (mixed >>> 35) + length;
            mixed *= PRIME_MX2;
            return mixed ^ mixed >>> 28;
        }
        if (length > 0) {
            long first = Bytes.getU8(memory, offset);
            long middle = Bytes.getU8(memory, offset + (length >> 1));
            long last = Bytes.getU8(memory, offset + length - 1);
            return avalanche64((first << 16 | middle << 24 | last | (long) length << 8) ^ FLIP_1_TO_3);
        }
        Objects.checkFromIndexSize(offset, length, memory.byteSize());
        return avalanche64(FLIP_0);
    }

    private static long hash17To128(MemorySegment memory, long offset, int length) {
        long sum = length * PRIME64_1;
        long end = offset + length;
        if (length > 32) {
            if (length > 64) {
                if (length > 96) {
                    sum += mix16(memory, offset + 48, 96) + mix16(memory, end - 64, 112);
                }
                sum += mix16(memory, offset + 32, 64) + mix16(memory, end - 48, 80);
            }
            sum += mix16(memory, offset + 16, 32) + mix16(memory, end - 32, 48);
        }
        return avalanche(sum + mix16(memory, offset, 0) + mix16(memory, end - 16, 16));
    }

    private static long hash129To240(MemorySegment memory, long offset, int length) {
        long sum = length * PRIME64_1;
        for (int i = 0; i < 8; i++) {
            sum += mix16(memory, offset + 16L * i, 16 * i);
        }
        sum = avalanche(sum);
        for (int i = 8; i < length / 16; i++) {
            sum += mix16(memory, offset + 16L * i, 16 * (i - 8) + 3);
        }
        return avalanche(sum + mix16(memory, offset + length - 16, 119));
    }

    /** Eight lanes, held in locals so that nothing is allocated; one pass per stripe, a scramble after each block. */
    private static long hashLong(MemorySegment memory, long offset, int length) {
        long a0 = PRIME32_3;
        long a1 = PRIME64_1;
        long a2 = PRIME64_2;
        long a3 = PRIME64_3;
        long a4 = PRIME64_4;
        long a5 = PRIME32_2;
        long a6 = PRIME64_5;
        long a7 = PRIME32_1;
        int stripes = (length - 1) / STRIPE_BYTES;
        for (int i = 0; i <= stripes; i++) {
            // The last stripe is the last 64 bytes, whether or not they overlap the one before.
            boolean last = i == stripes;
            long at = last ? offset + length - STRIPE_BYTES : offset + (long) i * STRIPE_BYTES;
            int secret = last ? LAST_STRIPE_SECRET : i % BLOCK_STRIPES * 8;
            long v0 = Bytes.getU64(memory, at);
            long v1 = Bytes.getU64(memory, at + 8);
            long v2 = Bytes.getU64(memory, at + 16);
            long v3 = Bytes.getU64(memory, at + 24);
            long v4 = Bytes.getU64(memory, at + 32);
            long v5 = Bytes.getU64(memory, at + 40);
            long v6 = Bytes.getU64(memory, at + 48);
            long v7 = Bytes.getU64(memory, at + 56);
            a0 += v1 + productOfHalves(v0 ^ secret(secret));
            a1 += v0 + productOfHalves(v1 ^ secret(secret + 8));
            a2 += v3 + productOfHalves(v2 ^ secret(secret + 16));
            a3 += v2 + productOfHalves(v3 ^ secret(secret + 24));
            a4 += v5 + productOfHalves(v4 ^ secret(secret + 32));
            a5 += v4 + productOfHalves(v5 ^ secret(secret + 40));
            a6 += v7 + productOfHalves(v6 ^ secret(secret + 48));
            a7 += v6 + productOfHalves(v7 ^ secret(secret + 56));
            if (!last && i % BLOCK_STRIPES == BLOCK_STRIPES - 1) {
                a0 = scramble(a0, 0);
                a1 = scramble(a1, 8);
                a2 = scramble(a2, 16);
                a3 = scramble(a3, 24);
                a4 = scramble(a4, 32);
                a5 = scramble(a5, 40);
                a6 = scramble(a6, 48);
                a7 = scramble(a7, 56);
            }
        }
        return avalanche(length * PRIME64_1
                + foldedProduct(a0 ^ secret(MERGE_SECRET), a1 ^ secret(MERGE_SECRET + 8))
                + foldedProduct(a2 ^ secret(MERGE_SECRET + 16), a3 ^ secret(MERGE_SECRET + 24))
                + foldedProduct(a4 ^ secret(MERGE_SECRET + 32), a5 ^ secret(MERGE_SECRET + 40))
                + foldedProduct(a6 ^ secret(MERGE_SECRET + 48), a7 ^ secret(MERGE_SECRET + 56)));
    }

    private static long scramble(long lane, int secret) {
        return (lane ^ lane >>> 47 ^ secret(SCRAMBLE_SECRET + secret)) * PRIME32_1;
    }

    private static long mix16(MemorySegment memory, long offset, int secret) {
        return foldedProduct(
                Bytes.getU64(memory, offset) ^ secret(secret), Bytes.getU64(memory, offset + 8) ^ secret(secret + 8));
    }

    private static long productOfHalves(long value) {
        return (value & 0xFFFFFFFFL) * (value >>> 32);
    }

    private static long foldedProduct(long a, long b) {
        return a * b ^ Math.unsignedMultiplyHigh(a, b);
    }

    private static long avalanche(long hash) {
        long mixed = (hash ^ hash >>> 37) * PRIME_MX1;
        return mixed ^ mixed >>> 32;
    }

    private static long avalanche64(long hash) {
        long mixed = (hash ^ hash >>> 33) * PRIME64_2;
        mixed = (mixed ^ mixed >>> 29) * PRIME64_3;
        return mixed ^ mixed >>> 32;
    }

    private static long secret(int at) {
        return (long) SECRET_LONGS.get(SECRET, at);
    }
}
