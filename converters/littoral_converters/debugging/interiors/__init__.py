"""What goes on inside a model file: every tensor of one run, read through the engine itself.

One file a format, named as the format. Each offers one function:

    read(content, feeds) -> Iterator[dict[str, NDArray]]     one dict a feed

    describe(content) -> list[Place]                         the tensors there are, in order

Feeds are arrays in real units by the name that `littoral.load` gives the file's inputs. The values
that come back are in real units too, whatever integers the file computes with.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A tensor that some operator of a file computes.

    Attributes:
        name: The tensor's name in the file; unlike any other's.
        hint: What the file says of its origin: a path that may hold a layer's name.
        operator: What computes it.
    """

    name: str
    hint: str
    operator: str
