"""Numbers added to each channel.

Keras adds as a bias whatever it can take for one: whole numbers too, and a vector computed from
another input, such as a step's embedding behind a convolution that has a bias already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    return {"BiasAdd": _second if format_name == "onnx" else _whole}


def _second(operation: Any, inputs: Sequence[Any]) -> Any:
    """One bias more, which tf2onnx would give to a convolution as its fourth input."""
    maker = operation.inputs[0].op
    while maker.type == "Identity":
        maker = maker.inputs[0].op
    if maker.type != "BiasAdd":
        raise NotImplementedError
    return _added(operation, *inputs)


def _whole(operation: Any, inputs: Sequence[Any]) -> Any:
    """Whole numbers, of which TFLite has no bias."""
    if not inputs[0].dtype.is_integer:
        raise NotImplementedError
    return _added(operation, *inputs)


def _added(operation: Any, x: Any, bias: Any) -> Any:
    if operation.get_attr("data_format") == b"NCHW":
        bias = tf.reshape(bias, [-1] + [1] * (len(x.shape) - 2))
    return x + bias
