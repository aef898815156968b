"""The traced graph: what passes from a Keras model to a format's writer. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from littoral.tensors import TensorSpec

ONNX_OPERATOR = "PyFunc"
"""TensorFlow operator that marks the place of an ONNX operator in a graph traced for ONNX."""


@dataclass(frozen=True)
class Form:
    """What a graph is traced for, as far as it is written differently for it.

    Attributes:
        format: ``"tflite"`` or ``"onnx"``.
        weight_bytes: What a weight takes in the engine's memory when the file runs.
        integer: Whether its scheme computes every operator in integers: it goes into no loops, and
            numbers that are far larger than the others would leave these no digits.
    """

    format: str
    weight_bytes: float = 4
    integer: bool = False


@dataclass(frozen=True)
class TracedGraph:
    """A model ready for a format's writer. Plain bytes, so that it can cross to another process.

    Attributes:
        graph_def: Serialized frozen GraphDef.
        inputs: Keras names, shapes (batch axis first) and dtypes, in Keras order.
        outputs: The same for the outputs.
        input_tensors: Name in the graph of each input, ending in ``:0``.
        output_tensors: Name in the graph of each output, ending in ``:0``.
        layers: Class of each Keras layer by its name, which the names of its nodes carry.
        ways: How layers are written that could be written in more than one way, by name.
        varying: Why the model may answer differently at every call, one line each.
    """

    graph_def: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input_tensors: tuple[str, ...]
    output_tensors: tuple[str, ...]
    layers: Mapping[str, str] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    varying: tuple[str, ...] = ()
