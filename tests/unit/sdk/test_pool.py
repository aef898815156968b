"""Pool: the right answer to the right caller, whatever the callers do."""

import asyncio
import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError

import littoral
import numpy as np
import pytest
import small_models

FORMATS = ("tflite", "onnx")


@pytest.fixture(params=FORMATS)
def format(request):
    return request.param


@pytest.fixture
def pool(format):
    with littoral.Pool(small_models.ONE[format], size=2) as made:
        yield made


class Gate:
    """Holds every call of a pool until it is opened."""

    def __init__(self, pool, monkeypatch):
        self.open, self.entered = threading.Event(), threading.Semaphore(0)
        run = littoral.Model.run

        def held(model, x):
            self.entered.release()
            assert self.open.wait(30)
            return run(model, x)

        monkeypatch.setattr(littoral.Model, "run", held)


@pytest.fixture
def gate(pool, monkeypatch):
    made = Gate(pool, monkeypatch)
    yield made
    made.open.set()


def row(number):
    return np.full((1, 3), number, np.float32)


def test_a_future_and_a_call_give_what_a_model_gives(pool, format):
    with littoral.load(small_models.ONE[format]) as model:
        for x in (row(3), row(3)[0], [1, 2, 3], {"x": row(1)}, np.ones((5, 3), np.float32)):
            want = model.run(x)
            np.testing.assert_array_equal(pool.run(x), want)
            np.testing.assert_array_equal(pool.submit(x).result(), want)
    assert pool.inputs == (littoral.TensorSpec("x", (1, 3), "float32"),)
    assert pool.outputs[0].name == "y"


def test_map_keeps_the_order_and_takes_only_what_may_wait(pool):
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield row(taken[-1])

    results = pool.map(endless())
    for number in range(100):
        np.testing.assert_array_equal(next(results), 2 * row(number))
        assert len(taken) <= number + 12
    results.close()
    np.testing.assert_array_equal(pool.run(row(1)), row(2))


@pytest.mark.parametrize("shared", ["pool", "model"])
def test_64_threads_never_get_a_wrong_answer(shared, format):
    """Each asks for numbers of its own, in three shapes, so that a mix-up shows."""
    wrong, ready = [], threading.Barrier(64)
    source = small_models.OPEN[format]
    with littoral.Pool(source, size=2) if shared == "pool" else littoral.load(source) as runner:

        def hammer(number):
            ready.wait()
            for step in range(60):
                x = np.full((1 + (number + step) % 3, 3), number * 1000 + step, np.float32)
                if shared == "pool" and step % 2:
                    result = runner.submit(x).result()
                else:
                    result = runner.run(x)
                if result.shape != x.shape or (result != 2 * x).any():
                    wrong.append((number, step))

        threads = [threading.Thread(target=hammer, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_an_error_reaches_the_future_it_belongs_to(pool):
    futures = [pool.submit(np.zeros((1, 3 + number % 2), np.float32)) for number in range(8)]
    for number, future in enumerate(futures):
        if number % 2:
            with pytest.raises(littoral.InputError, match=r"\[1, 4\]"):
                future.result()
        else:
            assert future.result().shape == (1, 3)
    with pytest.raises(littoral.InputError, match="NaN"):
        list(pool.map([row(1), row(np.nan)]))


def test_what_waits_can_be_cancelled(pool, gate):
    running = [pool.submit(row(number)) for number in range(2)]
    for _ in running:
        assert gate.entered.acquire(timeout=10)
    waiting = pool.submit(row(7))
    assert waiting.cancel()
    gate.open.set()
    np.testing.assert_array_equal(running[1].result(), row(2))
    with pytest.raises(CancelledError):
        waiting.result()
    np.testing.assert_array_equal(pool.submit(row(4)).result(), row(8))


def test_too_many_calls_hold_the_caller_back(format, monkeypatch):
    with littoral.Pool(small_models.ONE[format], size=1, waiting=1) as pool:
        gate = Gate(pool, monkeypatch)
        futures = [pool.submit(row(number)) for number in range(2)]
        with pytest.raises(littoral.EngineBusy, match="1 calls run and 1 wait"):
            pool.submit(row(5), timeout=0)
        started = time.monotonic()
        with pytest.raises(littoral.EngineBusy):
            pool.submit(row(5), timeout=0.05)
        assert time.monotonic() - started >= 0.05
        gate.open.set()
        assert [future.result()[0, 0] for future in futures] == [0, 2]
        np.testing.assert_array_equal(pool.submit(row(6)).result(), row(12))


def test_closing_finishes_what_was_submitted(format):
    pool = littoral.Pool(small_models.ONE[format], size=1, waiting=50)
    futures = [pool.submit(row(number)) for number in range(40)]
    pool.close()
    pool.close()
    assert [future.result()[0, 0] for future in futures] == [2 * number for number in range(40)]
    for call in (pool.run, pool.submit):
        with pytest.raises(littoral.EngineError, match="closed"):
            call(row(1))
    assert "closed" in repr(pool)


def test_an_error_inside_the_with_block_cancels_what_waits(format, monkeypatch):
    def leave():
        with littoral.Pool(small_models.ONE[format], size=1) as pool:
            gate = Gate(pool, monkeypatch)
            futures.extend(pool.submit(row(number)) for number in range(4))
            assert gate.entered.acquire(timeout=10)
            threading.Timer(0.05, gate.open.set).start()
            raise KeyboardInterrupt

    futures = []
    with pytest.raises(KeyboardInterrupt):
        leave()
    np.testing.assert_array_equal(futures[0].result(), row(0))
    assert all(future.cancelled() for future in futures[1:])


def test_closing_while_threads_call(format):
    """Each call ends in its answer or in the error that says why not; nobody waits for ever."""
    pool = littoral.Pool(small_models.ONE[format], size=2)
    outcomes, said = [], []

    def hammer():
        while True:
            try:
                outcomes.append((pool.run(row(1)) == row(2)).all())
                outcomes.append((pool.submit(row(1)).result() == row(2)).all())
            except littoral.EngineError as error:
                said.append(str(error))
                return

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    pool.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert outcomes
    assert all(outcomes)
    assert all("closed" in line for line in said)


def test_asyncio_gets_answers_while_the_loop_goes_on(pool):
    async def ask():
        return await asyncio.gather(*(pool.run_async(row(number)) for number in range(100)))

    for number, result in enumerate(asyncio.run(ask())):
        np.testing.assert_array_equal(result, 2 * row(number))


def test_members_have_their_own_memory_and_onnx_shares_the_weights(format):
    with littoral.Pool(small_models.ONE[format], size=3) as pool:
        sessions = [member._session for member in pool._members]
        natives = {
            id(getattr(session, "_session", None) or session._interpreter) for session in sessions
        }
        assert len(natives) == (1 if format == "onnx" else 3)
        memories = [session._binding.inputs[0] for session in sessions]
        assert not np.shares_memory(memories[0], memories[1])


def test_a_dropped_pool_is_freed(format):
    pool = littoral.Pool(small_models.ONE[format], size=2)
    pool.submit(row(1)).result()
    member = weakref.ref(pool._members[0])
    del pool
    deadline = time.monotonic() + 10
    while member() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert member() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": True}, "size is True"),
        ({"size": 2, "waiting": -1}, "waiting is -1"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_arguments_that_make_no_sense(options, message, format):
    with pytest.raises(littoral.InputError, match=message):
        littoral.Pool(small_models.ONE[format], **options)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(littoral.InputError, match="no such file"):
        littoral.Pool(tmp_path / "absent.onnx")
