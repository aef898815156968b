"""Windows of grids of values, laid beside each other by copies alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def windows(
    grid: Any, size: Sequence[int], steps: Sequence[int], rates: Sequence[int], padding: str
) -> Any:
    """What each window of a grid sees; beside the grid it sees zeros.

    A convolution with ones on its diagonal answers the same, but multiplies: windows of 16x16
    pixels in color have 590000 weights.

    Args:
        grid: (batch, *places, channels), any type.
        size: Places of a window along each axis.
        steps: From window to window.
        rates: From place to place in a window.
        padding: ``"VALID"`` or ``"SAME"``.

    Returns:
        (batch, *windows, places of a window * channels).

    Raises:
        NotImplementedError: A size other than the batch's is open.
    """
    if None in grid.shape[1:]:
        raise NotImplementedError
    for axis in reversed(range(len(size))):
        grid = _along(grid, axis + 1, size[axis], steps[axis], rates[axis], padding)
    return grid


def _along(grid: Any, axis: int, size: int, step: int, rate: int, padding: str) -> Any:
    """One axis of places as windows, whose places join the channels as the slowest."""
    length, reach = grid.shape[axis], rate * (size - 1) + 1
    count = -(-length // step) if padding == "SAME" else (length - reach) // step + 1
    missing = (count - 1) * step + reach - length
    if missing > 0:
        around = np.zeros((len(grid.shape), 2), int)
        around[axis] = missing // 2, missing - missing // 2
        grid = tf.pad(grid, around)
    before = [slice(None)] * axis
    if (size, rate) == (step, 1):
        whole = grid.shape[axis] == count * step
        return _tiles(grid if whole else grid[(*before, slice(count * step))], axis, size)
    last = (count - 1) * step + 1
    places = [grid[(*before, slice(at, at + last, step))] for at in range(0, reach, rate)]
    return tf.concat(places, axis=-1)


def _tiles(grid: Any, axis: int, size: int) -> Any:
    """`_along` where windows touch each other: the axes between move to the front of a tile."""
    (_, *outer), (length, *inner, channels) = grid.shape[:axis], grid.shape[axis:]
    rows = tf.reshape(grid, [-1, size, math.prod(inner), channels])
    turned = tf.transpose(rows, [0, 2, 1, 3])
    return tf.reshape(turned, [-1, *outer, length // size, *inner, size * channels])
