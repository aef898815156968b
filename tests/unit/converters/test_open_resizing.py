"""Resizing of pictures whose size only the file's input tells."""

import keras
import littoral
import numpy as np
import pytest
from keras import layers
from littoral_converters import convert

SIZES = ((6, 9), (9, 6), (3, 4), (12, 5))
FILTERS = ("bilinear", "bicubic", "lanczos3", "lanczos5", "nearest")
OPTIONS = {
    **{name: {"interpolation": name} for name in FILTERS},
    **{f"{name}_antialiased": {"interpolation": name, "antialias": True} for name in FILTERS},
    "cropped": {"crop_to_aspect_ratio": True, "antialias": True},
    "padded": {"pad_to_aspect_ratio": True, "fill_value": 2.0},
}


def check(resizing, shape, folder, format_name, batch=1):
    """Hold one file against Keras on pictures of every size."""
    inputs = keras.Input(shape, name="x")
    model = keras.Model(inputs, resizing(inputs))
    (variant,) = convert(model, folder, formats=(format_name,), batch=batch, recommend=False)
    random = np.random.default_rng(0)
    for size in SIZES:
        around = iter(size)
        picture = [next(around) if length is None else length for length in shape]
        data = random.normal(size=(1 if batch else 3, *picture)).astype("float32")
        wanted = np.asarray(model(data))
        with littoral.load(variant.path) as file:
            np.testing.assert_allclose(file.run(data), wanted, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_resizing_of_open_size_agrees_with_keras(name, format_name, tmp_path):
    check(layers.Resizing(4, 7, **OPTIONS[name]), (None, None, 3), tmp_path, format_name)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("shape", [(None, 5, 3), (3, None, None)])
def test_one_open_axis_or_channels_first_agree_with_keras(shape, format_name, batch, tmp_path):
    order = "channels_first" if shape[-1] is None else "channels_last"
    resizing = layers.Resizing(4, 3, antialias=True, data_format=order)
    check(resizing, shape, tmp_path, format_name, batch)
