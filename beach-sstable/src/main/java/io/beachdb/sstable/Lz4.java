package io.beachdb.sstable;

import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * LZ4 by lz4-java: its native codec where the process enables native access for it, otherwise the safe one in Java. Never
 * a codec that trusts its input, never one that makes the JVM print a warning.
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

    private static final LZ4Compressor COMPRESSOR = FACTORY.fastCompressor();
    private static final LZ4SafeDecompressor DECOMPRESSOR = FACTORY.safeDecompressor();

    private Lz4() {}

    static String codec() {
        return CODEC;
    }

    /** Returns how much room {@link #compress} needs at most. */
    static int maxCompressedLength(int length) {
        return COMPRESSOR.maxCompressedLength(length);
    }

    /** Compresses; both buffers direct, addressed from their start. Returns the compressed length. */
    static int compress(ByteBuffer source, int from, int length, ByteBuffer destination, int at) {
        source.limit(source.capacity());
        destination.limit(destination.capacity());
        return COMPRESSOR.compress(source, from, length, destination, at, maxCompressedLength(length));
    }

    /** Decompresses exactly {@code rawLength} bytes; returns whether the input was such. */
    static boolean decompress(ByteBuffer source, int from, int length, ByteBuffer destination, int at, int rawLength) {
        source.limit(source.capacity());
        destination.limit(destination.capacity());
        try {
            return DECOMPRESSOR.decompress(source, from, length, destination, at, rawLength) == rawLength;
        } catch (LZ4Exception malformed) {
            return false;
        }
    }
}
