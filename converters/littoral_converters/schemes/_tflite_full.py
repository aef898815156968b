"""A .tflite in which every operator, input and output is integer; what has no such form is refused.

1. Every float tensor gets a range from representative data, and of these a scale
   (`littoral_converters.schemes._tflite_scales`).
2. Where the scale of an operator's output is given and another is needed, a QUANTIZE changes it.
3. A CAST of integers becomes a QUANTIZE (`littoral_converters.schemes._tflite_casts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from littoral.errors import ConversionError

from littoral_converters.formats._tflite_compaction import short
from littoral_converters.schemes import Samples, _tflite_casts, _tflite_int16
from littoral_converters.schemes._tflite_calibration import range_of, ranges_of
from littoral_converters.schemes._tflite_forms import FORMS, WEIGHTED_INT16
from littoral_converters.schemes._tflite_idioms import rewrite
from littoral_converters.schemes._tflite_integers import Scale, Subject, Width
from littoral_converters.schemes._tflite_scales import scales_of
from littoral_converters.schemes._tflite_weights import (
    WEIGHTED,
    WeightedOperator,
    bias_of,
    finest_steps,
    parameters,
    store_int8,
)
from littoral_converters.trees.tflite import (
    OP,
    add_buffer,
    add_like,
    add_tensor,
    conversion,
    kind_name,
    parse,
    raise_version,
    serialize,
)

_SHOWN = 8


def make_full(content: bytes, samples: Samples, width: Width) -> bytes:
    """Quantize every operator, input and output of a float32 .tflite.

    Args:
        content: The float32 file.
        samples: Representative feeds by input name.
        width: The integers that activations become; weights are int8.

    Returns:
        The quantized file. Integer and boolean inputs and outputs stay as they are.

    Raises:
        ConversionError: Operators have no integer form; the message lists them with their layers.
    """
    model = parse(content)
    main = model.subgraphs[0]
    rewrite(model, main)
    if width.symmetric:
        _tflite_int16.spell_out(model, main)
    subject = Subject(model, main, width)
    _check(subject)
    _part_constants(subject)
    activations = {index for op in main.operators for index in subject.activations(op)}
    ends = {int(i) for i in (*main.inputs, *main.outputs) if subject.holds_floats(int(i))}
    computed = sorted(i for i in activations | ends if subject.values(i) is None)
    ranges = ranges_of(serialize(model), computed, samples)
    constants = {i: values for i in activations if (values := subject.values(i)) is not None}
    ranges |= {index: range_of(values) for index, values in sorted(constants.items())}
    _Writer(subject, scales_of(subject, ranges)).write()
    return serialize(model)


def _check(subject: Subject) -> None:
    """Refuse operators without an integer form."""
    refused: dict[str, dict[str, None]] = {}
    for operator in subject.main.operators:
        if subject.is_float(operator) and not subject.has_form(operator):
            layers = refused.setdefault(kind_name(subject.code(operator)), {})
            layers[_layer_of(subject, operator)] = None
    if refused:
        listed = "; ".join(
            f"{name} (layer {', '.join([*layers][:_SHOWN])})" for name, layers in refused.items()
        )
        is_open = kind_name(OP.SHAPE) in refused
        ways = "fix the batch (--batch 1) and every open length, or " if is_open else ""
        raise ConversionError(
            f"{subject.width.scheme} cannot express operators with no integer form: {listed}; "
            f"{ways}take static_int8, which leaves them float, or other layers"
        )


def _layer_of(subject: Subject, operator: Any) -> str:
    name = short(subject.main.tensors[int(operator.outputs[0])].name).decode(errors="replace")
    return name.split("/")[0]


def _part_constants(subject: Subject) -> None:
    """Give each use of a constant a tensor of its own: a 0.0 must not tie scales together."""
    main = subject.main
    for operator in main.operators:
        own = {}
        for index in subject.activations(operator):
            if subject.values(index) is not None:
                tensor = main.tensors[index]
                own[index] = add_tensor(main, tensor.name, tensor.shape, tensor.type, tensor.buffer)
        operator.inputs = [own.get(int(index), int(index)) for index in operator.inputs]


class _Writer:
    """Makes everything integer, in place."""

    def __init__(self, subject: Subject, scales: Mapping[int, Scale]) -> None:
        self._subject, self._scales = subject, scales
        self._model, self._main, self._width = subject.model, subject.main, subject.width
        self._biases: dict[tuple[int, int, float], int] = {}

    def write(self) -> None:
        operators: list[Any] = []
        for operator in self._main.operators:
            fixed = self._subject.fixed(operator)
            operators.extend(self._quantized(operator))
            operators.extend(self._change_scale(operators[-1], fixed))
        for index, (scale, zero) in self._scales.items():
            self._store(index, scale, zero)
        self._main.operators = operators

    def _quantized(self, operator: Any) -> list[Any]:
        if not self._subject.is_float(operator):
            return [operator]
        if self._subject.reads_integers(operator):
            symmetric = self._width.symmetric
            return _tflite_casts.requantized(self._model, self._main, operator, symmetric)
        code = self._subject.code(operator)
        if code in WEIGHTED:
            kind = WEIGHTED[code]
            version = WEIGHTED_INT16[code] if self._width.symmetric else kind.static_version
            self._weights(operator, kind)
        else:
            version = self._width.version(FORMS[code]) or 1
        raise_version(self._model, operator, version)
        if self._width.symmetric:
            return _tflite_int16.refined(self._model, self._main, operator, self._scales)
        return [operator]

    def _change_scale(self, operator: Any, fixed: Scale | None) -> list[Any]:
        """A QUANTIZE behind an operator whose output's scale is given and another is needed."""
        index = int(operator.outputs[0])
        if fixed is None or index not in self._scales or self._scales[index] == fixed:
            return []
        given = add_like(self._main, index, b"_given", self._width.tensor_type)
        self._main.tensors[given].quantization = parameters(*fixed)
        operator.outputs = [given]
        return [conversion(self._model, OP.QUANTIZE, 2, given, index)]

    def _weights(self, operator: Any, kind: WeightedOperator) -> None:
        inputs = [int(index) for index in operator.inputs]
        if self._subject.values(inputs[kind.weights]) is not None:
            weights, axis = inputs[kind.weights], kind.channel_axis
            finest = self._finest_steps(weights)
            store_int8(self._model, self._main, weights, axis, True, finest)
        if bias_of(kind, operator) is not None:
            inputs[kind.bias] = self._bias(inputs, kind)
        operator.inputs = inputs

    def _finest_steps(self, weights: int) -> Any:
        """See `finest_steps`, for the biases of all operators that share the weights."""
        finest: Any = 0.0
        for operator in self._main.operators:
            kind = WEIGHTED.get(self._subject.code(operator))
            if kind is None or int(operator.inputs[kind.weights]) != weights:
                continue
            bias = bias_of(kind, operator)
            if bias is not None:
                data, _ = self._scales[int(operator.inputs[kind.data])]
                finest = np.maximum(finest, finest_steps(self._subject.values(bias), data))
        return finest

    def _bias(self, inputs: list[int], kind: WeightedOperator) -> int:
        index, weights = inputs[kind.bias], inputs[kind.weights]
        data, _ = self._scales[inputs[kind.data]]
        key = index, weights, data
        if key in self._biases:
            return self._biases[key]
        tensor, values = self._main.tensors[index], self._subject.values(index)
        if values is None:
            raise ConversionError(
                f"{self._width.scheme} cannot express a bias that is computed "
                f"({short(tensor.name).decode()}): take static_int8"
            )
        of_weights = (
            [self._scales[weights][0]]
            if weights in self._scales
            else self._main.tensors[weights].quantization.scale
        )
        steps = data * np.asarray(of_weights, np.float64)
        limits = np.iinfo(self._width.bias_dtype)
        quanta = np.clip(np.rint(values / steps), limits.min / 2, limits.max / 2)
        buffer = add_buffer(self._model, quanta.astype(self._width.bias_dtype))
        name = tensor.name + b"_bias"
        added = add_tensor(self._main, name, tensor.shape, self._width.bias_type, buffer)
        zeros = np.zeros(len(steps), np.int64)
        self._main.tensors[added].quantization = parameters(steps, zeros)
        self._biases[key] = added
        return added

    def _store(self, index: int, scale: float, zero: int) -> None:
        tensor, values = self._main.tensors[index], self._subject.values(index)
        if values is not None:
            limits = np.iinfo(self._width.dtype)
            low, high = (limits.min - zero) * scale, (limits.max - zero) * scale
            quanta = np.rint(np.clip(values.astype(np.float64), low, high) / scale) + zero
            tensor.buffer = add_buffer(self._model, quanta.astype(self._width.dtype))
        tensor.type = self._width.tensor_type
        tensor.quantization = parameters(scale, zero)
