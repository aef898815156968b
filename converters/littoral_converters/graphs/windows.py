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
        grid = windows_along(grid, axis + 1, size[axis], steps[axis], rates[axis], padding)
    return grid


def fitted(length: int, reach: int, step: int, is_same: bool) -> tuple[int, int]:
    """Windows along an axis.

    Args:
        length: Places of the axis.
        reach: Places from the first to the last of a window.
        step: From window to window.
        is_same: Whether there is a window for each step, zeros beside the axis in it or not.

    Returns:
        How many, and how many zeros beside the axis they see, half of them in front.
    """
    count = -(-length // step) if is_same else (length - reach) // step + 1
    return count, max(0, (count - 1) * step + reach - length)


def windows_along(grid: Any, axis: int, size: int, step: int, rate: int, padding: str) -> Any:
    """One axis of places as windows, whose places join the channels as the slowest.

    Args:
        grid: (batch, *places, channels), the batch alone of open size.
        axis: Not the first and not the last.
        size: Places of a window.
        step: From window to window.
        rate: From place to place in a window.
        padding: ``"VALID"`` or ``"SAME"``.
    """
    length, reach = grid.shape[axis], rate * (size - 1) + 1
    count, missing = fitted(length, reach, step, padding == "SAME")
    # Whole turns of the step, to take every so many without a stride.
    whole = (count + (reach - 1) // step) * step
    front = missing // 2
    behind = max(0, whole - length - front)
    if front or behind:
        around = np.zeros((len(grid.shape), 2), int)
        around[axis] = front, behind
        grid = tf.pad(grid, around)
    if grid.shape[axis] > whole:
        grid = grid[(*[slice(None)] * axis, slice(whole))]
    if (size, rate) == (step, 1):
        return _tiles(grid, axis, size)
    places = [_every(grid, axis, at, step, count) for at in range(0, reach, rate)]
    return tf.concat(places, axis=-1)


def _every(grid: Any, axis: int, start: int, step: int, count: int) -> Any:
    """So many places of an axis of whole turns, from `start` on and `step` apart."""
    if step == 1:
        return grid[(*[slice(None)] * axis, slice(start, start + count))]
    (_, *outer), (length, *inner) = grid.shape[:axis], grid.shape[axis:]
    rows = tf.reshape(grid, [-1, length // step, step, math.prod(inner)])
    first, phase = divmod(start, step)
    taken = rows[:, first : first + count, phase : phase + 1]
    return tf.reshape(taken, [-1, *outer, count, *inner])


def _tiles(grid: Any, axis: int, size: int) -> Any:
    """As `windows_along`, where they touch: the axes between move to the front of a tile."""
    (_, *outer), (length, *inner, channels) = grid.shape[:axis], grid.shape[axis:]
    rows = tf.reshape(grid, [-1, size, math.prod(inner), channels])
    turned = tf.transpose(rows, [0, 2, 1, 3])
    return tf.reshape(turned, [-1, *outer, length // size, *inner, size * channels])
