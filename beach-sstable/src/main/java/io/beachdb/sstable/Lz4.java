package io.beachdb.sstable;

import io.beachdb.base.memory.NativeBlock;
import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * LZ4: lz4-java's native codec where the process enables native access for it; otherwise its safe decompressor in Java and
 * {@link Lz4Encoder}. Never a codec that trusts its input, never one that makes the JVM print a warning.
 */
final class Lz4 {
    private static final String NATIVE = "lz4 (native)";
    private static final String JAVA = "lz4 (java)";

    private static final LZ4Factory FACTORY;
    private static final String CODEC;

    static {
        LZ4Factory factory = LZ4Factory.safeInstance();
        String codec = JAVA;
        if (LZ4Factory.class.getModule().isNativeAccessEnabled()) {
            try {
                factory = LZ4Factory.nativeInstance();
                codec = NATIVE;
            } catch (LinkageError | RuntimeException noLibraryHere) {
                // No binary for this machine, or a temporary directory without exec: codec() tells which one runs.
                factory = LZ4Factory.safeInstance();
            }
        }
        FACTORY = factory;
        CODEC = codec;
    }

    private static final LZ4SafeDecompressor DECOMPRESSOR = FACTORY.safeDecompressor();

    private Lz4() {}

    static String codec() {
        return CODEC;
    }

    /** Returns how much room {@link Compressor#compress} needs at most: that of literals only, and what the codecs ask beyond. */
    static int maxCompressedLength(int length) {
        return length + length / 255 + 16;
    }

    /** Returns a compressor for one thread at a time. */
    static Compressor compressor() {
        return CODEC.equals(NATIVE) ? new NativeCompressor(FACTORY.fastCompressor()) : new Lz4Encoder();
    }

    /** Makes LZ4 blocks. */
    interface Compressor {
        /**
         * Compresses the first {@code length} bytes of a block to {@code at} of another, which has room for
         * {@link #maxCompressedLength} there. Returns the compressed length.
         */
        int compress(NativeBlock source, int length, NativeBlock destination, int at);
    }

    private record NativeCompressor(LZ4Compressor compressor) implements Compressor {
        @Override
        public int compress(NativeBlock source, int length, NativeBlock destination, int at) {
            ByteBuffer from = whole(source.view());
            ByteBuffer to = whole(destination.view());
            return compressor.compress(from, 0, length, to, at, maxCompressedLength(length));
        }
    }

    /** Decompresses exactly {@code rawLength} bytes; returns whether the input was such. */
    static boolean decompress(ByteBuffer source, int from, int length, ByteBuffer destination, int at, int rawLength) {
        try {
            return DECOMPRESSOR.decompress(whole(source), from, length, whole(destination), at, rawLength) == rawLength;
        } catch (LZ4Exception malformed) {
            return false;
        }
    }

    private static ByteBuffer whole(ByteBuffer view) {
        return view.limit(view.capacity());
    }
}
