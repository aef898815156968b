"""Files of integers that an engine would not take, and what is said of one that it does not."""

import keras
import numpy as np
import pytest
from converted import file_outputs, keras_outputs
from keras import layers
from littoral import ConversionError, EngineError, InputError
from littoral.tensors import TensorSpec
from littoral_converters import convert, mixing, proof
from littoral_converters.calibration import read

IMAGES = 1000 * np.random.default_rng(0).normal(size=(50, 4, 4, 1)).astype("float32")


def cancelling():
    """A convolution of large values whose sum is always zero."""
    inputs = keras.Input((4, 4, 1), name="image")
    convolution = layers.Conv2D(3, 1, name="cancels")
    zero = convolution(layers.Concatenate()([inputs, inputs]))
    kernel = np.ones((1, 1, 2, 3))
    kernel[:, :, 1] = -1
    convolution.set_weights([kernel, np.zeros(3)])
    pooled = [layers.GlobalAveragePooling2D()(x) for x in (zero, layers.Conv2D(3, 1)(inputs))]
    return keras.Model(inputs, layers.Add()(pooled), name="cancelling")


@pytest.mark.parametrize("scheme", ["strict_int8", "int16x8"])
def test_sums_that_are_always_zero_get_steps_that_kernels_take(scheme, tmp_path):
    model = cancelling()
    (variant,) = convert(
        model, tmp_path, formats=("tflite",), schemes=(scheme,), representative_data=IMAGES
    )
    wanted, got = keras_outputs(model, {"image": IMAGES}), file_outputs(variant.path, IMAGES)
    assert np.abs(wanted[0] - got[0]).max() < 0.03 * np.abs(wanted[0]).max()


def test_a_bound_far_above_all_values_gets_steps_that_kernels_take(tmp_path):
    inputs = keras.Input((4, 4, 1), name="image")
    tiny = layers.Conv2D(3, 1, kernel_initializer=keras.initializers.Constant(1e-9))(inputs)
    outputs = layers.Conv2D(2, 1)(inputs) + layers.Conv2D(2, 1)(layers.ReLU(6.0)(tiny))
    model = keras.Model(inputs, outputs, name="tiny")
    (variant,) = convert(
        model, tmp_path, formats=("tflite",), schemes=("int16x8",), representative_data=IMAGES
    )
    wanted, got = keras_outputs(model, {"image": IMAGES}), file_outputs(variant.path, IMAGES)
    assert np.abs(wanted[0] - got[0]).max() < 1e-3 * np.abs(wanted[0]).max()


@pytest.fixture
def refusing(monkeypatch):
    """An engine that takes float32 files alone."""

    def held(content, scheme, *rest):
        if scheme != "float32":
            raise EngineError("<bytes>: ai-edge-litert cannot prepare the model")
        return proof.held(content, scheme, *rest)

    monkeypatch.setattr(mixing, "held", held)


def test_the_refusal_names_the_file_and_what_to_do(refusing, tmp_path):
    with pytest.raises(ConversionError) as caught:
        convert(
            cancelling(),
            tmp_path / "out",
            formats=("tflite",),
            schemes=("strict_int8",),
            representative_data=IMAGES,
        )
    assert str(caught.value) == (
        "cancelling as tflite strict_int8 does not run: ai-edge-litert cannot prepare the model; "
        "leave out this scheme or format"
    )
    assert not (tmp_path / "out").exists()


def test_the_other_schemes_are_made(refusing, tmp_path):
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


@pytest.mark.parametrize("flips", range(8))
def test_a_damaged_compressed_archive_is_refused(flips, tmp_path):
    """What unpacks fails in zlib's own words before the check of the sum is reached."""
    path = tmp_path / "d.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).integers(0, 9, (500, 2)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 + 10 * flips] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^representative data: .*npz is no \.npz or \.npy"):
        read(path, [TensorSpec("x", (None, 2), "float32")], "representative data")


def test_a_single_label_is_counted_as_one(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 2)), y=4)
    with pytest.raises(InputError, match="y has 1 labels for 3 samples"):
        read(tmp_path / "d.npz", [TensorSpec("x", (None, 2), "float32")], "evaluation data")


def test_a_text_named_npz_is_shown_as_what_it_is(tmp_path):
    path = tmp_path / "notes.npz"
    path.write_text("to do: collect data")
    with pytest.raises(InputError, match=r"can be read \(it begins with b'to do: collect d'\)"):
        read(path, [TensorSpec("x", (None, 2), "float32")], "representative data")
