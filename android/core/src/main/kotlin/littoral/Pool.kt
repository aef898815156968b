package littoral

import java.util.concurrent.BlockingQueue
import java.util.concurrent.Callable
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import java.util.concurrent.Future
import java.util.concurrent.FutureTask
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.Semaphore
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean

/**
 * Several models of one file, for many threads. Close it when done.
 *
 * Each call runs on a member that is free. [run] computes in the thread that calls it, [submit] and
 * [map] in the pool's own threads, one a member. It takes over the model it is made of.
 *
 * @property size Members, so calls that run at the same time.
 */
public class Pool(
    model: Model,
    public val size: Int = 2,
    waiting: Int = WAITING_PER_MEMBER * size,
) : AutoCloseable {
    /** As [Model.inputs]. */
    public val inputs: List<TensorSpec> = model.inputs

    /** As [Model.outputs]. */
    public val outputs: List<TensorSpec> = model.outputs

    /** As [Model.card]. */
    public val card: Card? = model.card

    private val name = model.name
    private val ahead = size + waiting
    private val members: List<Model>
    private val idle: BlockingQueue<Model> = LinkedBlockingQueue()
    private val room = Semaphore(ahead)
    private val workers: ExecutorService
    private val isClosed = AtomicBoolean()

    init {
        if (size < 1) throw InputError("size is $size: expected a whole number of at least 1")
        if (waiting < 0) throw InputError("waiting is $waiting: expected a whole number of at least 0")
        val made = mutableListOf(model)
        try {
            repeat(size - 1) { made += model.duplicate() }
        } catch (error: LittoralError) {
            made.forEach { it.close() }
            throw error
        }
        members = made
        idle.addAll(made)
        workers = Executors.newFixedThreadPool(size) { work ->
            Thread(work, "littoral $name").apply { isDaemon = true }
        }
    }

    /** As [Model.run], on a member that is free, in the calling thread. */
    public fun run(x: Tensor): Tensor = open().onMember { it.run(x) }

    /** As [Model.run], on a member that is free, in the calling thread. */
    public fun run(x: Map<String, Tensor>): Map<String, Tensor> = open().onMember { it.run(x) }

    /**
     * Have [run] done by one of the pool's threads.
     *
     * @param timeoutMilliseconds How long to wait for room when too many calls are waiting already;
     *     0 to be refused at once.
     * @param done Is told the result, or what [run] threw, in the pool's thread.
     * @return Where the result, or what [run] threw, will be.
     * @throws EngineBusy There was no room in time.
     * @throws EngineError The pool is closed.
     */
    public fun submit(
        x: Tensor,
        timeoutMilliseconds: Long = Long.MAX_VALUE,
        done: (Result<Tensor>) -> Unit = {},
    ): Future<Tensor> {
        if (!room.tryAcquire(timeoutMilliseconds, TimeUnit.MILLISECONDS)) {
            throw EngineBusy(
                "$name: $size calls run and ${ahead - size} wait: try again later, or give the pool " +
                    "a greater size",
            )
        }
        val call = Callable { runCatching { onMember { it.run(x) } }.also(done).getOrThrow() }
        val task = object : FutureTask<Tensor>(call) {
            override fun done() = room.release()
        }
        try {
            workers.execute(task)
        } catch (error: RejectedExecutionException) {
            task.cancel(false)
            throw closed(error)
        }
        return task
    }

    /** [run] of each, in order, with all members at work; takes only so far ahead as calls may wait. */
    public fun map(xs: Sequence<Tensor>): Sequence<Tensor> {
        val left = xs.iterator()
        val pending = ArrayDeque<Future<Tensor>>()
        return generateSequence {
            try {
                while (pending.size < ahead && left.hasNext()) pending += submit(left.next())
                pending.removeFirstOrNull()?.let { awaited(it) }
            } catch (error: Throwable) {
                pending.forEach { it.cancel(false) }
                throw error
            }
        }
    }

    /** Finish the calls that were submitted, then free every member. */
    override fun close() {
        if (isClosed.getAndSet(true)) return
        workers.shutdown()
        workers.awaitTermination(Long.MAX_VALUE, TimeUnit.MILLISECONDS)
        repeat(size) { idle.take() } // a call of `run` in another thread may still have it
        members.forEach { it.close() }
    }

    override fun toString(): String = "Pool($name: ${if (isClosed.get()) "closed" else "$size members"})"

    private fun open(): Pool = if (isClosed.get()) throw closed(null) else this

    private inline fun <T> onMember(call: (Model) -> T): T {
        val member = idle.take()
        try {
            return call(member)
        } finally {
            idle.put(member)
        }
    }

    private fun awaited(future: Future<Tensor>): Tensor = try {
        future.get()
    } catch (error: java.util.concurrent.ExecutionException) {
        throw error.cause ?: error
    }

    private fun closed(cause: Throwable?): EngineError =
        EngineError("the pool of $name is closed: make a new one", cause)
}

private const val WAITING_PER_MEMBER = 4
