"""Engines: the native libraries that execute a model file. One file each.

An engine module offers four names; the file's name is the engine's name:

    FORMATS: tuple[str, ...]                 formats it executes, for example ("tflite",)
    EXTRA: str                               what to install: littoral[EXTRA]
    version() -> str | None                  the library's version; None when not installed
    open_session(content, threads) -> Session
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from littoral.tensors import TensorSpec

Arrays = Sequence[NDArray[Any]]


class Session(Protocol):
    """A loaded model file inside one engine. Owned by one thread at a time."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, arrays: Arrays) -> list[NDArray[Any]]:
        """Execute once.

        Args:
            arrays: One C-contiguous array per input, in the order of `inputs`, dtypes of the file.
                Sizes that the spec leaves open may differ from call to call.

        Returns:
            One array per output, owned by the caller, in the order of `outputs`.

        Raises:
            EngineError: The engine failed; its message is inside ours.
        """
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
