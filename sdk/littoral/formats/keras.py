"""Keras 3: a zip file with ``config.json``, the weights, and the card as a member of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from littoral.errors import FormatError
from littoral.formats import Outline
from littoral.tensors import TensorSpec

if TYPE_CHECKING:
    from zipfile import ZipFile

SUFFIX = ".keras"
_CARD = "littoral_card.json"
_CONFIG = "config.json"
_LARGEST_MEMBER_BYTES = 64 << 20
_DEEPEST = 64


def claims(content: bytes) -> bool:
    """True when the bytes are a zip file with a Keras configuration inside."""
    if content[:4] != b"PK\x03\x04":
        return False
    try:
        return _member(content, _CONFIG) is not None
    except FormatError:
        return False


def read_card(content: bytes) -> bytes | None:
    """The card's JSON, None when the file has no card.

    Args:
        content: The whole file.

    Raises:
        FormatError: The zip file is damaged, or the card larger than 64 MiB.
    """
    return _member(content, _CARD)


def outline(content: bytes) -> Outline:
    """Input layers, and how many layers of each class; nothing in the file is executed.

    Args:
        content: The whole file.

    Raises:
        FormatError: The zip file or its configuration is damaged.
    """
    import json

    try:
        config = json.loads(_member(content, _CONFIG) or b"")
        metadata = json.loads(_member(content, "metadata.json") or b"{}")
        layers = list(_layers(config))
        inputs = [_input(layer["config"]) for layer in layers if _is_input(layer)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FormatError(f"the Keras file's configuration cannot be read: {error}") from error
    kinds = Counter(str(layer["class_name"]) for layer in layers)
    return Outline(
        inputs=tuple(inputs),
        outputs=(),
        operators=dict(kinds.most_common()),
        requires={"Keras": str(metadata.get("keras_version", "not said"))},
        weights={"file": len(content)},
    )


def _member(content: bytes, name: str) -> bytes | None:
    import io
    import zipfile  # here, so that loading a model that is no zip file does not pay for it
    import zlib

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _read(archive, name)
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, zlib.error) as error:
        raise FormatError(f"the Keras file is damaged: {error}") from error


def _read(archive: ZipFile, name: str) -> bytes | None:
    if name not in archive.namelist():
        return None
    if archive.getinfo(name).file_size > _LARGEST_MEMBER_BYTES:
        raise FormatError(f"{name} takes more than {_LARGEST_MEMBER_BYTES} bytes")
    return archive.read(name)


def _layers(config: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every layer's entry, those of the models inside the model included."""
    if depth > _DEEPEST:
        raise FormatError("the Keras file nests models too deeply: it is damaged")
    for layer in config.get("config", {}).get("layers", ()):
        if "layers" in layer.get("config", {}):
            yield from _layers(layer, depth + 1)
        else:
            yield layer


def _is_input(layer: dict[str, Any]) -> bool:
    return str(layer["class_name"]) == "InputLayer"


def _input(config: dict[str, Any]) -> TensorSpec:
    shape = tuple(None if size is None else int(size) for size in config["batch_shape"])
    dtype = config.get("dtype", "float32")
    return TensorSpec(str(config["name"]), shape, dtype if isinstance(dtype, str) else "float32")
