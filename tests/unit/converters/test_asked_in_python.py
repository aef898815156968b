"""Layers that ask in Python, as range() does, for what a graph computes."""

import keras
import numpy as np
import pytest
from converted import worst_error
from keras import layers, ops
from littoral import ConversionError, InputError
from littoral_converters import convert


@keras.saving.register_keras_serializable("littoral_tests")
class Decaying(layers.Layer):
    """A state that every step halves, as a loop of Python."""

    def call(self, x):
        state, states = ops.zeros_like(x[:, 0]), []
        for step in range(ops.shape(x)[1]):
            state = state / 2 + x[:, step]
            states.append(state)
        return ops.stack(states, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("littoral_tests")
class Even(layers.Layer):
    """An axis filled up to an even length."""

    def __init__(self, axis, **options):
        super().__init__(**options)
        self.axis = axis

    def call(self, x):
        if ops.shape(x)[self.axis] % 2:
            return ops.concatenate([x, x], self.axis)
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


NEEDS = {
    "range": lambda x: ops.stack([2 * x[:, at] for at in range(x.shape[1])], axis=1),
    "product": lambda x: ops.tile(x, (1, 1, 3 * x.shape[1]))[..., :4],
    "order": lambda x: x if x.shape[1] > 2 else 2 * x,
    "int": lambda x: x * int(x.shape[1]),
    "zeros": lambda x: x + ops.zeros((x.shape[1], 4)),
}


@keras.saving.register_keras_serializable("littoral_tests")
class Known(layers.Layer):
    """What needs the second size of x.shape, which is None where it is open."""

    def __init__(self, need, **options):
        super().__init__(**options)
        self.need = need

    def call(self, x):
        return NEEDS[self.need](x)

    def compute_output_shape(self, input_shape):
        return input_shape


def net(layer, shape):
    inputs = keras.Input(shape, name="series")
    return keras.Model(inputs, layers.Dense(3)(layer(inputs)), name="net")


ASKING = {
    "for": lambda: Decaying(name="odd"),
    "if": lambda: Even(1, name="odd"),
    **{need: lambda need=need: Known(need, name="odd") for need in NEEDS},
}


@pytest.mark.parametrize("layer", ASKING)
def test_an_open_length_that_python_asks_for_is_refused_with_its_input(layer, tmp_path):
    model = net(ASKING[layer](), (None, 4))
    words = r"layer 'odd' .* for tflite: it asks in Python .*'series' a fixed length"
    with pytest.raises(ConversionError, match=words):
        convert(model, tmp_path, formats=("tflite",), representative_data=np.ones((8, 6, 4)))
    assert not list(tmp_path.iterdir())
    fixed = keras.Input((6, 4), name="series")
    around = keras.Model(fixed, model(fixed), name="around")
    for format_name in ("tflite", "onnx"):
        assert worst_error(around, tmp_path, format_name) < 1e-4


def test_an_open_batch_that_python_asks_for_is_refused_with_the_way_to_fix_it(tmp_path):
    model = net(Even(0, name="odd"), (4,))
    with pytest.raises(ConversionError, match=r"it asks in Python .*fixed --batch") as caught:
        convert(model, tmp_path, formats=("onnx",), batch=None)
    assert "length" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize(
    "layer",
    [
        layers.GRU(4, name="odd"),
        layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], name="odd"),
        layers.Bidirectional(layers.LSTM(2), name="odd"),
    ],
    ids=["gru", "cells", "both"],
)
def test_an_open_length_is_not_unrolled(layer, format_name, tmp_path):
    model = net(layer, (None, 4))
    words = rf"layer .* cannot be unrolled for {format_name}: its length is open; take lowering"
    with pytest.raises(ConversionError, match=words):
        convert(model, tmp_path, formats=(format_name,), lowering="unrolled")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("batch", [0, -1, 1.5, True, "any"])
def test_a_batch_that_is_no_number_of_samples_is_refused(batch, tmp_path):
    model = net(layers.Dense(2), (4,))
    with pytest.raises(
        InputError, match=f"batch is {batch!r}: expected a whole number of at least"
    ):
        convert(model, tmp_path / "out", batch=batch)
    assert not (tmp_path / "out").exists()
