"""Reshapes and diagonals in .tflite files whose open axis is not the first, in the raw engine."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import layers, ops
from littoral_converters import convert

RANDOM = np.random.default_rng(0)
LEFT = RANDOM.normal(size=(6, 5)).astype("float32")


class Computed(layers.Layer):
    """A function of the data; Keras cannot tell the shape of what it makes by itself."""

    def __init__(self, function, shape):
        super().__init__()
        self.function, self.shape = function, shape

    def call(self, x):
        return self.function(x)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.shape, x.dtype)


def rows(x):
    """Samples (n, size, ...) as rows (size, n ...)."""
    return ops.reshape(ops.swapaxes(x, 0, 1), (x.shape[1], -1))


def largest_error(model, path, data):
    """Between Keras and the file, for one sample and for three, as a share of Keras's range."""
    worst = 0.0
    for count in (1, 3):
        (got,) = raw_outputs(path, data[:count]).values()
        wanted = np.asarray(model(data[:count]))
        assert got.shape == wanted.shape
        worst = max(worst, float(np.abs(got - wanted).max() / np.abs(wanted).max()))
    return worst


FUNCTIONS = {
    "product_from_the_left": (
        lambda x: ops.swapaxes(ops.reshape(LEFT @ rows(x), (6, -1, 4)), 0, 1),
        (None, 6, 4),
    ),
    "product_that_something_follows": (
        lambda x: ops.swapaxes(ops.tanh(ops.reshape(LEFT @ rows(x), (6, -1, 4))), 0, 1),
        (None, 6, 4),
    ),
    "rows_in_two": (
        lambda x: ops.transpose(ops.reshape(ops.transpose(ops.sum(x, 1)), (2, 2, -1)), (2, 0, 1)),
        (None, 2, 2),
    ),
    "columns_in_two": (
        lambda x: ops.transpose(ops.reshape(ops.swapaxes(x, 0, 1), (5, -1, 2, 2)), (1, 2, 0, 3)),
        (None, 2, 5, 2),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_open_axis_is_split_behind_others(name, tmp_path):
    inputs = keras.Input((5, 4), name="x")
    model = keras.Model(inputs, Computed(*FUNCTIONS[name])(inputs))
    (variant,) = convert(model, tmp_path, formats=("tflite",), batch=None)
    data = RANDOM.normal(size=(3, 5, 4)).astype("float32")
    assert largest_error(model, variant.path, data) < 1e-5


@pytest.mark.parametrize("offset", [-2, 0, 1])
@pytest.mark.parametrize(
    ("shape", "axes"), [((5, None, 3), (1, 3)), ((None, 5), (1, 2)), ((5, None), (1, 2))]
)
def test_diagonals_are_taken_at_any_batch_and_length(shape, axes, offset, tmp_path):
    inputs = keras.Input(shape, name="x")
    model = keras.Model(inputs, ops.diagonal(inputs, offset, *axes))
    (variant,) = convert(model, tmp_path, formats=("tflite",), batch=None)
    for length in (4, 9):
        sizes = [length if size is None else size for size in shape]
        data = RANDOM.normal(size=(3, *sizes)).astype("float32")
        assert largest_error(model, variant.path, data) == 0
