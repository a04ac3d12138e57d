package io.beachdb.cli;

import io.beachdb.base.format.Escapes;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A key or value as the command line has it: in the escape notation. */
record KeyText(byte[] bytes) {

    static final class Converter implements ITypeConverter<KeyText> {
        @Override
        public KeyText convert(String text) {
            try {
                return new KeyText(Escapes.unescape(text));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
