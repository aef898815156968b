"""Models whose answer for a sample depends on the others in its batch."""

import keras
import littoral
import numpy as np
import pytest
from converted import raw_outputs
from keras import layers
from littoral import ConversionError, VerificationError
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


class Likeness(layers.Layer):
    """How alike each picture is to each text, as contrastive models say it of a whole batch."""

    def call(self, pictures, texts):
        return keras.ops.matmul(pictures, keras.ops.transpose(texts))


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_samples_that_are_compared_with_each_other_convert_for_any_batch(format_name, tmp_path):
    pictures, texts = keras.Input((6,), name="pictures"), keras.Input((4,), name="texts")
    seen, read = layers.Dense(3)(pictures), layers.Dense(3)(texts)
    model = keras.Model([pictures, texts], Likeness(name="likeness")(seen, read), name="pairs")
    data = {"pictures": NORMAL, "texts": NORMAL[::-1, :4]}
    options = {"formats": (format_name,), "representative_data": data}
    with pytest.raises(VerificationError, match=r"\(64, 1\).*--batch any") as caught:
        convert(model, tmp_path, **options)
    assert "tolerance" not in str(caught.value)
    (variant,) = convert(model, tmp_path, batch=None, **options)
    few = {name: values[:5] for name, values in data.items()}
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(few), model(list(few.values())), atol=1e-5)


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


@keras.saving.register_keras_serializable("littoral_tests")
class Centered(layers.Layer):
    """What is left of each sample without the mean of all."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_file_of_a_batch_sees_as_many_as_the_model(format_name, tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, Centered(name="y")(layers.Dense(3)(inputs)), name="centered")
    with pytest.raises(VerificationError, match=r"--batch any .* built with or called with"):
        convert(model, tmp_path, formats=(format_name,))
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=4)
    wanted = np.asarray(model(NORMAL[:4]))
    np.testing.assert_allclose(raw_outputs(variant.path, NORMAL[:4])["y"], wanted, atol=1e-5)
    assert verify(model, variant.path, data=NORMAL[:7]).passed


class Grid(layers.Layer):
    """Learned places, the same for every sample."""

    def build(self, shape):
        self.places = self.add_weight(shape=(1, 2, 3, 4), initializer="random_normal")

    def call(self, x):
        return keras.ops.sin(self.places)

    def compute_output_spec(self, x):
        return keras.KerasTensor((1, 2, 3, 4))


@pytest.mark.parametrize("batch", [1, 4, None])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_what_is_the_same_for_all_samples_comes_with_each(format_name, batch, tmp_path):
    inputs = keras.Input((6,), name="x")
    model = keras.Model(inputs, {"y": layers.Dense(3)(inputs), "grid": Grid()(inputs)})
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=batch)
    count = batch or 3
    wanted, got = model(NORMAL[:count]), raw_outputs(variant.path, NORMAL[:count])
    np.testing.assert_allclose(got["y"], wanted["y"], atol=1e-5)
    np.testing.assert_allclose(got["grid"], np.repeat(wanted["grid"], count, axis=0), atol=1e-6)
    with littoral.load(variant.path) as file:
        assert file.run(NORMAL[0])["grid"].shape == (2, 3, 4)
        assert file.run(NORMAL[:8])["grid"].shape == (8, 2, 3, 4)


@pytest.mark.parametrize("axis", [None, 0])
def test_what_is_made_of_all_samples_together_is_refused(axis, tmp_path):
    inputs = keras.Input((6,), name="x")
    mean = keras.ops.mean(inputs, axis=axis, keepdims=axis is not None)
    model = keras.Model(inputs, {"y": layers.Dense(3)(inputs), "mean": mean})
    with pytest.raises(ConversionError, match=r"output 'mean' .* the samples along its first axis"):
        convert(model, tmp_path, batch=None)
    assert not any(tmp_path.iterdir())


class Folded(layers.Layer):
    """Pairs of steps as pictures, with the batch that was known when the layer was traced."""

    def call(self, x):
        return keras.ops.reshape(x, (x.shape[0] or 1, -1, 2, 3))

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] // 2, 2, 3)


@pytest.mark.parametrize("after", [layers.GlobalAveragePooling2D, layers.ReLU])
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_batch_written_into_the_model_names_the_way_out(format_name, after, tmp_path):
    inputs = keras.Input((4, 3), name="x")
    model = keras.Model(inputs, after(name="y")(Folded()(layers.Dense(3)(inputs))), name="folded")
    steps = NORMAL[:, :3, None] * NORMAL[:, None, 3:]
    data = np.concatenate([steps, steps[:, :1]], axis=1)
    options = {"formats": (format_name,), "representative_data": data}
    with pytest.raises(VerificationError, match=r"--batch 1 .* --batch N") as caught:
        convert(model, tmp_path, batch=None, **options)
    assert "tolerance" not in str(caught.value)
    for batch in (1, 4):
        (variant,) = convert(model, tmp_path, batch=batch, **options)
        wanted = np.asarray(model(data[:batch]))
        np.testing.assert_allclose(raw_outputs(variant.path, data[:batch])["y"], wanted, atol=1e-5)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_an_empty_output_is_refused_by_name(format_name, tmp_path):
    inputs = keras.Input((4, 3), name="x")
    steps = layers.Dense(2)(inputs)
    model = keras.Model(inputs, {"y": steps, "frames": steps[:, 4:]}, name="short")
    options = {"formats": (format_name,), "representative_data": NORMAL.reshape(-1, 4, 3)}
    for scheme in ("float32", "static_int8"):
        with pytest.raises(ConversionError, match=r"'frames' is empty.*longer inputs"):
            convert(model, tmp_path, schemes=(scheme,), **options)
    assert not any(tmp_path.iterdir())
