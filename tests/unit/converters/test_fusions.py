"""Attention, normalization, GELU and Dense over sequences, as they are lowered, against Keras."""

import keras
import numpy as np
import onnx
import pytest
from converted import feeds, randomize, worst_error
from keras import layers
from littoral_converters import convert

FORMATS = pytest.mark.parametrize("format_name", ["tflite", "onnx"])


def one(make, *shapes):
    inputs = [keras.Input(shape, name=f"in{at}") for at, shape in enumerate(shapes)]
    outputs = make(*inputs)
    return randomize(keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs))


def attend(**options):
    return layers.MultiHeadAttention(2, 3, **options)


ATTENTION = {
    "self": ([(5, 4)], lambda x: attend()(x, x)),
    "cross": ([(5, 4), (7, 6)], lambda x, y: attend()(x, y)),
    "three": ([(5, 4), (7, 6), (7, 3)], lambda q, v, k: attend()(q, v, k)),
    "value_dim": ([(5, 4)], lambda x: attend(value_dim=5)(x, x)),
    "output_shape": ([(5, 4)], lambda x: attend(output_shape=9)(x, x)),
    "output_shape_of_two": ([(5, 4)], lambda x: attend(output_shape=(2, 3))(x, x)),
    "no_bias": ([(5, 4)], lambda x: attend(use_bias=False)(x, x)),
    "causal": ([(5, 4)], lambda x: attend()(x, x, use_causal_mask=True)),
    "scores": ([(5, 4)], lambda x: attend()(x, x, return_attention_scores=True)),
    "dropout": ([(5, 4)], lambda x: attend(dropout=0.3)(x, x)),
    "masked": ([(5, 4)], lambda x: (lambda m: attend()(m, m))(layers.Masking()(x))),
    "masked_causal": (
        [(5, 4)],
        lambda x: (lambda m: attend()(m, m, use_causal_mask=True))(layers.Masking()(x)),
    ),
    "masked_dropout": (
        [(5, 4)],
        lambda x: (lambda m: attend(dropout=0.3)(m, m, use_causal_mask=True))(layers.Masking()(x)),
    ),
    "masked_scores": (
        [(5, 4)],
        lambda x: (lambda m: attend()(m, m, return_attention_scores=True))(layers.Masking()(x)),
    ),
    "given_mask": (
        [(5, 4), (5, 5)],
        lambda x, m: attend()(x, x, attention_mask=keras.ops.greater(m, 0)),
    ),
    "gate": ([(5, 4)], lambda x: attend(use_gate=True)(x, x)),
    "window": ([(5, 4)], lambda x: attend(sliding_window=2)(x, x)),
    "two_axes": ([(3, 4, 5)], lambda x: attend(attention_axes=(1, 2))(x, x)),
}
QUICK = ("self", "cross", "masked_causal", "masked_dropout")


@FORMATS
@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ATTENTION]
)
def test_attention_agrees(name, format_name, tmp_path):
    shapes, make = ATTENTION[name]
    model = one(make, *shapes)
    data = feeds(model, 5, seed=3)
    if "masked" in name:
        data["in0"][1, 3:], data["in0"][2, :2], data["in0"][3] = 0, 0, 0
    assert worst_error(model, tmp_path, format_name, data=data) < 1e-5


@pytest.mark.slow
@FORMATS
def test_a_block_takes_any_batch(format_name, tmp_path):
    def block(x):
        x = layers.LayerNormalization()(x + attend()(x, x))
        return x + layers.Dense(4)(layers.Dense(6, activation="gelu")(x))

    assert worst_error(one(block, (5, 4)), tmp_path, format_name, batch=None) < 1e-5


NORMALIZATIONS = {
    "last": ((5, 4), {}),
    "plain": ((5, 4), {"center": False, "scale": False}),
    "scale_only": ((5, 4), {"center": False}),
    "first": ((5, 4), {"axis": 1}),
    "both": ((5, 4), {"axis": (1, 2)}),
    "outer_of_three": ((2, 3, 4), {"axis": (1, 3)}),
    "inner_of_three": ((2, 3, 4), {"axis": (-2, -1)}),
}


@FORMATS
@pytest.mark.parametrize(
    "name",
    [n if n == "last" else pytest.param(n, marks=pytest.mark.slow) for n in NORMALIZATIONS],
)
def test_layer_normalization_agrees(name, format_name, tmp_path):
    shape, options = NORMALIZATIONS[name]
    model = one(layers.LayerNormalization(**options), shape)
    assert worst_error(model, tmp_path, format_name) < 1e-5


@FORMATS
@pytest.mark.parametrize("shape", [(6,), (2, 3, 4)])
def test_dense_and_gelu_agree_on_any_rank(shape, format_name, tmp_path):
    def make(x):
        x = layers.Dense(5, activation="gelu")(x)
        return layers.Activation("gelu")(layers.Dense(3, use_bias=False)(x))

    assert worst_error(one(make, shape), tmp_path, format_name) < 1e-5


def test_onnx_has_one_node_for_a_normalization_and_one_product_for_three(tmp_path):
    def make(x):
        return layers.Dense(4)(layers.LayerNormalization()(x + attend()(x, x)))

    (variant,) = convert(one(make, (5, 4)), tmp_path, formats=("onnx",))
    kinds = [node.op_type for node in onnx.load(variant.path).graph.node]
    assert kinds.count("LayerNormalization") == 1
    assert kinds.count("Gemm") == 3
    assert kinds.count("MatMul") == 2


def test_onnx_computes_the_product_of_a_residual_once(tmp_path):
    def make(x):
        h = layers.Dense(8)(x)
        for _ in range(2):
            h = h + layers.Dense(8)(layers.Activation("silu")(layers.BatchNormalization()(h)))
        return h

    model = one(make, (6,))
    (variant,) = convert(model, tmp_path, formats=("onnx",))
    kinds = [node.op_type for node in onnx.load(variant.path).graph.node]
    assert kinds.count("Gemm") + kinds.count("MatMul") == 3
    assert {*kinds} <= {"Gemm", "MatMul", "Add", "Mul", "Sigmoid"}


def test_rows_of_unlike_tensors_are_not_mixed(tmp_path):
    """A sum over broadcast axes, and one with a constant of the whole shape, both stay right."""

    def make(x, y):
        whole = np.arange(12, dtype="float32").reshape(1, 3, 4)
        left, right = layers.Dense(4)(x), layers.Dense(4)(y)
        return layers.Dense(2)((left + right) * whole + left)

    assert worst_error(one(make, (3, 5), (1, 5)), tmp_path, "onnx") < 1e-5
