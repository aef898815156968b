"""The inputs and outputs of a Keras model: names, order, shapes, and the nest of its call."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from littoral.errors import ConversionError
from littoral.tensors import TensorSpec

_OUT = "_out"
"""Behind an output that Keras calls as an input: in ONNX both are names of one kind."""


@dataclass(frozen=True)
class Signature:
    """How a model is called.

    Attributes:
        inputs: In Keras order; the batch axis is None.
        output_names: In Keras order (that of `keras.tree.flatten`), each name once.
        nest: The structure that the model is called with, one leaf per input.
        by_argument: Whether `nest` is a dict of several arguments by their names.
        batch: How many samples the model says that it takes at a time, as one step of a decoder
            takes one; None for any number.
        not_taken: Arguments that a call may give as well, and that the model was not built with.
    """

    inputs: tuple[TensorSpec, ...]
    output_names: tuple[str, ...]
    nest: Any
    by_argument: bool = False
    batch: int | None = None
    not_taken: tuple[str, ...] = ()

    def arrange(self, flat: Sequence[Any]) -> Any:
        """Flat tensors or arrays in the order of `inputs` as the model's call expects them."""
        return keras.tree.pack_sequence_as(self.nest, list(flat))

    def call(self, model: Any, flat: Sequence[Any]) -> list[Any]:
        """A model's flat outputs at inference, of flat tensors or arrays as `arrange` takes.

        What it returns as None is no output.
        """
        nest = self.arrange(flat)
        results = model(**nest, training=False) if self.by_argument else model(nest, training=False)
        return [result for result in keras.tree.flatten(results) if result is not None]


def signature_of(model: Any) -> Signature:
    """Read a model's signature.

    Args:
        model: A keras.Model with symbolic inputs, or one that was built on input shapes.

    Returns:
        Its signature.

    Raises:
        ConversionError: The model was never built, so its input shapes are not known; or an input
            takes strings.
    """
    signature = _read(model)
    for spec in signature.inputs:
        if spec.dtype == "string":
            raise ConversionError(
                f"input {spec.name!r} of model {model.name!r} takes strings, which neither TFLite "
                "nor ONNX can express here: turn them into numbers before the model"
            )
    return signature


def _read(model: Any) -> Signature:
    if not model.built:
        raise ConversionError(
            f"model {model.name!r} was never built: call it once on data before converting it"
        )
    symbolic = _symbolic(model)
    if symbolic is None:
        return _signature_by_shape(model)
    nest, outputs = symbolic
    inputs = _inputs(nest)
    names = _apart(_output_names(model, outputs), inputs)
    batches = {tensor.shape[0] for tensor in keras.tree.flatten(nest)}
    batch = batches.pop() if len(batches) == 1 else None
    return Signature(inputs, names, nest, batch=batch)


def _symbolic(model: Any) -> tuple[Any, Any] | None:
    is_sequential = isinstance(model, keras.Sequential)
    functional = getattr(model, "_functional", model) if is_sequential else model
    if getattr(functional, "_inputs_struct", None) is None:
        return None
    return functional._inputs_struct, functional._outputs_struct


def _inputs(nest: Any) -> tuple[TensorSpec, ...]:
    """Symbolic inputs, each under a name of its own."""
    flat = keras.tree.flatten(nest)
    return tuple(
        TensorSpec(name, (None, *tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
        for name, tensor in zip(_unique([t.name for t in flat]), flat, strict=True)
    )


def _output_names(model: Any, nest: Any) -> tuple[str, ...]:
    """Keys of a dict of outputs, the layers' names otherwise."""
    if isinstance(nest, dict):
        return _paths(nest)
    names = getattr(model, "output_names", None) or ["output"]
    return _unique([str(name) for name in names])


def _apart(names: Sequence[str], inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Names of outputs, each once and none that of an input."""
    taken = {spec.name for spec in inputs}
    return _unique([name + _OUT if name in taken else name for name in names])


def _paths(nest: Any) -> tuple[str, ...]:
    found = keras.tree.flatten_with_path(nest)
    return _unique([".".join(map(str, path)) for path, leaf in found if leaf is not None])


def _names_of_results(results: Any) -> tuple[str, ...]:
    """Of outputs that no layer names: keys of a dict, numbers otherwise."""
    if isinstance(results, dict):
        return _paths(results)
    count = sum(result is not None for result in keras.tree.flatten(results))
    return ("output",) if count == 1 else tuple(f"output_{index}" for index in range(count))


def _signature_by_shape(model: Any) -> Signature:
    """Of a model without symbolic inputs: Keras notes the shapes that it was first called on."""
    noted = model._build_shapes_dict or {}
    shapes = {name.removesuffix("_shape"): shape for name, shape in noted.items() if shape}
    if not shapes:
        raise ConversionError(
            f"the inputs of model {model.name!r} are not known: build it as a functional model, "
            "or call it on one array, list or dict before saving it"
        )
    arguments = _arguments(model, inspect.Parameter.empty)
    if len(arguments) > len(shapes):
        builds = ", ".join(f"{name}_shape" for name in arguments)
        raise ConversionError(
            f"model {model.name!r} is called on {len(arguments)} arguments "
            f"({', '.join(arguments)}), of which Keras notes the shape of the first alone: take "
            f"them as one list or dict, define build(self, {builds}), or build it as a "
            "functional model"
        )
    by_argument = len(shapes) > 1
    nests = {name: _tensors(shape, name) for name, shape in shapes.items()}
    nest = nests if by_argument else next(iter(nests.values()))
    result = model.compute_output_spec(**nests) if by_argument else model.compute_output_spec(nest)
    inputs = _inputs(nest)
    names = _apart(_names_of_results(result), inputs)
    taken = {*shapes, next(iter(inspect.signature(model.call).parameters), "")}
    not_taken = tuple(name for name in _arguments(model, None) if name not in taken)
    return Signature(inputs, names, nest, by_argument, not_taken=not_taken)


def _arguments(model: Any, default: Any) -> list[str]:
    """The arguments of a model's call with a default: those without any have to be given."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in inspect.signature(model.call).parameters.items()
        if parameter.kind not in several
        and parameter.default is default
        and name not in ("training", "mask")
    ]


def _tensors(shape: Any, name: str) -> Any:
    """Symbolic inputs of a shape, or of a nest of shapes: called by their keys and numbers."""
    if isinstance(shape, dict):
        return {key: _tensors(value, str(key)) for key, value in shape.items()}
    if any(isinstance(size, (dict, list, tuple)) for size in shape):
        return [_tensors(value, f"{name}_{index}") for index, value in enumerate(shape)]
    return keras.KerasTensor((None, *shape[1:]), keras.backend.floatx(), name=name)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, a repeated one with a number after it."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(name if count == 0 else f"{name}_{count}")
    return tuple(result)
