"""Files of whatever origin in the raw engines: how well they do, and calls to time them by."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

SESSIONS = 4
"""So often each file is loaded: one session in some ten is slow for its whole life."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file in the race.

    Attributes:
        name: Of the route, or ``"ours FORMAT SCHEME"``.
        path: The file.
        calls: One inference on one sample through the raw engine, in each of some sessions.
        accuracy: On the test samples.
    """

    name: str
    path: Path
    calls: Sequence[Callable[[], object]]
    accuracy: float

    @property
    def is_ours(self) -> bool:
        """Whether littoral made it."""
        return self.name.startswith("ours")


def entry(name: str, path: Path, x: Any, y: Any) -> Entry:
    """Load a file into its raw engine, some times, and run the test samples through it."""
    import probe_models

    sessions = [
        _onnx(path) if path.suffix == ".onnx" else _tflite(path, x.shape[1:])
        for _ in range(SESSIONS)
    ]
    run, one = sessions[0], x[:1].copy()
    scores = np.concatenate(
        [np.asarray(run(x[at : at + 1])).reshape(1, -1) for at in range(len(x))]
    )
    calls = [partial(session, one) for session in sessions]
    return Entry(name, path, calls, probe_models.accuracy(scores, y))


def _onnx(path: Path) -> Callable[[Any], Any]:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda value: session.run(None, {name: value})[0]


def _tflite(path: Path, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    details = interpreter.get_input_details()[0]
    at, dtype = details["index"], details["dtype"]
    interpreter.resize_tensor_input(at, [1, *shape])
    interpreter.allocate_tensors()
    out = interpreter.get_output_details()[0]["index"]
    scale, zero_point = details["quantization"]

    def run(value: Any) -> Any:
        if dtype is np.int8 and value.dtype != np.int8:
            value = np.clip(np.rint(value / scale) + zero_point, -128, 127).astype(np.int8)
        interpreter.set_tensor(at, value)
        interpreter.invoke()
        return interpreter.get_tensor(out)

    return run
