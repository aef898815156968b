"""Legacy .h5 files as Keras 3 takes them.

Keras 3 reads the format, but not all that Keras 2 put into it:

1. Arguments that it no longer has, of which most say nothing (``time_major=False``) and one that
   says something is left for Keras to refuse; ``"dot"``, which it takes for a function; policies
   of mixed precision; names with a slash; inputs that a Sequential's first layer alone tells of.
2. Calls with several tensors and calls of models: see `littoral_converters.sources.legacy_calls`.
3. ``hard_sigmoid``, which is another function in Keras 3 under the same name.
4. Layers that only Keras 2 has: those are refused, with the way out.

Nor all that it puts there itself: an operation between layers, as each mask is, goes by its class
alone, under which it looks for a layer.
"""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from littoral.errors import ConversionError

from littoral_converters.sources.legacy_calls import with_calls

_CONFIGURATION = "model_config"
_INPUT = "InputLayer"
_SUFFIXES = (".h5", ".hdf5")

_SAYS_NOTHING: Mapping[str, object] = {
    "time_major": False,
    "groups": 1,
    "softmax_robust_masking": False,
}
"""Arguments that Keras 3 lacks, with the value at which they change nothing."""

_NOT_NEEDED = frozenset(
    {
        *("query_shape", "key_shape", "value_shape"),
        *("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
        *("rng_type", "noise_shape", "trainable"),
    }
)
"""Arguments that do without where a class lacks them: of training alone, or found otherwise."""

_ACTIVATIONS = ("activation", "recurrent_activation")
_HARD_SIGMOID = "hard_sigmoid"
_OF_KERAS_2 = {
    "class_name": "function",
    "module": "builtins",
    "config": "hard_sigmoid_of_keras_2",
    "registered_name": "littoral>hard_sigmoid_of_keras_2",
}

_ONLY_KERAS_2 = frozenset(
    {
        *("TFOpLambda", "SlicingOpLambda", "InstanceMethod", "InstanceProperty", "ClassMethod"),
        *("LocallyConnected1D", "LocallyConnected2D", "ThresholdedReLU"),
        *("CuDNNLSTM", "CuDNNGRU", "DenseFeatures"),
    }
)


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that says the same and that Keras 3 reads: itself, or a copy for as long as needed.

    Args:
        path: An .h5 file, whatever it is called.

    Yields:
        Where to load it from.

    Raises:
        ConversionError: It holds a layer that Keras 3 has no equal of.
    """
    config, version = _configuration(path)
    _check(path, config)
    slashed = {name: name.replace("/", "_") for name in _names(config) if "/" in name}
    mended = _mended(_renamed(config, slashed), is_old=not version.startswith("3"))
    if mended == config and path.suffix in _SUFFIXES:
        yield path
        return
    import h5py
    import keras

    keras.saving.register_keras_serializable("littoral")(hard_sigmoid_of_keras_2)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.h5"
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        if mended != config:
            with h5py.File(copy, "r+") as file:
                file.attrs[_CONFIGURATION] = json.dumps(mended)
        yield copy


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """0.2 x + 0.5 between 0 and 1; that of Keras 3 is x / 6 + 0.5."""
    import keras

    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _configuration(path: Path) -> tuple[Any, str]:
    """What the file says that the model is, None where it does not; and of which Keras it is."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            version = file.attrs.get("keras_version", "1")
            version = version.decode() if isinstance(version, bytes) else str(version)
            return json.loads(file.attrs[_CONFIGURATION]), version
    except (OSError, KeyError, ValueError, TypeError):
        return None, "3"


def _names(node: Any) -> Iterator[str]:
    """What layers and models are called."""
    if isinstance(node, (list, dict)):
        for entry in node.values() if isinstance(node, dict) else node:
            yield from _names(entry)
    if isinstance(node, dict) and "class_name" in node and isinstance(node.get("config"), dict):
        yield str(node["config"].get("name", ""))


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A piece of a configuration with other names, wherever they stand."""
    if isinstance(node, list):
        return [_renamed(entry, names) for entry in node]
    if isinstance(node, dict):
        return {key: _renamed(value, names) for key, value in node.items()}
    return names.get(node, node) if isinstance(node, str) else node


def _mended(node: Any, is_old: bool) -> Any:
    """A piece of a configuration as Keras 3 reads it, of Keras 2 (`is_old`) or its own."""
    if isinstance(node, list):
        return [_mended(entry, is_old) for entry in node]
    if not isinstance(node, dict):
        return node
    config, name = node.get("config"), node.get("class_name")
    if is_old and name == "Sequential":
        config = _with_input(config if isinstance(config, dict) else {"layers": config})
    if isinstance(config, dict) and isinstance(name, str):
        if is_old and name == "Policy":
            return config["name"]
        config = _arguments(name, config, is_old)
        if is_old and isinstance(config.get("layers"), list):
            config = with_calls(config)
        node = {**node, **_origin(node), "config": config}
    return {key: _mended(value, is_old) for key, value in node.items()}


def _with_input(config: dict[str, Any]) -> dict[str, Any]:
    """A Sequential, which before Keras 2.3 had no layer of its own for its input."""
    first = config["layers"][0]
    shape = first["config"].get("batch_input_shape") if isinstance(first["config"], dict) else None
    if shape is None or first["class_name"] == _INPUT:
        return {"name": "sequential", **config}
    own = {key: first["config"].get(key) for key in ("batch_input_shape", "dtype")}
    inputs = {"class_name": _INPUT, "config": {**own, "name": f"{first['config']['name']}_input"}}
    return {"name": "sequential", **config, "layers": [inputs, *config["layers"]]}


def _origin(node: Mapping[str, Any]) -> dict[str, str]:
    """The module of an operation in a functional model: layers are told by what they all say."""
    if "inbound_nodes" not in node or "module" in node or "trainable" in node["config"]:
        return {}
    module = _operations().get(node["class_name"])
    return {} if module is None else {"module": module}


@cache
def _operations() -> dict[str, str]:
    """Module by class, of what is in `keras.ops`."""
    import keras

    found, left = {}, [keras.Operation]
    while left:
        left += (owner := left.pop()).__subclasses__()
        if owner.__module__.startswith("keras.src.ops."):
            found[owner.__name__] = owner.__module__
    return found


def _check(path: Path, node: Any) -> None:
    """Refuse layers that Keras 3 does not have, or reads as others."""
    if isinstance(node, (list, dict)):
        for entry in node.values() if isinstance(node, dict) else node:
            _check(path, entry)
    config = node.get("config") if isinstance(node, dict) else None
    if isinstance(config, dict):
        _check_layer(path, str(node.get("class_name")), config)


def _check_layer(path: Path, name: str, config: Mapping[str, Any]) -> None:
    import keras

    layer = config.get("name")
    if name in _ONLY_KERAS_2 and keras.saving.get_registered_object(name) is None:
        raise ConversionError(
            f"{path}: layer {layer!r} is a {name}, which only Keras 2 has: load the file there and "
            "save it as a SavedModel (model.export(folder)), whose folder converts"
        )
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) > 1 and hasattr(keras.layers, name):
        raise ConversionError(
            f"{path}: layer {layer!r} ({name}) works along several axes {axis}, which Keras 3 does "
            "not read from an .h5 file: load it with the Keras that wrote it, and save it as "
            ".keras or as a SavedModel (model.export(folder))"
        )


def _arguments(name: str, config: dict[str, Any], is_old: bool) -> dict[str, Any]:
    """A layer's arguments, without those that Keras 3 lacks or takes for something else."""
    import keras

    owner = getattr(keras.layers, name, None)
    known = _parameters(owner) if inspect.isclass(owner) else {}
    # Keras takes "dot" for its function of that name, where an argument's default is meant.
    kept = {
        key: value
        for key, value in config.items()
        if not (isinstance(value, str) and key in known and known[key] == value)
    }
    if not is_old:
        return kept
    own = {key: _OF_KERAS_2 for key in _ACTIVATIONS if config.get(key) == _HARD_SIGMOID}
    if name != _INPUT:
        kept.pop("batch_input_shape", None)
    return {
        key: value
        for key, value in {**kept, **own}.items()
        if not known or key in known or not _says_nothing(key, value)
    }


def _says_nothing(key: str, value: Any) -> bool:
    return key in _NOT_NEEDED or (key in _SAYS_NOTHING and value == _SAYS_NOTHING[key])


def _parameters(owner: type) -> dict[str, Any]:
    """What a class takes, and its bases if it hands that on, with the defaults."""
    found: dict[str, Any] = {}
    for base in owner.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            for parameter in parameters:
                found.setdefault(parameter.name, parameter.default)
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                break
    return found
