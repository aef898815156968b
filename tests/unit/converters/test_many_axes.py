"""What is written for TFLite beside a tensor of many axes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from converted import worst_error
from littoral_converters import convert, operators
from littoral_converters.operators import _ranks

LIMITS = {"float32": 1e-5, "static_int8": 0.1}


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


class Written(keras.layers.Layer):
    """GELU as a person writes it in TensorFlow."""

    def call(self, x):
        """Of any number of axes."""
        return tf.nn.gelu(x, approximate=False)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "static_int8"])
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("gelu", [keras.layers.Activation("gelu"), Written()])
def test_gelu_of_volumes_goes_through_tflite(gelu, batch, scheme, tmp_path):
    # Its product with what has no axes was folded apart, so that the converter found no GELU.
    inputs = keras.Input((4, 5, 6, 2), name="x")
    model = keras.Model(inputs, gelu(keras.layers.Conv3D(3, 2)(inputs)))
    assert worst_error(model, tmp_path, "tflite", scheme, batch=batch) < LIMITS[scheme]


@pytest.mark.slow
def test_gelu_of_volumes_is_one_operator(tmp_path):
    inputs = keras.Input((4, 5, 6, 2), name="x")
    model = keras.Model(inputs, keras.layers.Conv3D(3, 2, activation="gelu")(inputs))
    (variant,) = convert(model, tmp_path, formats=("tflite",))
    kinds = [each["op_name"] for each in Interpreter(str(variant.path))._get_ops_details()]
    assert "GELU" in kinds
