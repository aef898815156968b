"""Functions without a name, which a Lambda layer stores as code alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

from littoral_converters.stand_ins import stand_ins


@contextmanager
def readable_lambdas(modules: Iterable[ModuleType]) -> Iterator[None]:
    """Give the code of lambdas, while a model is loaded, the names that it had where it was made.

    Keras gives it none but builtins, so that ``lambda x: ops.sum(x, 1)`` loads and fails when it is
    called, and hands on defaults (``lambda x, at=2: x[:, at]``) in a list, which Python refuses.

    Args:
        modules: The person's own, whose names come before those that everybody uses.
    """
    from keras.src.utils import python_utils

    names = _usual()
    for module in modules:
        names.update(vars(module))
    with stand_ins() as put:
        put(python_utils, "func_load", partial(_load, python_utils.func_load, names))
        yield


def _usual() -> dict[str, Any]:
    import keras
    import numpy as np
    import tensorflow as tf

    return {
        "keras": keras,
        "layers": keras.layers,
        "ops": keras.ops,
        "K": tf.keras.backend,
        "tf": tf,
        "tensorflow": tf,
        "np": np,
        "numpy": np,
        "math": math,
    }


def _load(
    original: Callable[..., Any],
    names: dict[str, Any],
    code: Any,
    defaults: Any = None,
    closure: Any = None,
    globs: dict[str, Any] | None = None,
) -> Any:
    defaults = tuple(defaults) if isinstance(defaults, list) else defaults
    return original(code, defaults, closure, {**names, **(globs or {})})
