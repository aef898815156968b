package littoral.android

import littoral.Pool
import littoral.Tensor
import kotlin.coroutines.suspendCoroutine

/**
 * [Pool.run] for coroutines: the thread that calls it, the main thread for one, goes on meanwhile.
 *
 * It needs no dispatcher, since the pool has threads of its own. A call that has begun cannot be
 * cancelled: the engines have no way to stop.
 *
 * @throws littoral.InputError As [Pool.run].
 * @throws littoral.EngineBusy As many calls wait as may.
 */
public suspend fun Pool.await(x: Tensor): Tensor = suspendCoroutine { continuation ->
    submit(x, timeoutMilliseconds = 0) { continuation.resumeWith(it) }
}
