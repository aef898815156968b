"""Random numbers of a seed that is known: the same at every call, so constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from littoral_converters.graphs.replay import execute
from littoral_converters.operators import Substitute


def substitutes(format_name: str) -> Mapping[str, Substitute]:
    """What a format lacks; see `littoral_converters.operators`."""
    del format_name
    return dict.fromkeys(_OF_A_SEED, _drawn)


def _drawn(operation: Any, inputs: Sequence[Any]) -> Any:
    if any(tf.get_static_value(each) is None for each in inputs):
        raise NotImplementedError
    drawn = execute(operation, [*inputs])
    with tf.compat.v1.Session(graph=tf.compat.v1.get_default_graph()) as session:
        return [tf.constant(values) for values in session.run(drawn)]


_OF_A_SEED = (
    "StatelessRandomGetAlg",
    "StatelessRandomGetKeyCounter",
    "StatelessRandomNormalV2",
    "StatelessRandomUniformIntV2",
    "StatelessRandomUniformV2",
    "StatelessTruncatedNormalV2",
)
