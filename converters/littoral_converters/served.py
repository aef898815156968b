"""A SavedModel folder as a Keras model: its serving signature as one layer.

The folder holds no Keras layers any more, so nothing in it can be lowered layer by layer: the whole
signature is replayed instead (`littoral_converters.lowering.served`).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from littoral.errors import ConversionError, FormatError
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

DEFAULT = "serving_default"


class Served(keras.layers.Layer):  # type: ignore[misc]
    """The serving signature of a SavedModel.

    Args:
        frozen: The signature's function with its variables as constants, loops and functions kept.
        output_names: Names of its outputs, in its order.
    """

    def __init__(self, frozen: Any, output_names: tuple[str, ...]) -> None:
        super().__init__(name="served", trainable=False, autocast=False)
        self.frozen = frozen
        self.output_names = output_names

    def call(self, inputs: Sequence[Any]) -> dict[str, Any]:
        """From the signature's inputs in its order to its outputs by name."""
        results = self.frozen(*(tf.convert_to_tensor(tensor) for tensor in inputs))
        return dict(zip(self.output_names, tf.nest.flatten(results), strict=True))


def open_saved_model(folder: Path) -> Any:
    """Load a SavedModel for inference.

    Args:
        folder: A folder with a ``saved_model.pb``, as ``model.export()`` or
            ``tf.saved_model.save`` wrote it.

    Returns:
        A functional keras.Model with the signature's names in its order, its outputs in a dict.

    Raises:
        FormatError: The folder is damaged.
        ConversionError: It has no serving signature, or one whose inputs have no batch axis, or one
            that cannot be frozen.
    """
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:
        raise FormatError(
            f"{folder} is no SavedModel, or is damaged: {_first_line(error)}"
        ) from error
    function = _signature(folder, dict(loaded.signatures))
    specs = _inputs(folder, function)
    try:
        frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    except Exception as error:
        raise ConversionError(f"{folder} cannot be frozen: {_first_line(error)}") from error
    # TensorFlow flattens a dict of outputs in the order of its keys.
    served = Served(frozen, tuple(sorted(function.structured_outputs)))
    inputs = [_input(folder, name, spec) for name, spec in specs.items()]
    results = served(inputs)
    # Keras sorts the keys of a plain dict, which puts output_10 before output_2.
    outputs = OrderedDict((name, results[name]) for name in sorted(results, key=_natural))
    return keras.Model(inputs, outputs, name=_identifier(folder.resolve().name))


def _signature(folder: Path, signatures: Mapping[str, Any]) -> Any:
    if DEFAULT in signatures:
        return signatures[DEFAULT]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    found = ", ".join(sorted(signatures)) or "none"
    raise ConversionError(
        f"{folder} has no signature {DEFAULT!r} (found: {found}): "
        f"save it with signatures={{{DEFAULT!r}: function}}, or with model.export()"
    )


def _inputs(folder: Path, function: Any) -> dict[str, Any]:
    """Input specs by name, in the order that the signature's function takes them."""
    _, specs = function.structured_input_signature
    if not specs:
        raise ConversionError(f"the signature of {folder} takes no input")
    return {name: specs[name] for name in function._arg_keywords}


def _input(folder: Path, name: str, spec: Any) -> Any:
    if not spec.shape.rank:
        raise ConversionError(
            f"input {name!r} of {folder} has no batch axis: save the signature with an "
            "input_signature whose first axis is the batch"
        )
    return keras.Input(batch_shape=tuple(spec.shape), dtype=spec.dtype.name, name=name)


def _natural(name: str) -> list[Any]:
    """Sorts output_2 before output_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "saved_model"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0][:200]
