"""What a Keras file names and nobody here knows, read from its configuration."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from littoral.errors import FormatError

_OTHERS_OF_KERAS = ("keras_hub", "keras_nlp", "keras_cv")
"""Keras imports these by itself where they are installed."""


_FUNCTION = "function"
"""Class of functions in a configuration, whose own configuration is the function's name."""

_NOWHERE = (None, "__main__", "builtins")


@dataclass(frozen=True)
class CustomClass:
    """A class that is not Keras's own.

    Attributes:
        name: Of the class.
        layer: Of the layer that it is, or that uses it; empty where it has none.
        module: Where it was defined; empty where the file does not say.
    """

    name: str
    layer: str
    module: str

    def __str__(self) -> str:
        """For messages, for example ``Mix (layer 'mix', from my_layers)``."""
        said = [f"layer {self.layer!r}"] * bool(self.layer)
        said += [f"from {self.module}"] * bool(self.module)
        return f"{self.name} ({', '.join(said)})" if said else self.name


def unknown_classes(path: Path) -> list[CustomClass]:
    """Classes in a file's configuration that Keras does not find here, each once.

    Args:
        path: A .keras or .h5 file.

    Returns:
        In the order of the configuration.

    Raises:
        FormatError: The file has no configuration that could be read.
    """
    found: dict[str, CustomClass] = {}
    for one in _named(_configuration(path), ""):
        found.setdefault(one.name, one)
    return list(found.values())


def layer_with_lambda(path: Path) -> str | None:
    """The first layer that was given a lambda, as an activation for example.

    Keras 3.15 writes the code of such a function without saying that it is one, and cannot load
    what it wrote.

    Args:
        path: A .keras or .h5 file.

    Returns:
        The layer's name; None where there is no such layer or no configuration.
    """
    try:
        return next(_with_lambda(_configuration(path), ""), None)
    except FormatError:
        return None


def _with_lambda(node: Any, layer: str) -> Iterator[str]:
    children = list(node.values()) if isinstance(node, dict) else node
    if not isinstance(children, list):
        return
    if isinstance(node, dict):
        if list(node) == ["value"] and isinstance(children[0], list):
            yield layer
        config = node.get("config")
        layer = str(config.get("name", layer)) if isinstance(config, dict) else layer
    for value in children:
        yield from _with_lambda(value, layer)


def _configuration(path: Path) -> Any:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        import h5py

        with h5py.File(path) as file:
            return json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} has no configuration of a model that can be read") from error


def _named(node: Any, layer: str) -> Iterator[CustomClass]:
    """Unknown classes in a piece of the configuration, which belongs to a layer."""
    if isinstance(node, list):
        for entry in node:
            yield from _named(entry, layer)
    if not isinstance(node, dict):
        return
    config = node.get("config")
    name = node.get("class_name")
    if isinstance(name, str) and isinstance(config, dict) and (">" in name or _is_layer(node)):
        layer = str(config.get("name", layer))
    if isinstance(name, str) and config is not None and _is_unknown(node):
        name = str(config if name == _FUNCTION else name).rpartition(">")[2]
        module = node.get("module")
        yield CustomClass(name, layer, module if module not in _NOWHERE else "")
    for value in node.values():
        yield from _named(value, layer)


def _is_unknown(node: dict[str, Any]) -> bool:
    import keras

    registered = str(node.get("registered_name") or node["class_name"])
    if node["class_name"] == _FUNCTION:
        return keras.saving.get_registered_object(str(node["config"])) is None
    if keras.saving.get_registered_object(registered) is not None:
        return False
    if _is_of_a_script(node):
        return True
    package = str(node.get("module") or "").partition(".")[0]
    if package in _OTHERS_OF_KERAS:
        return importlib.util.find_spec(package) is None
    if package:
        return package not in ("keras", "builtins")
    return ">" in registered or _is_strange_layer(node)


def _is_of_a_script(node: dict[str, Any]) -> bool:
    """Whether Keras wrote a registered name and no module, as for classes of ``__main__``."""
    return "module" in node and node["module"] is None and bool(node.get("registered_name"))


def _is_strange_layer(node: dict[str, Any]) -> bool:
    """Whether a legacy file, which gives no module, names a layer that Keras does not have."""
    import keras

    name, config = str(node["class_name"]), node["config"]
    if not isinstance(config, dict) or "trainable" not in config:
        return False
    return not any(hasattr(place, name) for place in (keras, keras.layers)) and name != "Functional"


def _is_layer(node: dict[str, Any]) -> bool:
    return "build_config" in node or "inbound_nodes" in node
