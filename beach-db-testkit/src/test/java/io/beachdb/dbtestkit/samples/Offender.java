package io.beachdb.dbtestkit.samples;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Does all that the libraries must not; read by the rules, never run. */
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
public final class Offender {
    private final Object monitor = new Object();
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayBlockingQueue<String> queue = new ArrayBlockingQueue<>(1);
    private final Semaphore semaphore = new Semaphore(1);

    void waitInManyWays(CompletableFuture<String> future, CountDownLatch latch) throws Exception {
        Thread.sleep(1);
        synchronized (monitor) {
            while (queue.isEmpty()) {
                monitor.wait();
            }
        }
        lock.lock(); // allowed, as is the poll that does not wait
        lock.newCondition().awaitUninterruptibly();
        lock.unlock();
        LockSupport.park(monitor);
        latch.await();
        semaphore.acquire();
        if (semaphore.tryAcquire(1, 1, TimeUnit.SECONDS)) {
            use(future.get(), future.join(), queue.take(), queue.poll(), queue.poll(1, TimeUnit.SECONDS));
        }
    }

    private static void use(Object... values) {
        if (values.length == 0) {
            throw new IllegalArgumentException();
        }
    }

    void makeThreads(Runnable task) {
        use(
                new Thread(task),
                Thread.ofVirtual(),
                CompletableFuture.runAsync(task),
                CompletableFuture.runAsync(task, Runnable::run));
    }

    long guess() {
        return System.nanoTime() ^ new Random().nextLong() ^ new Random(1).nextLong();
    }

    boolean look(Path path) {
        return Files.exists(path);
    }
}
