"""A .tflite in which every operator, input and output is integer; what has no such form is refused.

1. Every float tensor gets a range from representative data.
2. Operators that only move values tie the scales of their tensors together; those of LOGISTIC,
   TANH and SOFTMAX are given. Where the two meet, a QUANTIZE changes scale.
3. Operators that share weights tie their inputs, so that they share a bias too.
4. An output that is all but constant gets no finer steps than kernels take.
5. A CAST of integers becomes a QUANTIZE (`littoral_converters.schemes._tflite_casts`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from littoral.errors import ConversionError
from littoral.formats._tflite_operators import NAMES
from numpy.typing import NDArray

from littoral_converters.formats._tflite_compaction import short
from littoral_converters.formats._tflite_tree import (
    OP,
    add_buffer,
    add_tensor,
    code_of,
    constant,
    raise_version,
)
from littoral_converters.formats.tflite import parse, serialize
from littoral_converters.schemes import Samples, _tflite_casts
from littoral_converters.schemes._tflite_calibration import Range, range_of, ranges_of
from littoral_converters.schemes._tflite_forms import FORMS, WEIGHTED_INT16, Form
from littoral_converters.schemes._tflite_idioms import rewrite
from littoral_converters.schemes._tflite_weights import WEIGHTED, conversion, parameters, store_int8

_SHOWN = 8
_FINEST = 128
"""Into so many parts an output may cut the step that its operator sums in; kernels refuse 256."""

_HIGHEST = 2**30
"""Kernels refuse a bound of an output that is more steps than an int32 holds."""

_HEADROOM = 2  # Of 16 bits, one is for what representative data has not shown: less is cut off.
_PRODUCTS = {OP.MUL, OP.BATCH_MATMUL, OP.SQUARED_DIFFERENCE}
_SUMS = {OP.ADD, OP.SUB, OP.MEAN, OP.SUM}


@dataclass(frozen=True)
class Width:
    """The integers that activations become.

    Attributes:
        scheme: Whose they are, for messages.
        tensor_type: The schema's type of activations.
        dtype: NumPy's.
        bias_type: The schema's type of biases.
        bias_dtype: NumPy's.
        symmetric: Whether 0 stands for 0.0.
    """

    scheme: str
    tensor_type: int
    dtype: type[np.signedinteger[Any]]
    bias_type: int
    bias_dtype: type[np.signedinteger[Any]]
    symmetric: bool

    def affine(self, low: float, high: float) -> tuple[float, int]:
        """Scale and zero point that map [low, high], widened to hold 0, onto all integers."""
        low, high = min(low, 0.0), max(high, 0.0)
        limits = np.iinfo(self.dtype)
        if self.symmetric:
            return _HEADROOM * max(-low, high, 1e-9) / limits.max, 0
        scale = max((high - low) / (limits.max - limits.min), 1e-9)
        return scale, int(np.clip(np.rint(limits.min - low / scale), limits.min, limits.max))

    def fixed(self, form: Form) -> tuple[float, int] | None:
        """What the operator's specification says of its output; None where it is free."""
        if form.fixed is None:
            return None
        narrow, wide, zero = form.fixed
        return (wide, 0) if self.symmetric else (narrow, zero)

    def version(self, form: Form) -> int | None:
        """The operator's version; None when it has no such form."""
        return form.int16 if self.symmetric else form.int8


INT8 = Width(
    "strict_int8", schema.TensorType.INT8, np.int8, schema.TensorType.INT32, np.int32, False
)
INT16 = Width("int16x8", schema.TensorType.INT16, np.int16, schema.TensorType.INT64, np.int64, True)


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
    graph = _Integers(model, main, width)
    graph.check()
    graph.part_constants()
    floats = graph.computed()
    graph.quantize(ranges_of(serialize(model), floats, samples))
    return serialize(model)


