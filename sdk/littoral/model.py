"""A loaded model file: Model.run and its relatives. `littoral.loading` makes one."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from littoral import arguments, prepared, quick
from littoral.engines import Session, Shape
from littoral.engines._native import reason
from littoral.errors import EngineError, LittoralError

if TYPE_CHECKING:
    from littoral.card import Card
    from littoral.prediction import Prediction

Result = NDArray[Any] | dict[str, NDArray[Any]]


class Model:
    """A model file, loaded and ready to run. Made by `load`; use it as a context manager.

    One call runs at a time: threads that share a model wait for each other.

    Attributes:
        inputs: Name, shape, dtype and quantization of each input, in Keras order.
        outputs: The same of each output.
        signatures: Names of inputs and outputs of every function in a .tflite file, by its name;
            `load` takes one by its name. Empty for a file without signatures.
        card: What the file says about itself; None for a file without a card.
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
        card: Card | None,
        engine: str,
        format: str,
        size: int,
        signed_by: str | None = None,
    ) -> None:
        """Take over a session; `load` is the way to get a model."""
        self._session: Session | None = session
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.signatures = session.signatures
        self.name = name
        self.card = card
        self.engine = engine
        self.format = format
        self.size_bytes = size
        self.signed_by = signed_by
        self._lock = threading.RLock()
        self._quick: quick.Quick = quick.never
        self._quick_raw: quick.Quick = quick.never
        self._calls: dict[bool, prepared.Call] = {}
        self._shapes: tuple[Shape, ...] | None = None

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
                result = self._quick(x)
            except RuntimeWarning:
                result = None  # where warnings are errors: the long way knows which are none
            except LittoralError:
                raise
            except Exception as error:
                raise self._failed(error) from error
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
                result = self._quick_raw(x)
            except LittoralError:
                raise
            except Exception as error:
                raise self._failed(error) from error
        return self._run(x, raw=True) if result is None else result

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
        results = result if isinstance(result, dict) else {self.outputs[0].name: result}
        return prediction.classes(self.card, self.outputs, results, top)

    def allocate(self) -> None:
        """Reserve memory now where the file fixes every size but the number of samples.

        Raises:
            EngineError: The engine cannot execute what the file says.
        """
        shapes = []
        for spec in self.inputs:
            if None in spec.shape[1:]:
                return
            shapes.append(tuple(size if size is not None else 1 for size in spec.shape))
        self._call(tuple(shapes), raw=False)

    def close(self) -> None:
        """Free the engine's memory. The model cannot run afterwards; closing again does nothing."""
        with self._lock:
            self._forget_calls()
            if self._session is not None:
                self._session.close()
                self._session = None

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the model."""
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._session is None else self.engine
        return f"<littoral.Model {self.name}: {self.format}, {state}, {self.size_bytes} bytes>"

    def _run(self, x: Any, *, raw: bool) -> Result:
        if self._session is None:
            raise EngineError(f"{self.name} is closed: load it again to run it")
        values = arguments.assign(x, self.inputs)
        pairs = zip(values, self.inputs, strict=True)
        arrays = [arguments.admit(value, spec, raw=raw) for value, spec in pairs]
        batch = arguments.lay_out(arrays, self.inputs, self.outputs)
        with self._lock:
            if batch.count is None:
                results = self._once(batch.arrays, raw)
            else:
                results = self._in_steps(batch, raw)
        if batch.is_sample:
            results = [result[0] for result in results]
        return self._named(results)

    def _in_steps(self, batch: arguments.Batch, raw: bool) -> list[NDArray[Any]]:
        count, step = batch.count or 0, batch.step
        pieces = []
        for start in range(0, count, step):
            rows = [_padded(array[start : start + step], step) for array in batch.arrays]
            pieces.append(self._once(rows, raw))
        for result, spec in zip(pieces[0], self.outputs, strict=True):
            if not result.ndim or len(result) != step:
                raise EngineError(
                    f"{self.name}: output {spec.name!r} has shape {list(result.shape)}, which does "
                    f"not split into {step} samples; run the samples one by one"
                )
        return [np.concatenate(column)[:count] for column in zip(*pieces, strict=True)]

    def _once(self, arrays: list[NDArray[Any]], raw: bool) -> list[NDArray[Any]]:
        try:
            return self._call(tuple(array.shape for array in arrays), raw)(arrays)
        except LittoralError:
            raise
        except Exception as error:
            raise self._failed(error) from error

    def _call(self, shapes: tuple[Shape, ...], raw: bool) -> prepared.Call:
        """The prepared call for these shapes, from a clean state."""
        session = self._session
        if session is None:
            raise EngineError(f"{self.name} is closed: load it again to run it")
        if session.stateful:
            session.reset()
            return prepared.compose(session.bind(shapes), self.inputs, self.outputs, raw=raw)
        if shapes != self._shapes:
            self._prepare(session, shapes)
        return self._calls[raw]

    def _prepare(self, session: Session, shapes: tuple[Shape, ...]) -> None:
        self._forget_calls()
        binding = session.bind(shapes)
        for raw in (False, True):
            self._calls[raw] = prepared.compose(binding, self.inputs, self.outputs, raw=raw)
        self._shapes = shapes
        step = arguments.step(self.inputs, self.outputs)
        batched = step == 1 and all(shape[:1] == (1,) for shape in shapes)
        self._quick, self._quick_raw = (
            quick.compose(binding, self.inputs, self.outputs, has_batch=batched, raw=raw)
            for raw in (False, True)
        )

    def _forget_calls(self) -> None:
        self._quick = self._quick_raw = quick.never
        self._calls = {}
        self._shapes = None

    def _named(self, results: list[NDArray[Any]]) -> Result:
        if len(results) == 1:
            return results[0]
        return {spec.name: result for spec, result in zip(self.outputs, results, strict=True)}

    def _failed(self, error: Exception) -> EngineError:
        return EngineError(f"{self.name}: {self.engine} failed: {reason(error)}")


def _padded(rows: NDArray[Any], size: int) -> NDArray[Any]:
    """The rows, the last one repeated until there are `size`."""
    if len(rows) == size:
        return rows
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
