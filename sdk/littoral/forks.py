"""What becomes of a loaded model in a process that is forked off.

A fork copies the memory and the thread that forks, no other thread. So a model that needs no
threads of an engine goes on in the child as it is, sharing its weights with the parent; any other
would wait for threads that are not there, and is refused. Asking for the process's number in each
call would cost every call; the system's own hook costs none.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """What wants to be told."""

    def _after_fork(self) -> None:
        """This process is a copy that was just made."""
        ...


_watched: weakref.WeakSet[Forked] = weakref.WeakSet()


def watch(thing: Forked) -> None:
    """Tell a thing after every fork, in the child, for as long as it lives."""
    _watched.add(thing)


def abandon(thing: object) -> None:
    """Never free a thing, not even when the interpreter ends.

    A native object that had threads waits for them when it is destroyed, and in a forked process
    they are not there: it would wait for ever (seen with ONNX Runtime, once in some ten runs).
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _tell() -> None:
    for thing in list(_watched):
        thing._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tell)
