"""Functions of tensors of five to eight axes, the batch's among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from operation_models import Table, whole

SHAPES = {5: (2, 3, 2, 4), 6: (2, 3, 2, 2, 4), 7: (2, 3, 2, 2, 2, 4), 8: (2, 1, 3, 2, 2, 2, 4)}

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": ops.add,
    "arctan2": ops.arctan2,
    "bitwise_and": lambda x, y: ops.bitwise_and(whole(x), whole(y)),
    "divide": lambda x, y: x / (ops.abs(y) + 0.1),
    "divide_no_nan": lambda x, y: ops.divide_no_nan(x, ops.relu(y)),
    "equal": lambda x, y: ops.equal(ops.round(x), ops.round(y)),
    "greater": ops.greater,
    "logical_and": lambda x, y: ops.logical_and(x > 0, y > 0),
    "maximum": ops.maximum,
    "mod": lambda x, y: ops.mod(10 * x, ops.abs(y) + 1.0),
    "power": lambda x, y: ops.power(ops.abs(x) + 0.1, y),
    "square": lambda x, y: ops.square(x - y),
    "subtract": ops.subtract,
    "where": lambda x, y: ops.where(y > 0, x, y),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "cdist": lambda x: ops.cdist(x, 2 * x + 0.5),
    "concatenate": lambda x: ops.concatenate([x, 2 * x], axis=2),
    "cumprod": lambda x: ops.cumprod(x, axis=1),
    "cut": lambda x: x[:, 1],
    "cut_in_steps": lambda x: x[..., ::2, ::-1],
    "einsum": lambda x: ops.einsum("...c,...c->...", x, x),
    "einsum_of_matrices": lambda x: ops.einsum("...ij,...kj->...ik", x, x),
    "layer_normalization": lambda x: ops.layer_normalization(x, axis=-1),
    "logsumexp": lambda x: ops.logsumexp(x, axis=-1),
    "matmul": lambda x: ops.matmul(x, ops.swapaxes(x, -1, -2)),
    "matmul_of_one": lambda x: ops.matmul(x, ops.swapaxes(x, -1, -2)[:, :1]),
    "matmul_of_weights": lambda x: ops.matmul(x, np.ones((4, 3), "float32")),
    "max": lambda x: ops.max(x, axis=1),
    "pad": lambda x: ops.pad(x, [[0, 0]] * (len(x.shape) - 1) + [[1, 2]]),
    "relu": ops.relu,
    "reversed": lambda x: ops.transpose(x, (0, *range(len(x.shape) - 1, 0, -1))),
    "roll": lambda x: ops.roll(x, 1, axis=-1),
    "sort": lambda x: ops.sort(x, axis=-1),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "std": lambda x: ops.std(x, axis=1),
    "sum": lambda x: ops.sum(x, axis=(1, 3)),
    "take": lambda x: ops.take(x, np.array([0, 0]), axis=2),
}

WIDE: Table = {}
for _rank, _shape in SHAPES.items():
    for _name, _function in UNARY.items():
        WIDE[f"{_name}_{_rank}"] = (_shape, _function)
    for _name, _both in BINARY.items():
        WIDE[f"{_name}_{_rank}"] = (
            _shape,
            lambda x, f=_both: f(x, 0.5 * x[..., 1:2, :, :1] + 0.1),
        )
