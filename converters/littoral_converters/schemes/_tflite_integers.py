"""The integers that a .tflite's activations become, and what of a float graph becomes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from littoral_converters.schemes import _tflite_casts
from littoral_converters.schemes._tflite_forms import FORMS, Form
from littoral_converters.schemes._tflite_weights import WEIGHTED
from littoral_converters.trees.tflite import OP, code_of, constant

Scale = tuple[float, int]
"""Scale and zero point."""

_HEADROOM = 2  # Of 16 bits, one is for what representative data has not shown: less is cut off.


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

    def affine(self, low: float, high: float) -> Scale:
        """Scale and zero point that map [low, high], widened to hold 0, onto all integers."""
        low, high = min(low, 0.0), max(high, 0.0)
        limits = np.iinfo(self.dtype)
        if self.symmetric:
            return _HEADROOM * max(-low, high, 1e-9) / limits.max, 0
        scale = max((high - low) / (limits.max - limits.min), 1e-9)
        return scale, int(np.clip(np.rint(limits.min - low / scale), limits.min, limits.max))

    def fixed(self, form: Form) -> Scale | None:
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


@dataclass(frozen=True)
class Subject:
    """The main subgraph of a float file that is to become integers of one width."""

    model: Any
    main: Any
    width: Width

    def code(self, operator: Any) -> int:
        """The operator's BuiltinOperator."""
        return code_of(self.model, operator)

    def is_float(self, operator: Any) -> bool:
        """Whether an operator reads or writes float tensors."""
        indices = (*operator.inputs, *operator.outputs)
        return any(int(index) >= 0 and self.holds_floats(int(index)) for index in indices)

    def holds_floats(self, index: int) -> bool:
        """Whether a tensor is float."""
        return bool(self.main.tensors[index].type == schema.TensorType.FLOAT32)

    def values(self, index: int) -> NDArray[np.float32] | None:
        """A float constant; None for anything else."""
        return constant(self.model, self.main.tensors[index])

    def reads_integers(self, operator: Any) -> bool:
        """Whether an operator turns integers into numbers."""
        return _tflite_casts.reads_integers(self.model, self.main, operator)

    def has_form(self, operator: Any) -> bool:
        """Whether a float operator has a form in these integers."""
        code = self.code(operator)
        if code in WEIGHTED:
            weights = self.values(int(operator.inputs[WEIGHTED[code].weights]))
            return weights is not None or code == OP.FULLY_CONNECTED
        if self.reads_integers(operator):
            return True
        return code in FORMS and self.width.version(FORMS[code]) is not None

    def moves(self, operator: Any) -> bool:
        """Whether an operator only moves values."""
        form = FORMS.get(self.code(operator))
        return form is not None and form.moves

    def fixed(self, operator: Any) -> Scale | None:
        """The scale of an operator's output where its specification gives it."""
        if self.reads_integers(operator):
            return _tflite_casts.given_scale(self.main, operator, self.width.symmetric)
        form = FORMS.get(self.code(operator))
        return None if form is None else self.width.fixed(form)

    def activations(self, operator: Any) -> list[int]:
        """Float activations of an operator, inputs first."""
        code = self.code(operator)
        inputs = [int(index) for index in operator.inputs]
        if code in WEIGHTED:
            kind = WEIGHTED[code]
            chosen = [inputs[kind.data]]
            if self.values(inputs[kind.weights]) is None:
                chosen.append(inputs[kind.weights])
        else:
            form = FORMS.get(code, Form(1, 1, None))
            at = range(len(inputs)) if form.activations is None else form.activations
            chosen = [inputs[position] for position in at if position < len(inputs)]
        tensors = (*chosen, *(int(index) for index in operator.outputs))
        return [index for index in tensors if index >= 0 and self.holds_floats(index)]
