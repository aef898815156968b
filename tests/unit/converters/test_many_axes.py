"""What is written for TFLite beside a tensor of many axes."""

import numpy as np
import tensorflow as tf
from littoral_converters import operators
from littoral_converters.operators import _ranks


def test_only_what_is_near_many_axes_is_looked_at(monkeypatch):
    # One tensor of five axes in a large detector had all its operators taken apart, for half of
    # the time that the conversion took.
    looked_at = []

    def seen(operation, inputs):
        del inputs
        looked_at.append(operation.name)
        raise NotImplementedError

    monkeypatch.setattr(_ranks, "SUBSTITUTES", dict.fromkeys(_ranks.SUBSTITUTES, seen))
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [1, 2, 3, 4, 5], name="x")
        near = tf.tanh(x, name="near")
        flat = tf.add(tf.reshape(near, [1, 120]), 1.0, name="right_behind")
        tf.multiply(flat, np.float32(2), name="far")
    operators.substitute(graph.as_graph_def(), "tflite", 5)
    assert looked_at == ["near", "right_behind"]
