"""Engines: the native libraries that execute a model file. One file each.

An engine module offers these names; the file's name is the engine's name:

    FORMATS: tuple[str, ...]                 formats it executes, for example ("tflite",)
    EXTRA: str                               what to install: littoral[EXTRA]
    AUTO: bool                               absent or True; False: only taken when asked for
    version() -> str | None                  the library's version; None when not installed
    open_session(content, threads) -> Session

A session hands out bindings: the engine's memory for one set of input shapes, ready to be filled,
run and read. Whatever can be decided before a call is decided when the binding is made, so a call
is a copy in, a native call and a copy out, with no Python in between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from littoral import plugins
from littoral.tensors import TensorSpec

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Binding:
    """A session made ready for one set of input shapes. Valid until the next `Session.bind`.

    Attributes:
        inputs: Writable arrays, in the order of the session's inputs: fill them with ``[...] =``.
        invoke: Executes once.
        read: By output, a function that returns a copy which the caller owns.
    """

    inputs: tuple[NDArray[Any], ...]
    invoke: Callable[[], object]
    read: tuple[Callable[[], NDArray[Any]], ...]


class Session(Protocol):
    """A loaded model file inside one engine. Used by one thread at a time.

    Attributes:
        inputs: In the file's order.
        outputs: In the file's order.
        stateful: True when a call leaves something behind that changes the next one.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    stateful: bool

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Make ready for inputs of these shapes. Earlier bindings are invalid afterwards.

        Args:
            shapes: One per input; equal to the spec where the spec fixes a size.

        Raises:
            EngineError: The engine cannot take these shapes; its message is inside ours.
        """
        ...

    def reset(self) -> None:
        """Forget what earlier calls left behind. Earlier bindings are invalid afterwards."""
        ...

    def close(self) -> None:
        """Free the native memory. Calling it again does nothing."""
        ...


class Engine(Protocol):
    """What an engine's module offers."""

    FORMATS: tuple[str, ...]
    EXTRA: str

    def version(self) -> str | None:
        """The library's version, or None when it is not installed."""
        ...

    def open_session(self, content: bytes, threads: int) -> Session:
        """Load a model file's bytes.

        Args:
            content: The whole file.
            threads: Threads that one call may use.

        Raises:
            FormatError: Not a model that this engine can execute.
            EngineNotInstalled: The library is missing; the message names the extra.
        """
        ...


def usual() -> tuple[str, ...]:
    """Names of the engines that ``"auto"`` chooses from."""
    here = sys.modules[__name__]
    names = plugins.names(here)
    return tuple(name for name in names if getattr(plugins.load(here, name), "AUTO", True))
