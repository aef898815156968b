"""A file that the engine does not take is the scheme's fault: said so, and left out of ``all``."""

import keras
import numpy as np
import pytest
from keras import layers
from littoral import ConversionError, InputError
from littoral.tensors import TensorSpec
from littoral_converters import convert, isolation
from littoral_converters.calibration import read

IMAGES = 1000 * np.random.default_rng(0).normal(size=(50, 4, 4, 1)).astype("float32")


@pytest.fixture(scope="module", autouse=True)
def one_worker():
    yield
    isolation.stop()


def cancelling():
    """A convolution of large values whose sum is always zero: int8 has no scale for that."""
    inputs = keras.Input((4, 4, 1), name="image")
    convolution = layers.Conv2D(3, 1, name="cancels")
    zero = convolution(layers.Concatenate()([inputs, inputs]))
    kernel = np.ones((1, 1, 2, 3))
    kernel[:, :, 1] = -1
    convolution.set_weights([kernel, np.zeros(3)])
    pooled = [layers.GlobalAveragePooling2D()(x) for x in (zero, layers.Conv2D(3, 1)(inputs))]
    return keras.Model(inputs, layers.Add()(pooled), name="cancelling")


def test_the_refusal_names_the_file_and_what_to_do(tmp_path):
    with pytest.raises(ConversionError) as caught:
        convert(
            cancelling(),
            tmp_path / "out",
            formats=("tflite",),
            schemes=("strict_int8",),
            representative_data=IMAGES,
        )
    line = str(caught.value)
    assert line.startswith("cancelling as tflite strict_int8 does not run: ai-edge-litert")
    assert line.endswith("leave out this scheme or format")
    assert "<bytes>" not in line
    assert not (tmp_path / "out").exists()


def test_the_other_schemes_are_made(tmp_path):
    left_out = {}
    made = convert(
        cancelling(),
        tmp_path,
        formats=("tflite",),
        schemes=("float32", "strict_int8"),
        representative_data=IMAGES,
        recommend=False,
        left_out=left_out.__setitem__,
    )
    assert [variant.scheme for variant in made] == ["float32"]
    assert "does not run" in left_out["tflite strict_int8"]


def test_data_that_is_infinite_in_the_models_type_is_refused():
    spec = TensorSpec("x", (None, 2), "float32")
    with pytest.raises(InputError, match="infinity in 1 of 3 samples once it is float32"):
        read(np.array([[0.0, 1.0], [1e300, 0.0], [1.0, 2.0]]), [spec], "representative data")


def test_a_text_named_npz_is_shown_as_what_it_is(tmp_path):
    path = tmp_path / "notes.npz"
    path.write_text("to do: collect data")
    with pytest.raises(InputError, match=r"can be read \(it begins with b'to do: collect d'\)"):
        read(path, [TensorSpec("x", (None, 2), "float32")], "representative data")
