"""Fourier transforms of signals whose length is open, in the raw engines."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from keras import ops
from littoral_converters import convert

LENGTHS = (7, 10, 1, 40)
TRANSFORMS = {
    "forward": (lambda x: ops.stack(ops.rfft(x), -1), LENGTHS),
    "forward_of_a_size": (lambda x: ops.stack(ops.rfft(x, fft_length=9), -1), LENGTHS),
    "backward": (lambda x: ops.irfft((x, ops.cos(x))), (7, 10, 40)),
    "backward_of_a_size": (lambda x: ops.irfft(ops.rfft(x), fft_length=11), LENGTHS),
}


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
        (got,) = raw_outputs(variant.path, data).values()
        np.testing.assert_allclose(got, wanted, rtol=0, atol=limit)