class _Integers:
    """The main subgraph on its way to integers."""

    def __init__(self, model: Any, main: Any, width: Width) -> None:
        self.model, self.main, self.width = model, main, width
        self._leader: dict[int, int] = {}
        self._biases: dict[tuple[int, int, float], int] = {}

    def check(self) -> None:
        """Refuse operators without an integer form."""
        refused: dict[str, list[str]] = {}
        for operator in self.main.operators:
            code = code_of(self.model, operator)
            if self._is_float(operator) and not self._has_form(code, operator):
                name = NAMES[code] if code < len(NAMES) else f"operator {code}"
                layers = refused.setdefault(name, [])
                layer = self._layer(operator)
                if layer not in layers:
                    layers.append(layer)
        if refused:
            listed = "; ".join(
                f"{name} (layer {', '.join(layers[:_SHOWN])})" for name, layers in refused.items()
            )
            raise ConversionError(
                f"{self.width.scheme} cannot express operators with no integer form: {listed}; "
                "take static_int8, which leaves them float, or other layers"
            )

    def part_constants(self) -> None:
        """Give each use of a constant a tensor of its own: a 0.0 must not tie scales together."""
        for operator in self.main.operators:
            own = {}
            for index in self._tied(operator):
                if self._values(index) is not None:
                    tensor = self.main.tensors[index]
                    own[index] = add_tensor(
                        self.main, tensor.name, tensor.shape, tensor.type, tensor.buffer
                    )
            operator.inputs = [own.get(int(index), int(index)) for index in operator.inputs]

    def computed(self) -> list[int]:
        """Float tensors that need a range."""
        found = {index for op in self.main.operators for index in self._tied(op)}
        found |= {int(i) for i in (*self.main.inputs, *self.main.outputs) if self._float(int(i))}
        return sorted(index for index in found if self._values(index) is None)

    def quantize(self, ranges: dict[int, Range]) -> None:
        """Make everything integer, in place."""
        for index in self._constants():
            values = self._values(index)
            assert values is not None
            ranges[index] = range_of(values)
        scales = self._scales(ranges)
        operators: list[Any] = []
        for operator in self.main.operators:
            fixed = self._fixed(operator)
            operators.extend(self._quantized(operator, scales))
            operators.extend(self._change_scale(operators[-1], fixed, scales))
        for index, (scale, zero) in scales.items():
            self._store(index, scale, zero)
        self.main.operators = operators

    def _quantized(self, operator: Any, scales: dict[int, tuple[float, int]]) -> list[Any]:
        code = code_of(self.model, operator)
        if not self._is_float(operator):
            return [operator]
        if self._reads_integers(operator):
            return _tflite_casts.requantized(self.model, self.main, operator, self.width.symmetric)
        if code in WEIGHTED:
            kind = WEIGHTED[code]
            version = WEIGHTED_INT16[code] if self.width.symmetric else kind.static_version
            self._weights(operator, scales)
        else:
            version = self.width.version(FORMS[code]) or 1
        raise_version(self.model, operator, version)
        return [operator]

    def _change_scale(
        self, operator: Any, fixed: tuple[float, int] | None, scales: dict[int, tuple[float, int]]
    ) -> list[Any]:
        """A QUANTIZE behind an operator whose output's scale is given and another is needed."""
        index = int(operator.outputs[0])
        if fixed is None or index not in scales or scales[index] == fixed:
            return []
        tensor = self.main.tensors[index]
        given = add_tensor(self.main, tensor.name + b"_given", tensor.shape, self.width.tensor_type)
        self.main.tensors[given].shapeSignature = tensor.shapeSignature
        self.main.tensors[given].quantization = parameters(*fixed)
        operator.outputs = [given]
        return [conversion(self.model, OP.QUANTIZE, 2, given, index)]

    def _weights(self, operator: Any, scales: dict[int, tuple[float, int]]) -> None:
        kind = WEIGHTED[code_of(self.model, operator)]
        inputs = [int(index) for index in operator.inputs]
        weights = self.main.tensors[inputs[kind.weights]]
        if constant(self.model, weights) is not None:
            store_int8(self.model, self.main, inputs[kind.weights], kind.channel_axis, True)
        if len(inputs) > kind.bias and inputs[kind.bias] >= 0:
            inputs[kind.bias] = self._bias(inputs, kind, scales)
        operator.inputs = inputs

    def _bias(self, inputs: list[int], kind: Any, scales: dict[int, tuple[float, int]]) -> int:
        index, weights, data = inputs[kind.bias], inputs[kind.weights], scales[inputs[kind.data]]
        key = index, weights, data[0]
        if key in self._biases:
            return self._biases[key]
        tensor = self.main.tensors[index]
        values = constant(self.model, tensor)
        if values is None:
            raise ConversionError(
                f"{self.width.scheme} cannot express a bias that is computed "
                f"({short(tensor.name).decode()}): take static_int8"
            )
        of_weights = (
            [scales[weights][0]]
            if weights in scales
            else self.main.tensors[weights].quantization.scale
        )
        steps = data[0] * np.asarray(of_weights, np.float64)
        limits = np.iinfo(self.width.bias_dtype)
        quanta = np.clip(np.rint(values / steps), limits.min / 2, limits.max / 2)
        buffer = add_buffer(self.model, quanta.astype(self.width.bias_dtype))
        name = tensor.name + b"_bias"
        added = add_tensor(self.main, name, tensor.shape, self.width.bias_type, buffer)
        zeros = np.zeros(len(steps), np.int64)
        self.main.tensors[added].quantization = parameters(steps, zeros)
        self._biases[key] = added
        return added

    def _store(self, index: int, scale: float, zero: int) -> None:
        tensor = self.main.tensors[index]
        values = self._values(index)
        if values is not None:
            limits = np.iinfo(self.width.dtype)
            low, high = (limits.min - zero) * scale, (limits.max - zero) * scale
            quanta = np.rint(np.clip(values.astype(np.float64), low, high) / scale) + zero
            tensor.buffer = add_buffer(self.model, quanta.astype(self.width.dtype))
        tensor.type = self.width.tensor_type
        tensor.quantization = parameters(scale, zero)

    def _scales(self, ranges: dict[int, Range]) -> dict[int, tuple[float, int]]:
        """Scale and zero point of every activation."""
        self._leader = {index: index for index in ranges}
        first_data: dict[int, int] = {}
        for operator in self.main.operators:
            code = code_of(self.model, operator)
            if code in WEIGHTED and self._is_float(operator):
                kind = WEIGHTED[code]
                data = int(operator.inputs[kind.data])
                self._tie(first_data.setdefault(int(operator.inputs[kind.weights]), data), data)
            elif code in FORMS and FORMS[code].moves:
                tied = self._tied(operator)
                for index in tied[1:]:
                    self._tie(tied[0], index)
        groups: dict[int, list[int]] = {}
        for index in ranges:
            groups.setdefault(self._find(index), []).append(index)
        given, moved = self._given(), self._moved()
        scales: dict[int, tuple[float, int]] = {}
        for members in groups.values():
            wanted = {given.get(index) for index in members if index not in moved}
            common = next(iter(wanted)) if len(wanted) == 1 else None
            if common is None:
                low = min(ranges[index][0] for index in members)
                high = max(ranges[index][1] for index in members)
                common = self.width.affine(low, high)
            scales.update(dict.fromkeys(members, common))
        return self._coarsened(scales, groups)

    def _coarsened(
        self, scales: dict[int, tuple[float, int]], groups: dict[int, list[int]]
    ) -> dict[int, tuple[float, int]]:
        """The scales, none finer than the kernel of the operator whose output has it takes."""
        scales = dict(scales)
        for operator in self.main.operators:
            index = int(operator.outputs[0])
            least = max(self._step(operator, scales) / _FINEST, _bound(operator) / _HIGHEST)
            if index in scales and scales[index][0] < least:
                zero = scales[index][1]
                scales.update(dict.fromkeys(groups[self._find(index)], (least, zero)))
        return scales

    def _step(self, operator: Any, scales: dict[int, tuple[float, int]]) -> float:
        """What an operator's sums are multiples of; 0 where it does not sum."""
        code = code_of(self.model, operator)
        steps = [scales[index][0] for index in map(int, operator.inputs) if index in scales]
        if code in WEIGHTED and steps:
            weights = self._values(int(operator.inputs[WEIGHTED[code].weights]))
            return math.prod(steps if weights is None else [steps[0], np.abs(weights).max() / 127])
        if code in _PRODUCTS:
            return math.prod(steps)
        return max(steps, default=0.0) if code in _SUMS else 0.0

    def _given(self) -> dict[int, tuple[float, int]]:
        """Outputs whose scale their operator's specification gives."""
        found = {}
        for operator in self.main.operators:
            fixed = self._fixed(operator)
            if fixed is not None:
                found[int(operator.outputs[0])] = fixed
        return found

    def _fixed(self, operator: Any) -> tuple[float, int] | None:
        if self._reads_integers(operator):
            return _tflite_casts.given_scale(self.main, operator, self.width.symmetric)
        form = FORMS.get(code_of(self.model, operator))
        return None if form is None else self.width.fixed(form)

    def _reads_integers(self, operator: Any) -> bool:
        return _tflite_casts.reads_integers(self.model, self.main, operator)

    def _moved(self) -> set[int]:
        """Outputs of operators that only move values: their scale comes from elsewhere."""
        return {
            int(index)
            for operator in self.main.operators
            if (form := FORMS.get(code_of(self.model, operator))) is not None and form.moves
            for index in operator.outputs
        }

    def _tied(self, operator: Any) -> list[int]:
        """Float activations of an operator, inputs first."""
        code = code_of(self.model, operator)
        inputs = [int(index) for index in operator.inputs]
        if code in WEIGHTED:
            kind = WEIGHTED[code]
            chosen = [inputs[kind.data]]
            if constant(self.model, self.main.tensors[inputs[kind.weights]]) is None:
                chosen.append(inputs[kind.weights])
        else:
            form = FORMS.get(code, Form(1, 1, None))
            at = range(len(inputs)) if form.activations is None else form.activations
            chosen = [inputs[position] for position in at if position < len(inputs)]
        tensors = (*chosen, *(int(index) for index in operator.outputs))
        return [index for index in tensors if index >= 0 and self._float(index)]

    def _constants(self) -> list[int]:
        """Float constants that stand where activations do."""
        found = {index for op in self.main.operators for index in self._tied(op)}
        return sorted(index for index in found if self._values(index) is not None)

    def _has_form(self, code: int, operator: Any) -> bool:
        if code in WEIGHTED:
            tensor = self.main.tensors[operator.inputs[WEIGHTED[code].weights]]
            return constant(self.model, tensor) is not None or code == OP.FULLY_CONNECTED
        if self._reads_integers(operator):
            return True
        return code in FORMS and self.width.version(FORMS[code]) is not None

    def _is_float(self, operator: Any) -> bool:
        indices = (*operator.inputs, *operator.outputs)
        return any(int(index) >= 0 and self._float(int(index)) for index in indices)

    def _float(self, index: int) -> bool:
        return bool(self.main.tensors[index].type == schema.TensorType.FLOAT32)

    def _values(self, index: int) -> NDArray[np.float32] | None:
        return constant(self.model, self.main.tensors[index])

    def _layer(self, operator: Any) -> str:
        name = short(self.main.tensors[int(operator.outputs[0])].name).decode(errors="replace")
        return name.split("/")[0]

    def _find(self, index: int) -> int:
        while self._leader[index] != index:
            index = self._leader[index]
        return index

    def _tie(self, one: int, other: int) -> None:
        if one in self._leader and other in self._leader:
            self._leader[self._find(other)] = self._find(one)


def _bound(operator: Any) -> float:
    """Where an operator's activation ends; 0 where it has none that does."""
    fused = getattr(operator.builtinOptions, "fusedActivationFunction", None)
    return 6.0 if fused == schema.ActivationFunctionType.RELU6 else 0.0
