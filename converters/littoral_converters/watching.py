"""Looking on while a Keras model runs: which layer is called with what, and what it returns."""

from __future__ import annotations

import functools
import itertools
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras

from littoral_converters.stand_ins import stand_ins

Enter = Callable[[Any], None]
Leave = Callable[[Any, tuple[Any, Any], Any], None]


@contextmanager
def watched(layers: Iterable[Any], enter: Enter, leave: Leave) -> Iterator[None]:
    """Be told of every call of some layers. What they compute is not touched.

    A class-level stand-in is needed: Python looks ``__call__`` up on the class, never on the
    instance.

    Args:
        layers: The layers to watch.
        enter: Called with the layer before its call.
        leave: Called with the layer, its (args, kwargs) and its result after a call that returned.

    Yields:
        Nothing.
    """
    watched_ids = {id(layer) for layer in layers}
    base = keras.layers.Layer
    original = base.__call__

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if id(self) not in watched_ids:
            return original(self, *args, **kwargs)
        enter(self)
        result = original(self, *args, **kwargs)
        leave(self, (args, kwargs), result)
        return result

    with stand_ins() as put:
        put(base, "__call__", call)
        yield


@contextmanager
def whole_tracebacks() -> Iterator[None]:
    """Keep Keras from cutting its own frames out of tracebacks: they hold the layer to blame.

    It also keeps Keras from wrapping the message of an error in its own.
    """
    cut = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if cut:
            keras.config.enable_traceback_filtering()


_IN_A_GRAPH = "Graph execution error:"
"""How TensorFlow begins when a graph fails; what failed comes after the places of every node."""

_NODE = "[[{{node"

_IN_PYTHON = "in user code:"

_TENSORFLOWS_OWN = r"^\{\{function_node \S+\}\} | \[Op:\w+\]( name:.*)?$"
"""Names of TensorFlow's own around what it has to say."""


def reason_of(error: Exception) -> str:
    """The first line of what an error says, for a message; its class where it says nothing."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [repr(error)]
    if lines[0] == _IN_A_GRAPH:
        pairs = itertools.pairwise(lines)
        said = (line for line, after in pairs if line and after.startswith(_NODE))
        return next(said, repr(error))[:300]
    # What a tf.function in Python's own code says stands behind the lines of that code.
    line = lines[-1] if lines[0] == _IN_PYTHON else lines[0]
    return re.sub(_TENSORFLOWS_OWN, "", line)[:300]


def layer_in(error: Exception, model: Any) -> Any:
    """The innermost layer that was being called when an error rose.

    Args:
        error: Raised under `whole_tracebacks`.
        model: Counts as no layer.

    Returns:
        The layer; None for none.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    callers = [frame.f_locals.get("self") for frame in reversed(frames)]
    layers = (c for c in callers if isinstance(c, keras.layers.Layer) and c is not model)
    return next(layers, None)
