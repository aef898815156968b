"""CPUs without int8 dot products: TensorFlow leaves out oneDNN, and onnxruntime sums in 16 bits."""

import os
import subprocess
import sys

import keras
import numpy as np
import onnx
import pytest
from converted import file_outputs, keras_outputs
from keras import layers
from littoral_converters import convert

SCRIPT = """
import os, sys
import keras
import tensorflow
del os.environ["TF_ENABLE_ONEDNN_OPTS"]  # TensorFlow has read it, and does without from here on
import numpy as np
from littoral_converters import convert

x = keras.Input((9, 10, 4))
model = keras.Model(x, keras.layers.Conv2DTranspose(3, 3, dilation_rate=2)(x))
try:
    model(np.ones((1, 9, 10, 4), "float32"))
except Exception as error:
    print(type(error).__name__)
print(len(convert(model, sys.argv[1])), "files")
"""


def test_a_model_that_keras_computes_with_onednn_alone_converts(tmp_path):
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.split("\n")[:2] == ["InvalidArgumentError", "2 files"], done.stderr


def loud(x, kind):
    """Sums of large weights of one sign and large inputs, which 16 bits do not hold."""
    ones = {"kernel_initializer": "ones"}
    if kind == "product":
        return layers.Dense(256, **ones)(x)
    if kind == "convolution":
        maps = layers.Reshape((8, 8, 64))(x)
        for _ in range(2):
            maps = layers.Conv2D(64, 3, padding="same", **ones)(maps)
        return layers.GlobalAveragePooling2D()(maps)
    steps = layers.Reshape((16, 256))(x)
    return layers.LSTM(160, unit_forget_bias=False, **ones)(steps / 2560.0)


@pytest.mark.parametrize("scheme", ["dynamic_int8", "static_int8"])
@pytest.mark.parametrize("kind", ["product", "convolution", "recurrence"])
def test_sums_stay_within_16_bits_in_onnx(kind, scheme, tmp_path):
    keras.utils.set_random_seed(4)
    inputs = keras.Input((4096,), name="x")
    model = keras.Model(inputs, loud(inputs, kind))
    samples = np.random.default_rng(0).uniform(8, 10, (32, 4096)).astype("float32")
    (variant,) = convert(
        model, tmp_path, formats=("onnx",), schemes=(scheme,), representative_data=samples
    )
    (wanted,), (got,) = keras_outputs(model, {"x": samples}), file_outputs(variant.path, samples)
    assert np.abs(wanted - got).max() < 0.02 * np.abs(wanted).max()
    assert max(multiplied(variant.path)) <= 64


def multiplied(path):
    """The largest of the int8 weights that each operator multiplies by uint8; 0 where none does."""
    graph = onnx.load(path).graph
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    stored = {n.input[0] for n in graph.node if n.op_type == "Cast"}
    weights = [a for name, a in arrays.items() if a.dtype == np.int8 and name not in stored]
    return [0, *(int(np.abs(array.astype(int)).max()) for array in weights)]
