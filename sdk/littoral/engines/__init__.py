"""Engines: the native libraries that execute a model file. One file each.

An engine module offers these names; the file's name is the engine's name:

    FORMATS: tuple[str, ...]                 formats it executes, for example ("tflite",)
    EXTRA: str                               what to install: littoral[EXTRA]
    OPTIONS: Mapping[str, str]               what each option takes, by name; "group.*" is a group
    ALTERNATIVES: tuple[Mapping[str, str], ...]   options that are worth a race against none
    version() -> str | None                  the library's version; None when not installed
    providers() -> tuple[str, ...]           what the loaded library can compute on
    open_session(content, settings) -> Session

A session hands out bindings: the engine's memory for one set of input shapes, ready to be filled,
run and read. Whatever can be decided before a call is decided when the binding is made, so a call
is a copy in, a native call and a copy out, with no Python in between.

What is made on the way to a first result is a named tuple here and in `littoral.formats`, not a
frozen dataclass: Python takes 0.08 ms to make the class instead of 0.43, and there are nine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from littoral.formats import Signature
from littoral.tensors import TensorSpec

Shape = tuple[int, ...]
ABSENT: Shape = (0,) * 9
"""Stands for the shape of an optional input that is left out."""


class Settings(NamedTuple):
    """How a file is to be opened.

    Attributes:
        threads: Threads that one call may use.
        options: The engine's own, by the names in its ``OPTIONS``; unchecked.
        signature: Which of the file's signatures to run, None for the usual one.
        folder: Where the file is, None where it did not come from a path. What a file says is
            outside it is read from this folder or not at all.
    """

    threads: int = 1
    options: Mapping[str, Any] = MappingProxyType({})
    signature: str | None = None
    folder: str | None = None


class Binding(NamedTuple):
    """A session made ready for one set of input shapes. Valid until the next `Session.bind`.

    Attributes:
        inputs: Writable arrays, in the order of the session's inputs: fill them with ``[...] =``.
        invoke: Executes once.
        read: By output, a function that returns a copy which the caller owns: an array, or a list
            or dict where the output's spec says so.
    """

    inputs: tuple[NDArray[Any], ...]
    invoke: Callable[[], object]
    read: tuple[Callable[[], Any], ...]


Feedback = tuple[tuple[int, int], ...]
"""Positions of an input and of the output that becomes it at the next call."""


class Loop(NamedTuple):
    """A session made ready to run again and again, outputs going back in as states.

    Valid as long as the binding for the same shapes.

    Attributes:
        inputs: Writable arrays of the inputs that are no states, in their order.
        read: By output that is no state, a function that returns a copy which the caller owns.
        invoke: Executes once, and carries the states over.
        put: Sets the states, in the order of the feedback, in the file's dtypes.
        take: Returns the states, not to be changed.
    """

    inputs: tuple[NDArray[Any], ...]
    read: tuple[Callable[[], Any], ...]
    invoke: Callable[[], object]
    put: Callable[[Sequence[NDArray[Any]]], None]
    take: Callable[[], list[NDArray[Any]]]


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

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Every signature in the file, by name."""
        ...

    def bind(self, shapes: tuple[Shape, ...]) -> Binding:
        """Make ready for inputs of these shapes. Earlier bindings are invalid afterwards.

        Args:
            shapes: One per input; equal to the spec where the spec fixes a size. `ABSENT` for an
                optional input that is left out.

        Raises:
            EngineError: The engine cannot take these shapes; its message is inside ours.
        """
        ...

    def loop(self, shapes: tuple[Shape, ...], feedback: Feedback) -> Loop:
        """Make ready for calls whose outputs go back in. Loops do not disturb each other.

        Args:
            shapes: As `bind` takes them.
            feedback: Which output becomes which input.

        Raises:
            EngineError: As `bind` raises it.
        """
        ...

    def reset(self) -> None:
        """Forget what earlier calls left behind. Earlier bindings are invalid afterwards."""
        ...

    def another(self) -> Session:
        """One more session of the same file, for another thread; weights shared where possible.

        Raises:
            FormatError: The engine refuses the file, for want of memory for example.
        """
        ...

    def close(self) -> None:
        """Free the native memory. Calling it again does nothing."""
        ...


class Engine(Protocol):
    """What an engine's module offers."""

    FORMATS: tuple[str, ...]
    EXTRA: str
    OPTIONS: Mapping[str, str]
    ALTERNATIVES: tuple[Mapping[str, str], ...]

    def version(self) -> str | None:
        """The library's version, or None when it is not installed."""
        ...

    def providers(self) -> tuple[str, ...]:
        """What the library can compute on here, by the names that an option takes.

        Raises:
            EngineNotInstalled: The library is missing or does not load.
        """
        ...

    def open_session(self, content: bytes, settings: Settings) -> Session:
        """Load a model file's bytes.

        Args:
            content: The whole file.
            settings: How.

        Raises:
            InputError: An option or signature that there is not.
            FormatError: Not a model that this engine can execute.
            EngineNotInstalled: The library is missing; the message names the extra.
        """
        ...
