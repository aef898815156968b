"""The largest values in order, also where a model leaves their order open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from littoral_converters.stand_ins import stand_ins


@contextmanager
def largest_first() -> Iterator[None]:
    """Let Keras give the largest values that it is asked for with ``sorted=False`` in order.

    Keras leaves it open in which order they come, and every engine has another; the operators of
    both formats give the largest first, which is one of those that Keras allows.

    Yields:
        Nothing.
    """
    math = keras.src.backend.math
    original = math.top_k

    def top_k(x: Any, k: int, sorted: bool = True) -> Any:
        del sorted
        return original(x, k, sorted=True)

    with stand_ins() as put:
        put(math, "top_k", top_k)
        yield
