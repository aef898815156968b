"""The tangent in TFLite, which has none, near its poles and far from 0."""

import keras
import numpy as np
import pytest
from converted import raw_outputs
from littoral_converters import convert

RANDOM = np.random.default_rng(0)
POLE = np.pi / 2


@pytest.mark.parametrize(
    "angles",
    [
        RANDOM.normal(size=(32, 64)),
        POLE - 10.0 ** -RANDOM.uniform(0, 5, size=(32, 64)),
        100 * RANDOM.normal(size=(32, 64)),
        1e-4 * RANDOM.normal(size=(32, 64)),
    ],
    ids=["random", "near a pole", "of many turns", "small"],
)
def test_a_tangent_is_right_relative_to_itself(angles, tmp_path):
    angles = angles.astype("float32")
    inputs = keras.Input((64,), name="x")
    model = keras.Model(inputs, keras.ops.tan(inputs), name="tangent")
    (variant,) = convert(model, tmp_path, formats=("tflite",), representative_data=angles)
    (got,) = raw_outputs(variant.path, angles[:1]).values()
    np.testing.assert_allclose(got, np.tan(np.float64(angles[:1])), rtol=1e-6)
