/** The file seam of a real process beside what the kernel saw of it, by strace. Start at {@code SeamAndKernelTest}. */
package io.beachdb.dbtestkit.strace;
