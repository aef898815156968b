"""TFLite: the interpreter keeps all tensors, which takes its delegates away and its kernels not."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from littoral.engines._native import quiet_stderr
from littoral.formats import tflite
from littoral.tensors import TensorSpec, quantize
from numpy.typing import NDArray

from littoral_converters.debugging.interiors import Place
from littoral_converters.trees.tflite import code_of, kind_name, parse

Array = NDArray[Any]


def describe(content: bytes) -> list[Place]:
    """Every tensor that an operator of the main graph computes, in order."""
    model = parse(content)
    graph, places = model.subgraphs[0], []
    for operator in graph.operators:
        kind = kind_name(code_of(model, operator))
        for index in operator.outputs:
            name = (graph.tensors[int(index)].name or b"").decode(errors="replace")
            places.append(Place(f"{index}", name.split(";")[0], kind))
    return places


def read(content: bytes, feeds: Iterable[Mapping[str, Array]]) -> Iterator[dict[str, Array]]:
    """Run the feeds one after the other, each from a fresh state."""
    wanted = [int(place.name) for place in describe(content)]
    keeps_state = tflite.state(content) != "none"
    names = tuple(name for _, name in tflite.entry_point(content).inputs)
    interpreter = _open(content)
    for feed in feeds:
        if keeps_state:
            interpreter = _open(content)
        _fill(interpreter, names, feed)
        interpreter.invoke()
        details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
        found = ((str(index), _values(interpreter, details.get(index))) for index in wanted)
        yield {name: values for name, values in found if values is not None}


def _open(content: bytes) -> Any:
    with quiet_stderr(), warnings.catch_warnings():
        # That keeping every tensor takes memory.
        warnings.simplefilter("ignore", UserWarning)
        return Interpreter(model_content=content, experimental_preserve_all_tensors=True)


def _fill(interpreter: Any, names: tuple[str, ...], feed: Mapping[str, Array]) -> None:
    details = interpreter.get_input_details()
    for detail, name in zip(details, names, strict=True):
        if tuple(detail["shape"]) != feed[name].shape:
            interpreter.resize_tensor_input(detail["index"], feed[name].shape)
    with quiet_stderr():
        interpreter.allocate_tensors()
    for detail, name in zip(details, names, strict=True):
        scale, zero = _quantization(detail)
        values = feed[name]
        if scale is not None:
            spec = TensorSpec(name, values.shape, detail["dtype"].__name__, scale, zero)
            values = quantize(values, spec)
        interpreter.set_tensor(detail["index"], values.astype(detail["dtype"]))


def _values(interpreter: Any, detail: Mapping[str, Any] | None) -> Array | None:
    """A tensor in real units; None for text, handles and what was never computed."""
    if detail is None or np.dtype(detail["dtype"]).kind not in "fiub":
        return None
    try:
        values = np.array(interpreter.get_tensor(detail["index"]))
    except ValueError:  # no data: an operand that the kernel before it swallowed
        return None
    scale, zero = _quantization(detail)
    return values if scale is None else np.asarray((values.astype(np.float32) - zero) * scale)


def _quantization(detail: Mapping[str, Any]) -> tuple[float | None, int]:
    parameters = detail["quantization_parameters"]
    if len(parameters["scales"]) != 1:
        return None, 0
    return float(parameters["scales"][0]), int(parameters["zero_points"][0])
