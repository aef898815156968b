"""Softmax of attention over short rows is written as its steps, and says what softmax says."""

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import feeds, ratio, raw_outputs, worst_error
from keras import layers, ops
from littoral_converters import convert, debug

STEPS = 28


def attention(x, **options):
    return layers.MultiHeadAttention(4, 16, name="attention")(x, x, **options)


MADE = {
    "heads": attention,
    "causal": lambda x: attention(x, use_causal_mask=True),
    "masked_out": lambda x: attention(x, attention_mask=ops.zeros((1, STEPS, STEPS), "bool")),
    "one_head": lambda x: layers.Attention(use_scale=True)([x, x]),
    "groups": lambda x: layers.GroupQueryAttention(16, 4, 2)(x, x),
    "own": lambda x: ops.matmul(ops.softmax(x @ ops.transpose(x, (0, 2, 1))), x),
    "infinite": lambda x: ops.matmul(
        ops.softmax(ops.where(x[:, :, :1] > ops.transpose(x[:, :, :1], (0, 2, 1)), -np.inf, 1.0)),
        x,
    ),
}


def model(make, steps=STEPS):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((steps, 64), name="x")
    return keras.Model(inputs, make(inputs))


def kinds(path):
    return [each["op_name"] for each in Interpreter(str(path))._get_ops_details()]


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("name", MADE)
def test_it_says_what_keras_says(name, batch, tmp_path):
    assert worst_error(model(MADE[name]), tmp_path, "tflite", batch=batch) < 2e-6
    (path,) = tmp_path.glob("*.tflite")
    made = kinds(path)
    assert "EXP" in made
    assert "SOFTMAX" not in made


@pytest.mark.parametrize("scheme", ["float16", "dynamic_int8", "static_int8", "weight_int4"])
def test_it_is_written_so_in_every_scheme_that_leaves_it_float(scheme, tmp_path):
    assert worst_error(model(attention), tmp_path, "tflite", scheme) < 0.1
    (path,) = tmp_path.glob("*.tflite")
    assert "SOFTMAX" not in kinds(path)


def test_scores_that_e_has_no_power_of_are_as_in_keras(tmp_path):
    net = model(MADE["own"])
    (made,) = convert(net, tmp_path, formats=("tflite",))
    data = 100 * feeds(net, 1, seed=0)["x"]
    (got,) = raw_outputs(made.path, data).values()
    assert np.abs(np.sum(data**2, -1)).min() > 1e4
    np.testing.assert_allclose(got, net(data), rtol=1e-5, atol=1e-3)


KEPT = {
    "full_lanes": (lambda x: attention(x), {"steps": 32}, {}),
    "long": (lambda x: attention(x), {"steps": 150}, {}),
    "no_product": (lambda x: ops.softmax(x @ ops.transpose(x, (0, 2, 1))), {}, {}),
    "old_runtime": (attention, {}, {"min_runtime": "tflite-2.14"}),
    "integers": (attention, {}, {"schemes": ("strict_int8",)}),
}


@pytest.mark.parametrize("name", KEPT)
def test_it_stays_where_steps_are_no_faster(name, tmp_path):
    make, size, options = KEPT[name]
    net = model(make, **size)
    data = feeds(net, 16, seed=0)
    (made,) = convert(net, tmp_path, formats=("tflite",), representative_data=data, **options)
    assert "SOFTMAX" in kinds(made.path)


def test_scores_that_are_returned_are_the_softmax(tmp_path):
    inputs = keras.Input((STEPS, 64), name="x")
    both = layers.MultiHeadAttention(4, 16)(inputs, inputs, return_attention_scores=True)
    assert worst_error(keras.Model(inputs, both), tmp_path, "tflite") < 2e-6


@pytest.mark.slow
def test_no_step_is_taken_for_the_output_of_a_softmax(tmp_path):
    """Behind a layer that is wrong, names tell which tensor is whose."""
    inputs = keras.Input((STEPS, 16), name="x")
    x = layers.Dense(16, name="wrong")(inputs)
    scores = layers.Softmax(name="scores")(layers.Dot((2, 2))([x, x]))
    net = keras.Model(inputs, layers.Dot((2, 1), name="mean")([scores, x]))
    (made,) = convert(net, tmp_path, formats=("tflite",))
    net.get_layer("wrong").kernel.assign(net.get_layer("wrong").kernel * 1.02)
    net.save(tmp_path / "net.keras")
    found = debug(tmp_path / "net.keras", made.path)
    assert found.first_wrong.layer == "wrong"
    assert {one.layer: one.tensor for one in found.layers}["mean"] is not None
    assert "scores" in [one.layer for one in found.fused]


@pytest.mark.slow
@pytest.mark.alone
def test_it_is_faster_where_softmax_leaves_lanes_empty(tmp_path):
    """A processor without AVX-512 takes the same time for both."""
    net = model(attention)
    (ours,) = convert(net, tmp_path / "ours", formats=("tflite",))
    older = {"formats": ("tflite",), "min_runtime": "tflite-2.14"}
    (kept,) = convert(net, tmp_path / "kept", **older)
    has_masks = "avx512f" in Path("/proc/cpuinfo").read_text()
    assert ratio(ours.path, kept.path) > (1.15 if has_masks else 0.9)
