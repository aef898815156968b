"""int16x8 where kernels have no int16 form or a coarse table, in the raw engine against Keras."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import randomize
from keras import layers, ops
from littoral_converters import convert


def error_of(model, folder, draw):
    """Largest error of an int16x8 file on data it was not calibrated on, of the output's range."""
    (variant,) = convert(
        model,
        folder,
        formats=("tflite",),
        schemes=("int16x8",),
        representative_data=draw(np.random.default_rng(1), 64),
    )
    file = Interpreter(model_path=str(variant.path))
    file.allocate_tensors()
    (given,), (result,) = file.get_input_details(), file.get_output_details()
    assert all(np.dtype(one["dtype"]).kind == "i" for one in file.get_tensor_details())
    data, answers = draw(np.random.default_rng(2), 16), []
    for sample in data:
        quanta = np.rint(sample[None] / given["quantization"][0]).clip(-32768, 32767)
        file.set_tensor(given["index"], quanta.astype(np.int16))
        file.invoke()
        answers.append(file.get_tensor(result["index"]) * result["quantization"][0])
    wanted = np.asarray(model(data))
    return np.abs(np.concatenate(answers) - wanted).max() / np.abs(wanted).max()


def normal(random, count):
    return random.normal(size=(count, 6, 6, 4)).astype("float32")


def of_any_size(random, count):
    """Pixels whose values are small at some places and ten times as large at others."""
    return normal(random, count) * 10 ** random.uniform(-1, 0, (count, 6, 6, 1)).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        lambda x: ops.sum(x, 1),
        lambda x: ops.sum(x, (1, 2), keepdims=True) * x,
        lambda x: ops.var(x, (1, 2)),
        layers.Activation("hard_silu"),
        layers.ELU(),
        layers.PReLU(shared_axes=[1, 2]),
        layers.LayerNormalization(axis=1),
    ],
    ids=["sum", "kept", "variance", "hard_swish", "elu", "prelu", "layer_norm"],
)
def test_what_has_no_int16_form_is_written_in_what_has(write, tmp_path):
    inputs = keras.Input((6, 6, 4), name="x")
    assert error_of(randomize(keras.Model(inputs, write(inputs))), tmp_path, normal) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    "write",
    [
        layers.LayerNormalization(),
        layers.RMSNormalization(epsilon=1e-3),
        lambda x: ops.log(ops.square(x) + 0.01),
    ],
    ids=["layer_norm", "rms_norm", "log"],
)
def test_values_near_zero_are_looked_up_finely(write, tmp_path):
    """A line from 0 to a 250th of the range stood for an inverse root: wrong by any factor."""
    inputs = keras.Input((6, 6, 4), name="x")
    assert error_of(keras.Model(inputs, write(inputs)), tmp_path, of_any_size) < 0.05


def test_scales_that_are_all_powers_of_two_are_taken(tmp_path):
    """Kernels shift there, by which they refuse this difference: a sigmoid's scale is 2**-15."""
    inputs = keras.Input((6, 6, 4), name="x")
    again = ops.relu(inputs) - ops.relu(-inputs)
    outputs = inputs + (ops.sigmoid(inputs) - ops.sigmoid(again))
    assert error_of(keras.Model(inputs, outputs), tmp_path, normal) < 0.002
