"""Files that are wrong only for how many samples are asked at once, and the way out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from littoral.errors import LittoralError

from littoral_converters.calibration import Dataset
from littoral_converters.preparation import Prepared
from littoral_converters.verification import Limits, Outputs, compare

Ask = Callable[[Dataset], Outputs]
"""What Keras, or a file, answers on some data."""

_DEPENDENT = (
    "on one sample at a time it does: the model's answer for a sample depends on the others in its "
    "batch, and a file answers each alone; let the model compute every sample by itself, or take "
    "--batch any (batch=None), or the --batch that the model is built with or called with, for "
    "files that see a batch as the model does"
)
_WRITTEN = (
    "given one sample it does: a layer writes a number of samples into its computation instead of "
    "asking for it (x.shape[0] is unknown where the batch is any); take --batch 1 (batch=1), or "
    "--batch N for N samples at a time, or let the layer take ops.shape(x)[0] or -1 for the batch"
)
_OVERFLOW = (
    "numbers that do not fit into {} are cast to it, or multiplied in it, which Keras answers "
    "differently from one batch to the next: cast to int32 or float32 before"
)


def batch_in(outputs: Outputs, prepared: Prepared, limits: Limits, ask: Ask, run: Ask) -> str:
    """Whether a file is only wrong because of how many samples it, or Keras, is asked at once.

    The sample that it is most wrong on is asked alone.

    Args:
        outputs: What the file answers on the data.
        prepared: The data, and Keras's outputs on it.
        limits: What the file may differ by.
        ask: What Keras answers.
        run: What the file answers; its outputs by Keras's names, as `outputs`.

    Returns:
        That, for a message, or that integers overflow, which Keras answers by the batch as well;
        empty where it is wrong on a single sample too.
    """
    reference = prepared.reference
    if not (_is_comparable(reference) and _is_comparable(outputs)):
        return ""
    if list(reference) != list(outputs):
        return ""
    at = _most_wrong(reference, outputs)
    batch, file, data = (
        _one(arrays, at) for arrays in (reference, outputs, prepared.evaluation.inputs)
    )
    if compare(batch, file, None, limits).passed:
        return ""
    try:
        alone = ask(Dataset(data))
        if overflow := _overflow(reference, outputs):
            return overflow
        if compare(alone, file, None, limits).passed:
            return _DEPENDENT
        return _WRITTEN if compare(alone, run(Dataset(data)), None, limits).passed else ""
    except LittoralError:
        return ""


def _overflow(reference: Outputs, outputs: Outputs) -> str:
    """Whether all that differs is integers of few bits, by much, as what does not fit into them."""
    wrong = []
    for name, values in reference.items():
        if values.shape != outputs[name].shape:
            return ""
        most = np.abs(np.float64(values) - np.float64(outputs[name])).max()
        is_short = values.dtype.kind in "iu" and values.dtype.itemsize < 4
        if most and not (is_short and most > np.iinfo(values.dtype).max / 4):
            return ""
        wrong += [str(values.dtype)] if most else []
    return _OVERFLOW.format(", ".join(sorted(set(wrong)))) if wrong else ""


def _is_comparable(outputs: Outputs) -> bool:
    return all(len(values) and np.isfinite(values).all() for values in outputs.values())


def _one(arrays: Outputs, at: int) -> dict[str, Any]:
    """A sample as a batch of itself."""
    return {name: values[at : at + 1] for name, values in arrays.items()}


def _most_wrong(reference: Outputs, outputs: Outputs) -> int:
    """The sample whose outputs differ most; any, where their shapes do."""
    pairs = [(reference[name], outputs[name]) for name in reference]
    if any(keras.shape != file.shape for keras, file in pairs):
        return 0
    errors = (np.abs(np.float64(keras) - np.float64(file)) for keras, file in pairs)
    return int(np.argmax(sum(error.reshape(len(error), -1).mean(1) for error in errors)))
