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
from tensorflow.python.eager.wrap_function import function_from_graph_def
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from littoral_converters.graphs.single_precision import (
    HALF,
    has_dtypes,
    rename_functions,
    write_in_single,
)

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
    frozen = _frozen(folder, function, len(specs))
    # TensorFlow flattens a dict of outputs in the order of its keys.
    served = Served(frozen, tuple(sorted(function.structured_outputs)))
    batch = _batch(folder, specs)
    inputs = [_input(folder, name, spec, batch) for name, spec in specs.items()]
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


def _frozen(folder: Path, function: Any, count: int) -> Any:
    """The signature's function with its variables as constants.

    Raises:
        ConversionError: It changes a variable, reads a table, or cannot be frozen otherwise.
    """
    try:
        frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    except Exception as error:
        raise ConversionError(_why_not_frozen(folder, function, _first_line(error))) from error
    if len(frozen.inputs) != count:
        left = ", ".join(tensor.name for tensor in frozen.inputs[count:])
        raise ConversionError(_why_not_frozen(folder, function, f"it reads {left}"))
    return _without_halves(frozen)


def _why_not_frozen(folder: Path, function: Any, reason: str) -> str:
    kinds = sorted({node.op for node in _nodes(function.graph.as_graph_def())})
    changing = [kind for kind in kinds if kind.startswith("Assign")]
    tables = [kind for kind in kinds if kind.startswith("LookupTable")]
    if changing:
        return (
            f"the signature of {folder} changes a variable at every call ({', '.join(changing)}), "
            "which neither a TFLite nor an ONNX file does: let the state go in as an input and "
            "out as an output"
        )
    if tables:
        return (
            f"the signature of {folder} reads a lookup table ({', '.join(tables)}), which neither "
            "TFLite nor ONNX can express here: look up before the model, or with tf.gather in a "
            "tensor"
        )
    return f"{folder} cannot be frozen: {reason}"


def _without_halves(frozen: Any) -> Any:
    """A function that was saved in half or mixed precision, without the rounding of halves."""
    definition = frozen.graph.as_graph_def()
    if not any(has_dtypes(node, HALF) for node in _nodes(definition)):
        return frozen
    write_in_single(definition, HALF)
    del definition.library.gradient[:]
    rename_functions(definition, "_in_single")
    names = ([tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs))
    return function_from_graph_def(definition, *names)


def _nodes(definition: Any) -> list[Any]:
    """The nodes of a graph and of the functions in it."""
    return [*definition.node, *(n for f in definition.library.function for n in f.node_def)]


def _batch(folder: Path, specs: Mapping[str, Any]) -> int | None:
    """The batch that a signature was saved for; None for any.

    Raises:
        ConversionError: Its inputs differ in it, so that one of them has no batch axis.
    """
    sizes = {name: spec.shape[0] for name, spec in specs.items() if spec.shape.rank}
    fixed = {name: size for name, size in sizes.items() if size is not None}
    if len(set(fixed.values())) > 1:
        said = ", ".join(f"{name!r} has {size}" for name, size in fixed.items())
        raise ConversionError(
            f"the inputs of {folder} differ along their first axis ({said}): save a signature "
            "whose inputs all have the batch there"
        )
    return next(iter(fixed.values()), None)


def _inputs(folder: Path, function: Any) -> dict[str, Any]:
    """Input specs by name, in the order that the signature's function takes them."""
    _, specs = function.structured_input_signature
    if not specs:
        raise ConversionError(f"the signature of {folder} takes no input")
    return {name: specs[name] for name in function._arg_keywords}


def _input(folder: Path, name: str, spec: Any, batch: int | None) -> Any:
    if not spec.shape.rank:
        raise ConversionError(
            f"input {name!r} of {folder} has no batch axis: save the signature with an "
            "input_signature whose first axis is the batch"
        )
    shape = (batch, *spec.shape[1:])
    return keras.Input(batch_shape=shape, dtype=spec.dtype.name, name=name)


def _natural(name: str) -> list[Any]:
    """Sorts output_2 before output_10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "saved_model"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0][:200]
