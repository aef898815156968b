"""Stand-ins: other attributes on layers, modules and classes, for a while."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any

_MISSING = object()
_KERAS = "keras.src"


@contextmanager
def stand_ins() -> Iterator[Callable[[Any, str, object], None]]:
    """Attributes on objects for a while.

    Yields:
        ``put(target, name, value)``; all that was put is taken off again in the end.
    """
    changed: list[tuple[Any, str, object]] = []

    def put(target: Any, name: str, value: object) -> None:
        changed.append((target, name, vars(target).get(name, _MISSING)))
        _kind(target).__setattr__(target, name, value)

    try:
        yield put
    finally:
        for target, name, before in reversed(changed):
            if before is _MISSING:
                _kind(target).__delattr__(target, name)
            else:
                _kind(target).__setattr__(target, name, before)


def functions_inside_keras(
    modules: Iterable[ModuleType], given: Any
) -> Iterator[tuple[ModuleType, str, Callable[..., Any]]]:
    """Each function inside Keras that one of some modules has a stand-in for.

    Args:
        modules: Those with ``functions`` offer stand-ins by module and name of what they stand in
            for ("backend.tensorflow.nn.conv").
        given: What `functions` takes.

    Yields:
        The function's module, its name, and the stand-in, which is called with the function, then
        with that function's own arguments.
    """
    for module in modules:
        offered = module.functions(given) if hasattr(module, "functions") else {}
        for path, stand_in in offered.items():
            place, _, name = path.rpartition(".")
            home = importlib.import_module(f"{_KERAS}.{place}")
            # An older Keras lacks some; then nothing in the model can call them.
            if hasattr(home, name):
                yield home, name, partial(stand_in, getattr(home, name))


def _kind(target: Any) -> Any:
    """Whose methods set an attribute of an object, past those of Keras that keep track of it."""
    return type if isinstance(target, type) else object
