"""A fixed piece of work that is timed beside the models, so that two runs can be compared.

A shared or warm machine runs some percent faster or slower from one minute to the next, and a
model's latency with it. The same work, timed in the same rounds, moves along: dividing by it takes
most of that out. Measured on two busy cores, 25 runs of half a second each of one CNN file: the
medians of two runs of the very same file lay more than 5% apart in 7.8% of all pairs, the medians
divided by the yardstick's in 0.5%; for a small MLP in 5.5% and in none.

The work has a part in native code (a matrix product that stays in the first cache, a hyperbolic
tangent) and a part in the interpreter, as a call of `Model.run` has. It must never change: figures
taken with another yardstick cannot be compared by it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NAME = "matrix-48-1"
"""Changes with the work."""

_SIZE = 48
_PRODUCTS = 3
_ADDITIONS = 200


def work() -> Callable[[], object]:
    """The work, ready to be called: about 30 microseconds on a desktop processor.

    Returns:
        A function without arguments whose work does not depend on earlier calls.
    """
    start = np.random.default_rng(1).standard_normal((_SIZE, _SIZE)).astype(np.float32)
    result = np.empty_like(start)

    def once() -> int:
        for _ in range(_PRODUCTS):
            np.dot(start, start, out=result)
            np.tanh(result, out=result)
        total = 0
        for number in range(_ADDITIONS):
            total += number * number
        return total

    return once
