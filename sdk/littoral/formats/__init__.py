"""Formats: what a model file's bytes say without an engine. One file each, named as the format.

A format's module offers:

    SUFFIX: str                              the file name's usual ending
    claims(content) -> bool                  do these bytes look like this format
    read_card(content) -> bytes | None       the card's JSON
    outline(content) -> Outline              inputs, outputs, operators, weights
    check_structure(content) -> None         where engines run it: refuses what would crash them

and, where a file can carry a seal (`littoral.integrity`):

    place_seal(content, record) -> bytes     a new file with the record inside
    seal_span(content) -> (start, end) | None    where the record is
    seal_traces(content) -> bool             did a file without a seal have one once
    encode_seal(record), decode_seal(text)   the record as it stands in the file, and back

The parsers are our own, bounds-checked, and raise `FormatError` for anything that is not whole:
a board that runs a model need not install a FlatBuffer or protobuf package to inspect it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from littoral import plugins
from littoral.errors import FormatError
from littoral.tensors import TensorSpec

_SHOWN = 24
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Signature(NamedTuple):
    """One of the functions that a file offers, under a name.

    Attributes:
        inputs: Names of its inputs.
        outputs: Names of its outputs.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Outline(NamedTuple):
    """What a file holds, read from its bytes.

    Attributes:
        inputs: In the file's order.
        outputs: In the file's order.
        operators: How many of each kind, by the format's operator name.
        requires: What the file asks of an engine, for example ``{"ai.onnx opset": "17"}``.
        weights: Bytes of constants by dtype name.
        description: The producer's free text, empty when there is none.
        signatures: The functions that the file offers, by name.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: Mapping[str, int] = _NOTHING
    requires: Mapping[str, str] = _NOTHING
    weights: Mapping[str, int] = _NOTHING
    description: str = ""
    signatures: Mapping[str, Signature] = _NOTHING


def sniff(content: bytes) -> str:
    """The format that a file's bytes are in, whatever its name says.

    Args:
        content: The whole file.

    Returns:
        ``"tflite"``, ``"onnx"`` or ``"keras"``.

    Raises:
        FormatError: None of them; the message says what came instead.
    """
    if not content:
        raise FormatError("the file is empty")
    for name in reversed(plugins.names(_package())):  # TFLite's mark first: it is never mistaken
        if module(name).claims(content):
            return name
    raise FormatError(
        f"not a TFLite, ONNX or Keras model: its {len(content)} bytes begin with "
        f"{content[:_SHOWN]!r}; it may be damaged, truncated or another kind of file"
    )


def module(name: str) -> ModuleType:
    """The module of a format, imported on demand.

    Args:
        name: For example ``"onnx"``.

    Raises:
        InputError: No such format.
    """
    return plugins.load(_package(), name)


def _package() -> ModuleType:
    return sys.modules[__name__]
