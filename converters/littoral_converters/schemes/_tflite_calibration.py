"""Ranges of a float .tflite's tensors on representative data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from littoral_converters.schemes import Samples
from littoral_converters.trees.tflite import parse, serialize

Range = tuple[float, float]

MASK = 1e8
"""Values beyond it, either way, stand for infinity: attention masks add -1e9 and the like."""

_BEYOND = 16.0
"""How far beyond everything else such a value is put; exp(-16) is nothing to a softmax."""

_ENOUGH = 1e5
"""Values from which the extremes seen are taken as they are."""

_FEW = 100
"""Fewer values count as this many: from one sample nothing can be told."""


def range_of(values: NDArray[np.float32]) -> Range:
    """The smallest and largest value, those that stand for infinity pulled in.

    Args:
        values: Any float array that is not empty.

    Returns:
        (low, high).
    """
    low, high = float(values.min()), float(values.max())
    if low > -MASK and high < MASK:
        return low, high
    ordinary = values[np.abs(values) < MASK]
    least, most = (ordinary.min(), ordinary.max()) if ordinary.size else (0.0, 0.0)
    return (
        low if low > -MASK else float(least) - _BEYOND,
        high if high < MASK else float(most) + _BEYOND,
    )


def ranges_of(content: bytes, tensors: Sequence[int], samples: Samples) -> dict[int, Range]:
    """The smallest and largest value to expect in tensors of the main subgraph.

    Extremes of few values are moved to where those of many are expected: the largest of n normal
    values is near sigma * sqrt(2 ln n). A value beyond the range is cut, which costs more than the
    resolution that the headroom takes.

    The tensors are made outputs of a copy of the file, so they are seen as the engine computes
    them, without its debugging mode.

    Args:
        content: The float32 file.
        tensors: Indices of float tensors that are not constant.
        samples: Feeds by input name.

    Returns:
        (low, high) by tensor index.
    """
    from ai_edge_litert.interpreter import Interpreter

    model = parse(content)
    main = model.subgraphs[0]
    inputs = {entry.name.decode(): entry.tensorIndex for entry in model.signatureDefs[0].inputs}
    known = {int(index) for index in main.inputs}
    main.outputs = [index for index in tensors if index not in known]
    model.signatureDefs = []
    interpreter = Interpreter(model_content=serialize(model), num_threads=1)
    for name, index in inputs.items():
        interpreter.resize_tensor_input(index, samples[0][name].shape)
    interpreter.allocate_tensors()
    ranges = dict.fromkeys(tensors, (np.inf, -np.inf))
    counts = dict.fromkeys(tensors, 0)
    for feed in samples:
        for name, index in inputs.items():
            interpreter.set_tensor(index, feed[name])
        interpreter.invoke()
        for index in tensors:
            values = interpreter.get_tensor(index)
            (low, high), (least, most) = ranges[index], range_of(values)
            ranges[index] = (min(low, least), max(high, most))
            counts[index] += values.size
    return {index: _with_headroom(*ranges[index], counts[index]) for index in tensors}


def _with_headroom(low: float, high: float, count: int) -> Range:
    factor = max(1.0, np.log(_ENOUGH) / np.log(max(count, _FEW))) ** 0.5
    return low * factor, high * factor
