"""Fourier transforms of signals whose length is open, in the raw engines."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from littoral_converters import convert
from onnxruntime import InferenceSession

LENGTHS = (7, 10, 1, 40)
TRANSFORMS = {
    "forward": (lambda x: ops.stack(ops.rfft(x), -1), LENGTHS),
    "forward_of_a_size": (lambda x: ops.stack(ops.rfft(x, fft_length=9), -1), LENGTHS),
    "backward": (lambda x: ops.irfft((x, ops.cos(x))), (7, 10, 40)),
    "backward_of_a_size": (lambda x: ops.irfft(ops.rfft(x), fft_length=11), LENGTHS),
}


def answer(path, data):
    """What a file says to a batch, in its own engine."""
    if path.suffix == ".onnx":
        return InferenceSession(str(path)).run(None, {"x": data})[0]
    (result,) = Interpreter(model_path=str(path)).get_signature_runner()(x=data).values()
    return result


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_one_file_transforms_every_length(name, format_name, batch, tmp_path):
    transform, lengths = TRANSFORMS[name]
    inputs = keras.Input((2, None), name="x")
    model = keras.Model(inputs, transform(inputs))
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    for length in lengths:
        data = np.random.default_rng(length).normal(size=(batch or 3, 2, length))
        data = data.astype("float32")
        wanted = np.asarray(model(data))
        limit = 1e-4 * np.abs(wanted).max()
        np.testing.assert_allclose(answer(variant.path, data), wanted, rtol=0, atol=limit)
