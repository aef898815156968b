"""A loaded model file: Model.run and its relatives. `littoral.loading` makes one."""

from __future__ import annotations

import functools
import time
from _thread import RLock  # what threading.RLock is; importing threading would cost a start 1 ms
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, overload

from littoral import forks
from littoral.calls import Calls, Result, by_name
from littoral.closing import Closing
from littoral.engines import Session
from littoral.errors import EngineError, InputError, LittoralError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from littoral.card import Card
    from littoral.formats import Signature
    from littoral.observation import Observation
    from littoral.prediction import Prediction
    from littoral.stream import Stream
    from littoral.windows import Windows


class Model(Closing):
    """A model file, loaded and ready to run. Made by `load`; use it as a context manager.

    One call runs at a time: threads that share a model wait for each other.

    Attributes:
        inputs: Name, shape, dtype and quantization of each input, in Keras order.
        outputs: The same of each output.
        engine: The engine's name, for example ``"litert"``.
        format: ``"tflite"`` or ``"onnx"``.
        size_bytes: Size of the file.
        name: The file's name, for messages.
        signed_by: Id of the key whose signature was checked (`load(trust=...)`), else None.
    """

    def __init__(
        self,
        session: Session,
        *,
        name: str,
        card: Callable[[], Card | None],
        engine: str,
        format: str,
        size: int,
        signed_by: str | None = None,
        survives_fork: bool = True,
    ) -> None:
        """Take over a session, and what reads the card; `load` is the way to get a model."""
        self._session: Session | None = session
        self._survives_fork = survives_fork
        self._lost: str | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._callback: Callable[[Observation], object] | None = None
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.name = name
        self._read_card = card
        self.engine = engine
        self.format = format
        self.size_bytes = size
        self.signed_by = signed_by
        self._lock = RLock()
        alike = functools.cache(functools.partial(_how_samples_meet, card, format))
        self._calls = Calls(session, name, engine, alike)
        forks.watch(self)

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Inputs and outputs of every function in a .tflite file, by the name that `load` takes.

        Raises:
            EngineError: The model is closed.
        """
        return self._open_session().signatures

    @functools.cached_property
    def card(self) -> Card | None:
        """What the file says about itself; None for a file without a card.

        Raises:
            FormatError: The card cannot be read. A load says so itself, unless a digest vouches for
                the file.
        """
        return self._read_card()

    def run(self, x: Any) -> Result:
        """Run in real units: floats in and out, also where the file holds integers.

        Args:
            x: One sample or a batch, as an array (single input), a sequence in the order of
                `inputs`, or a dict by input name. Without the batch axis it is one sample, and the
                result has no batch axis either.

        Returns:
            New arrays: one for a single output, else a dict by output name in Keras order.

        Raises:
            InputError: Shape, dtype, name or number of inputs do not fit, or a value is NaN or
                infinite; the message says which input, what was expected and what came.
            EngineError: The engine failed, or the model is closed.
        """
        with self._lock:
            try:
                result = self._calls.quick(x)
            except RuntimeWarning:
                result = None  # where warnings are errors: the long way knows which are none
            except LittoralError:
                raise
            except Exception as error:
                raise self._calls.failed(error) from error
        return self._run(x, raw=False) if result is None else result

    def run_raw(self, x: Any) -> Result:
        """Run in the file's own dtypes, without conversion and without a check of the values.

        Args:
            x: As for `run`, but of the dtypes that `inputs` name.

        Returns:
            As for `run`, of the dtypes that `outputs` name.

        Raises:
            InputError: Shape, dtype, name or number of inputs do not fit.
            EngineError: The engine failed, or the model is closed.
        """
        with self._lock:
            try:
                result = self._calls.quick_raw(x)
            except LittoralError:
                raise
            except Exception as error:
                raise self._calls.failed(error) from error
        return self._run(x, raw=True) if result is None else result

    async def run_async(self, x: Any) -> Result:
        """`run` for asyncio: it computes in a thread of its own, and the event loop goes on.

        Calls that wait run one after the other; several at once are what `Pool` is for. Cancelling
        helps a call that has not begun; one that runs is finished and its result dropped.

        Args:
            x: As for `run`. It must not change before the result is there.

        Returns:
            As `run`.

        Raises:
            InputError: As `run`.
            EngineError: As `run`.
        """
        import asyncio  # an import of 40 ms that who does not use it need not pay
        from concurrent.futures import ThreadPoolExecutor

        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"littoral {self.name}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self.run, x)

    def observe(self, callback: Callable[[Observation], object] | None) -> None:
        """Report every call of `run` and `run_raw`, and all that go through them.

        While nobody observes, a call costs what it would cost if there were no such thing.

        Args:
            callback: Called in the calling thread after each call, with its duration and error;
                what it raises, the call raises. None ends it.
        """
        self._callback = callback
        # Another class and not another `run` on the object: that would be a reference to itself.
        self.__class__ = Model if callback is None else _ObservedModel

    def duplicate(self) -> Model:
        """Another model of the same file and options, to run in another thread at the same time.

        ONNX Runtime shares the weights between the two; LiteRT the file's bytes only.

        Raises:
            EngineError: The model is closed.
            FormatError: The engine has no memory for another.
        """
        with self._lock:
            session = self._open_session().another()
        model = Model(
            session,
            name=self.name,
            card=self._read_card,
            engine=self.engine,
            format=self.format,
            size=self.size_bytes,
            signed_by=self.signed_by,
            survives_fork=self._survives_fork,
        )
        model.allocate()
        return model

    def predict(self, raw: Any, top: int | None = None) -> list[Prediction]:
        """Classify one thing as a person has it, by the preprocessing and labels of the card.

        Args:
            raw: What the card's first step takes: a picture's or recording's path, a text, a row;
                for several inputs a dict by input name.
            top: How many classes to return, None for all.

        Returns:
            Classes with scores, best first, of the output that has labels (else the first). Scores
            are what the model gives, and probabilities where its card says that it gives logits.

        Raises:
            InputError: The card names no preprocessing, or the data does not suit it.
            EngineError: The engine failed, or the model is closed.
        """
        from littoral import prediction

        sample = prediction.prepare(self.card, self.inputs, raw)
        result = self.run(sample[0] if len(sample) == 1 else sample)
        return prediction.classes(self.card, self.outputs, by_name(result, self.outputs), top)

    @overload
    def stream(
        self, *, state: Mapping[str, str] | None = None, initial: Mapping[str, Any] | None = None
    ) -> Stream: ...

    @overload
    def stream(self, *, window: int | None = None, hop: int, smooth: int = 1) -> Windows: ...

    @overload
    def stream(self, *, window: int, hop: int | None = None, smooth: int = 1) -> Windows: ...

    def stream(
        self,
        *,
        state: Mapping[str, str] | None = None,
        initial: Mapping[str, Any] | None = None,
        window: int | None = None,
        hop: int | None = None,
        smooth: int = 1,
    ) -> Stream | Windows:
        """Run over data that goes on: step by step with a memory, or on windows that overlap.

        Args:
            state: For a file whose state is outside, the output that becomes each state input at
                the next step, by name. None takes what the card says, else inputs and outputs whose
                names tell, such as ``h`` and ``h_out``, or ``past_x`` and ``present_x``.
            initial: A state's value before the first step, by the input's name; zeros by default.
            window: Makes windows of so many time steps of the input; what it fixes by default.
            hop: Makes windows that begin so many time steps apart; a quarter of one by default.
            smooth: Results are means over those of so many windows, the latest last.

        Returns:
            A stream of its own state, or windows. There can be many of one model.

        Raises:
            InputError: The file remembers nothing and no window or hop was given, or a name, shape
                or number does not fit.
            EngineError: The model is closed.
        """
        if window is not None or hop is not None:
            from littoral.windows import windows_of

            self._open_session()
            return windows_of(self, window, hop, smooth)
        from littoral.stream import stream_of

        return stream_of(self, state, initial)

    def allocate(self) -> None:
        """Reserve memory now where the file fixes every size but the number of samples.

        Raises:
            EngineError: The engine cannot execute what the file says.
        """
        self._calls.allocate()

    def close(self) -> None:
        """Free the engine's memory. The model cannot run afterwards; closing again does nothing."""
        with self._lock:
            self._calls.close()
            if self._session is not None:
                self._session.close()
                self._session = None
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
                self._executor = None

    def __repr__(self) -> str:
        state = "closed" if self._session is None else self.engine
        return f"<littoral.Model {self.name}: {self.format}, {state}, {self.size_bytes} bytes>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied or sent to another process."""
        raise InputError(
            f"{self.name}: a loaded model cannot be copied or sent to another process: send its "
            "path and load it there"
        )

    def _after_fork(self) -> None:
        """This process is a copy: whatever belonged to other threads is lost."""
        is_running = not self._lock.acquire(blocking=False)
        if is_running:
            self._lock = RLock()
            self._lost = "was running in another thread when this process was forked off"
        else:
            self._lock.release()
        if not self._survives_fork:
            self._lost = "was loaded with threads or options, before this process was forked off"
            forks.abandon((self._session, self._calls))
            self._session = None
        if self._lost:
            self._calls.forget()
        self._executor = None

    def _open_session(self) -> Session:
        if self._lost:
            raise EngineError(f"{self.name} {self._lost}: load it in this process")
        if self._session is None:
            raise EngineError(f"{self.name} is closed: load it again to run it")
        return self._session

    def _run(self, x: Any, *, raw: bool) -> Result:
        self._open_session()
        return self._calls.run(x, self._lock, raw=raw)


def _how_samples_meet(card: Callable[[], Card | None], format: str) -> str:
    """Whether the first axis counts samples, as it does in what Keras makes: see `Calls`."""
    if card() is None:
        return "unknown"
    return "bit by bit" if format == "tflite" else "samples"


class _ObservedModel(Model):
    """A model while `Model.observe` has somebody to tell."""

    def run(self, x: Any) -> Result:
        """See `Model.run`."""
        return self._observed("run", super().run, x)

    def run_raw(self, x: Any) -> Result:
        """See `Model.run_raw`."""
        return self._observed("run_raw", super().run_raw, x)

    def _observed(self, method: str, call: Callable[[Any], Result], x: Any) -> Result:
        callback = self._callback
        error: BaseException | None = None
        started = time.perf_counter_ns()
        try:
            return call(x)
        except BaseException as raised:
            error = raised
            raise
        finally:
            duration_ns = time.perf_counter_ns() - started
            from littoral.observation import Observation

            if callback is not None:
                callback(Observation(self.name, method, duration_ns, error))
