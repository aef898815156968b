"""Normalizations whose mean is taken out by weights: right, and only where it may be done."""

from collections import Counter

import keras
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import feeds, randomize, worst_error
from keras import layers
from littoral_converters import convert

SHAPE = (5, 8)


def stream(x, blocks=2):
    """The residual stream of a Transformer."""
    for _ in range(blocks):
        normal = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(normal, normal)])
        normal = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(8)(layers.Dense(6, activation="gelu")(normal))])
    return x


def embedded(x):
    return layers.Embedding(11, 8)(x) * 2.0 + layers.Embedding(5, 8)(keras.ops.arange(5))


def tied(x):
    """A table that is looked up at the beginning and multiplied with in the end."""
    table = layers.ReversibleEmbedding(11, 8)
    return table(layers.LayerNormalization()(table(x)), reverse=True)


def shared_product(x):
    """One Dense whose outputs are normalized here and used as they are there."""
    dense, norm = layers.Dense(8), layers.LayerNormalization()
    return norm(dense(x)), layers.Dense(2)(keras.ops.tanh(dense(layers.Dense(8)(x))))


def reshaped(x):
    x = layers.Reshape((2, 2, 8))(layers.Dense(8)(x[:, :4]))
    return layers.LayerNormalization()(layers.Permute((2, 1, 3))(x))


def convolved(x):
    pixels = layers.Conv2D(8, 2, strides=2)(layers.Reshape((5, 8, 1))(x))
    return layers.LayerNormalization()(pixels)


def shown(x):
    x = layers.Dense(8)(x)
    return x, layers.LayerNormalization()(x)


CENTERED = {
    "dense": (lambda x: layers.LayerNormalization()(layers.Dense(8)(x)), "float32", 0),
    "no_bias": (
        lambda x: layers.LayerNormalization()(layers.Dense(8, use_bias=False)(x)),
        "float32",
        0,
    ),
    "stream": (lambda x: layers.LayerNormalization()(stream(layers.Dense(8)(x))), "float32", 0),
    "embedding": (lambda x: layers.LayerNormalization()(stream(embedded(x), 1)), "int32", 0),
    "reshaped": (reshaped, "float32", 0),
    "convolved": (convolved, "float32", 0),
}
"""Model, type of its input, how many subtractions of a mean are left."""

LEFT_ALONE = {
    "input": (lambda x: layers.LayerNormalization()(x), "float32", 1),
    "activation": (
        lambda x: layers.LayerNormalization()(layers.Dense(8, activation="relu")(x)),
        "float32",
        1,
    ),
    "shown": (shown, "float32", 1),
    "other_reader": (
        lambda x: (lambda y: y * layers.LayerNormalization()(y))(layers.Dense(8)(x)),
        "float32",
        1,
    ),
    "behind_a_norm": (
        lambda x: layers.LayerNormalization()(x + layers.LayerNormalization()(layers.Dense(8)(x))),
        "float32",
        1,
    ),
    "shared_weights": (shared_product, "float32", 1),
    "tied_embedding": (tied, "int32", 1),
    "other_axis": (
        lambda x: layers.LayerNormalization(axis=1)(layers.Dense(8)(x)),
        "float32",
        None,
    ),
    "one_for_all_channels": (
        lambda x: layers.LayerNormalization()(layers.Dense(8)(x) + layers.Dense(1)(x)),
        "float32",
        1,
    ),
}


def subtractions(folder):
    (path,) = folder.iterdir()
    kinds = Counter(op["op_name"] for op in Interpreter(str(path))._get_ops_details())
    return kinds["SUB"]


@pytest.mark.parametrize("name", [*CENTERED, *LEFT_ALONE])
def test_the_mean_is_taken_out_by_weights_where_nothing_else_reads_them(name, tmp_path):
    make, dtype, left = {**CENTERED, **LEFT_ALONE}[name]
    inputs = keras.Input(SHAPE[: 1 if dtype == "int32" else 2], dtype=dtype, name="x")
    model = randomize(keras.Model(inputs, make(inputs)))
    data = feeds(model, 4, seed=2)
    assert worst_error(model, tmp_path, "tflite", data=data) < 1e-5
    assert left is None or subtractions(tmp_path) == left


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dynamic_int8", "static_int8", "int16x8"])
def test_a_centered_stream_quantizes(scheme, tmp_path):
    inputs = keras.Input(SHAPE, name="x")
    outputs = layers.LayerNormalization()(stream(layers.Dense(8)(inputs)))
    model = randomize(keras.Model(inputs, outputs))
    assert worst_error(model, tmp_path, "tflite", scheme) < 0.1


def test_half_precision_holds_no_weights_that_gave_way(tmp_path):
    """Those before centering were kept too: the file was larger than float32's."""
    inputs = keras.Input((64, 16), name="x")
    x = inputs
    for _ in range(4):
        convolution = layers.Conv1D(16, 3, padding="same", use_bias=False)
        x = layers.ReLU()(layers.LayerNormalization()(convolution(x)))
    model = randomize(keras.Model(inputs, x))
    whole, half = convert(
        model, tmp_path, formats=("tflite",), schemes=("float32", "float16"), recommend=False
    )
    kernels = 4 * 3 * 16 * 16
    assert whole.size_bytes - half.size_bytes > 0.8 * 2 * kernels
