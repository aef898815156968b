"""One model file, several calls at once: `Pool`.

An engine's session runs one call at a time, so the pool holds several of one file. Threads are
enough to run them side by side, because both LiteRT and ONNX Runtime let go of Python's lock while
they compute (measured: beside calls of 3 ms another thread wakes up 2400 times a second).

What members share: ONNX Runtime runs one session from several threads, so its members have one copy
of the weights and only their inputs and outputs apart. A LiteRT interpreter does not; its members
share the file's bytes, and each has what its kernels packed for themselves.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from littoral import forks, loading, source
from littoral.arguments import check_whole
from littoral.calls import Result
from littoral.errors import EngineBusy, EngineError, InputError
from littoral.model import Model

if TYPE_CHECKING:
    from littoral.card import Card

_WAITING_PER_MEMBER = 4


class Pool:
    """Several models of one file, for many threads. Use it as a context manager.

    Each call runs on a member that is free. `run` computes in the thread that calls it; `submit`,
    `map` and `run_async` in the pool's own threads, one a member.

    Attributes:
        size: Members, so calls that run at the same time.
        inputs: As `Model.inputs`.
        outputs: As `Model.outputs`.
    """

    def __init__(
        self, path: source.Source, size: int = 2, *, waiting: int | None = None, **options: Any
    ) -> None:
        """Load a file once for each member.

        Args:
            path: As for `load`.
            size: Members. More than the processor has cores gains nothing.
            waiting: Calls that may wait behind those that run before `submit` holds the caller
                back; None for four a member.
            **options: As for `load`, for example ``threads``, ``engine`` or ``trust``.

        Raises:
            InputError: A size below 1, a negative number of waiting calls, or as `load`.
            ModelError: As `load`.
            EngineError: As `load`.
        """
        check_whole("size", size)
        waiting = _WAITING_PER_MEMBER * size if waiting is None else waiting
        check_whole("waiting", waiting, least=0)
        first = loading.load(path, **options)
        self.size = size
        self.name = first.name
        self.inputs, self.outputs = first.inputs, first.outputs
        self._members = [first]
        try:
            self._members += [first.duplicate() for _ in range(size - 1)]
        except BaseException:
            self._close_members()
            raise
        self._idle: queue.SimpleQueue[Model | None] = queue.SimpleQueue()
        for member in self._members:
            self._idle.put(member)
        self._room = threading.Semaphore(size + waiting)
        self._ahead = size + waiting
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=f"littoral {self.name}")
        self._closing = threading.Lock()
        self._is_closed = False
        self._why = "is closed"
        forks.watch(self)

    @property
    def card(self) -> Card | None:
        """As `Model.card`."""
        return self._members[0].card

    def run(self, x: Any) -> Result:
        """`Model.run` on a free member, in this thread; waits until one is free.

        Raises:
            InputError: As `Model.run`.
            EngineError: As `Model.run`, or the pool is closed.
        """
        member = self._idle.get()
        if member is None:
            self._idle.put(None)  # for the next one that waits
            raise self._closed()
        try:
            return member.run(x)
        finally:
            self._idle.put(member)

    def submit(self, x: Any, *, timeout: float | None = None) -> Future[Result]:
        """Have `run` done by one of the pool's threads.

        Args:
            x: As for `Model.run`. It must not change before the result is there.
            timeout: Seconds to wait for room when too many calls are waiting already; None for as
                long as it takes, 0 to be refused at once.

        Returns:
            Where the result, or what `run` raised, will be. `cancel` works until the call runs.

        Raises:
            EngineBusy: There was no room in time.
            EngineError: The pool is closed.
        """
        if not self._room.acquire(timeout=timeout):
            raise EngineBusy(
                f"{self.name}: {self.size} calls run and {self._ahead - self.size} wait: try again "
                "later, or give the pool a greater size"
            )
        try:
            if self._is_closed:
                raise self._closed()
            future = self._executor.submit(self.run, x)
        except BaseException as error:
            self._room.release()
            if isinstance(error, RuntimeError):  # the executor was shut down meanwhile
                raise self._closed() from error
            raise
        future.add_done_callback(lambda _: self._room.release())
        return future

    async def run_async(self, x: Any) -> Result:
        """`run` for asyncio: the event loop goes on meanwhile.

        Calls beyond those that may wait are held back without holding up the loop.

        Raises:
            InputError: As `Model.run`.
            EngineError: As `Model.run`, or the pool is closed.
        """
        import asyncio  # which costs more to import than all of littoral

        pause = 0.0
        while True:
            try:
                future = self.submit(x, timeout=0)
            except EngineBusy:
                await asyncio.sleep(pause)
                pause = min(pause + 0.0005, 0.01)
            else:
                return await asyncio.wrap_future(future)

    def map(self, xs: Iterable[Any]) -> Iterator[Result]:
        """`run` of each, in order, with all members at work.

        Takes from `xs` only as far ahead as calls may wait, so that it may be endless. Leaving the
        iteration early cancels what has not begun.

        Args:
            xs: What `Model.run` takes, each.

        Yields:
            The results, in the order of `xs`.

        Raises:
            InputError: As `Model.run`, when its turn comes.
            EngineError: As `Model.run`, or the pool is closed.
        """
        pending: collections.deque[Future[Result]] = collections.deque()
        rest = iter(xs)
        try:
            for x in itertools.islice(rest, self._ahead):
                pending.append(self.submit(x))
            while pending:
                result = pending.popleft().result()
                for x in itertools.islice(rest, 1):
                    pending.append(self.submit(x))
                yield result
        finally:
            for future in pending:
                future.cancel()

    def close(self, *, cancel: bool = False) -> None:
        """Finish the calls that were submitted, then free every member.

        Args:
            cancel: True cancels the calls that have not begun.
        """
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        self._executor.shutdown(wait=True, cancel_futures=cancel)
        for _ in self._members:
            self._idle.get()  # a call of `run` in another thread may still have it
        self._idle.put(None)
        self._close_members()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pool; after an error, without the calls that have not begun."""
        self.close(cancel=error is not None)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"{self.size} members"
        return f"<littoral.Pool {self.name}: {state}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or sent to another process."""
        raise InputError(
            f"the pool of {self.name} cannot be copied or sent to another process: send the file's "
            "path and make a pool there"
        )

    def _after_fork(self) -> None:
        """This process is a copy, and the pool's threads were left behind."""
        self._is_closed = True
        self._why = "was made before this process was forked off"
        self._idle = queue.SimpleQueue()
        self._idle.put(None)
        self._room = threading.Semaphore(1)

    def _close_members(self) -> None:
        with contextlib.ExitStack() as closing:
            for member in self._members:
                closing.callback(member.close)

    def _closed(self) -> EngineError:
        return EngineError(f"the pool of {self.name} {self._why}: make a new one")
