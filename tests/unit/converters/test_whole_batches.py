"""Models whose answer for a sample depends on the others in its batch."""

import keras
import littoral
import numpy as np
import pytest
from keras import layers
from littoral import VerificationError
from littoral_converters import convert, verify

NORMAL = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")


def net():
    inputs = keras.Input((6,), name="x")
    return keras.Model(inputs, layers.Dense(3, name="y")(inputs), name="net")


class Capacity(layers.Layer):
    """Lets the first five tokens of the whole batch through, as a router with a capacity does."""

    def call(self, x):
        place = keras.ops.cumsum(keras.ops.ones_like(x[..., :1]), axis=0)
        return x * keras.ops.cast(place < 5, "float32")


def test_an_answer_that_depends_on_the_batch_is_told_from_a_wrong_file(tmp_path):
    inputs = keras.Input((6,), name="x")
    routed = keras.Model(inputs, Capacity(name="y")(inputs), name="routed")
    words = "depends on the others in its batch"
    for format_name in ("tflite", "onnx"):
        with pytest.raises(VerificationError, match=words) as caught:
            convert(routed, tmp_path, formats=(format_name,))
        assert "tolerance" not in str(caught.value)
    (variant,) = convert(routed, tmp_path, formats=("onnx",), representative_data=NORMAL[:4])
    assert words in verify(routed, variant.path, data=NORMAL[:8]).reason


class Chosen(layers.Layer):
    """One of two computations, by all samples together."""

    def call(self, x):
        return keras.ops.cond(keras.ops.sum(x) > 0, lambda: keras.ops.tanh(x), lambda: 0.5 * x)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_branch_by_the_whole_batch_converts_for_any_batch(format_name, tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, layers.Dense(3, name="y")(Chosen()(inputs)), name="chosen")
    with pytest.raises(VerificationError, match="--batch any"):
        convert(model, tmp_path, formats=(format_name,), representative_data=NORMAL + 0.5)
    options = {"formats": (format_name,), "batch": None}
    (variant,) = convert(model, tmp_path, **options, representative_data=NORMAL)
    with littoral.load(variant.path) as file:
        for batch in (NORMAL[:4] + 1, NORMAL[:4] - 1, NORMAL[:1] - 1):
            np.testing.assert_allclose(file.run(batch), model(batch), atol=1e-5)


def test_a_file_that_is_wrong_on_every_sample_is_not_blamed_on_the_batch(tmp_path):
    (variant,) = convert(net(), tmp_path, formats=("onnx",))
    found = verify(net(), variant.path)
    assert not found.passed
    assert "batch" not in found.reason
