"""The folder of a SavedModel converts as a model does: same numbers, its signature's names."""

import keras
import littoral
import numpy as np
import pytest
import tensorflow as tf
from converted import randomize
from keras import layers
from littoral.errors import ConversionError, FormatError, InputError
from littoral_converters import convert

FORMATS = ("tflite", "onnx")
X = tf.TensorSpec((None, 4), tf.float32, "x")


def several():
    """Loops, functions compiled by XLA, a masked loop, eleven outputs."""
    frames = keras.Input((6, 6, 4), name="frames")
    steps = keras.Input((5, 3), name="steps")
    seen = layers.Flatten()(layers.Conv2D(4, 3, groups=2)(frames))
    heard = layers.GRU(4)(layers.LSTM(4, return_sequences=True)(layers.Masking()(steps)))
    both = layers.Concatenate()([seen, heard])
    return randomize(keras.Model([frames, steps], [layers.Dense(n + 4)(both) for n in range(11)]))


def draw(model, count, seed):
    random = np.random.default_rng(seed)
    return {
        tensor.name: random.normal(size=(count, *tensor.shape[1:])).astype("float32")
        for tensor in model.inputs
    }


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("batch", [1, None])
def test_what_keras_exports_converts(format_name, batch, tmp_path):
    model = several()
    model.export(tmp_path / "served", format="tf_saved_model", verbose=False)
    data = draw(model, 3, seed=0)
    wanted = model(list(data.values()), training=False)
    variants = convert(
        tmp_path / "served",
        tmp_path,
        formats=(format_name,),
        schemes=("float32", "static_int8"),
        representative_data=draw(model, 32, seed=1),
        batch=batch,
    )
    for variant, limit in zip(variants, (1e-4, 0.1), strict=True):
        assert variant.path.name == f"served.{variant.scheme}.{format_name}"
        with littoral.load(variant.path) as file:
            results = file.run(data)
            assert file.inputs[0].shape[0] == batch
        assert list(results) == [f"output_{n}" for n in range(11)]
        for expected, got in zip(wanted, results.values(), strict=True):
            expected = np.asarray(expected)
            np.testing.assert_allclose(got, expected, atol=limit * np.abs(expected).max())


class Arithmetic(tf.Module):
    """No Keras at all: a loop over columns, and a choice by a size."""

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "first"), X])
    def serve(self, first, x):
        total = tf.zeros_like(x[:, 0])
        for column in tf.range(3):
            total += first[:, column] * x[:, column]
        if tf.shape(x)[1] > 3:
            total *= 2.0
        return {"total": total, "difference": x[:, :3] - first}


@pytest.mark.parametrize("format_name", FORMATS)
def test_loops_and_choices_of_known_sizes_are_written_out(format_name, tmp_path):
    module = Arithmetic()
    tf.saved_model.save(module, str(tmp_path / "plain"), signatures=module.serve)
    (variant,) = convert(tmp_path / "plain", tmp_path, formats=(format_name,))
    first, x = np.float32([[1, 2, 3]]), np.float32([[4, 5, 6, 7]])
    with littoral.load(variant.path) as file:
        results = file.run({"first": first, "x": x})
    assert list(results) == ["difference", "total"]
    np.testing.assert_allclose(results["total"], [64.0])
    np.testing.assert_allclose(results["difference"], [[3, 3, 3]])


class Batch(tf.Module):
    """Saved for a batch of its own, with the size written into a shape."""

    def __init__(self, batch):
        super().__init__()
        self.weights = tf.Variable(np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
        spec = tf.TensorSpec((batch, 8), tf.float32, "x")
        self.serve = tf.function(self.call, input_signature=[spec])

    def call(self, x):
        shape = [x.shape[0], 2, 2]
        return {"y": tf.reshape(x @ self.weights, shape) + tf.reduce_sum(x, 0)[0]}


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_that_is_fixed_is_that_of_the_file(batch, format_name, tmp_path):
    module = Batch(batch)
    tf.saved_model.save(module, str(tmp_path / "fixed"), signatures=module.serve)
    data = np.random.default_rng(1).normal(size=(16, 8)).astype("float32")
    given = {"formats": (format_name,), "representative_data": data, "batch": batch}
    (variant,) = convert(tmp_path / "fixed", tmp_path, **given)
    with littoral.load(variant.path) as file:
        assert file.inputs[0].shape == (batch, 8)
        result = file.run(data[:batch])
    np.testing.assert_allclose(result, module.serve(tf.constant(data[:batch]))["y"], atol=1e-5)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_served_without_its_rounding(policy, format_name, tmp_path):
    def build(dtype):
        x = keras.Input((6, 3), name="x")
        seen = layers.LayerNormalization(dtype=dtype)(layers.Conv1D(4, 3, dtype=dtype)(x))
        return keras.Model(x, layers.GRU(4, dtype=dtype)(seen))

    mixed, single = build(policy), build("float32")
    single.set_weights(mixed.get_weights())
    mixed.export(tmp_path / "served", format="tf_saved_model", verbose=False)
    data = np.random.default_rng(0).normal(size=(1, 6, 3)).astype("float32")
    (variant,) = convert(tmp_path / "served", tmp_path, formats=(format_name,))
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), single(data), atol=1e-5)


class Normalizing(tf.Module):
    """Numbers so small that the epsilon shows."""

    def __init__(self):
        super().__init__()
        self.gain, self.shift = tf.Variable(tf.ones(8)), tf.Variable(tf.range(8.0))

    @tf.function(input_signature=[tf.TensorSpec((None, 6, 8), tf.float32, "x")])
    def serve(self, x):
        mean, variance = tf.nn.moments(x, [2], keepdims=True)
        return {"y": tf.nn.batch_normalization(x, mean, variance, self.shift, self.gain, 1e-6)}


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_normalization_is_held_against_its_own_epsilon(format_name, tmp_path):
    module = Normalizing()
    tf.saved_model.save(module, str(tmp_path / "norm"), signatures=module.serve)
    data = 0.1 * np.random.default_rng(0).normal(size=(16, 6, 8)).astype("float32")
    given = {"formats": (format_name,), "representative_data": data}
    (variant,) = convert(tmp_path / "norm", tmp_path, **given)
    deviation = np.sqrt(data.var(2, keepdims=True) + 1e-6)
    wanted = (data - data.mean(2, keepdims=True)) / deviation + np.arange(8)
    with littoral.load(variant.path) as file:
        np.testing.assert_allclose(file.run(data), wanted, atol=1e-4)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_transposed_convolution_ends_beyond_its_last_window(format_name, tmp_path):
    x, z = keras.Input((5, 5, 2), name="x"), keras.Input((3, 2, 4, 2), name="z")
    longer = layers.Conv2DTranspose(3, 2, strides=3, padding="same")(x)
    wider = layers.Conv2DTranspose(3, 3, strides=2, output_padding=1)(x)
    deeper = layers.Conv3DTranspose(2, 2, strides=(2, 3, 2), output_padding=1)(z)
    model = keras.Model([x, z], [longer, wider, deeper])
    model.export(tmp_path / "larger", format="tf_saved_model", verbose=False)
    data = draw(model, 2, seed=0)
    (variant,) = convert(tmp_path / "larger", tmp_path, formats=(format_name,))
    with littoral.load(variant.path) as file:
        results = file.run(data).values()
    for expected, got in zip(model(list(data.values())), results, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


class Halving(tf.Module):
    @tf.function(input_signature=[X])
    def serve(self, x):
        while tf.reduce_sum(x) > 1.0:
            x = x / 2.0
        return {"y": x}


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_loop_that_depends_on_the_data_is_refused(format_name, tmp_path):
    module = Halving()
    tf.saved_model.save(module, str(tmp_path / "loop"), signatures=module.serve)
    with pytest.raises(ConversionError, match=r"loop .*depends on its input.*fixed length"):
        convert(tmp_path / "loop", tmp_path / "out", formats=(format_name,))
    assert not (tmp_path / "out").exists()


class Two(tf.Module):
    @tf.function(input_signature=[X])
    def serve(self, x):
        return {"y": x}


def test_what_is_no_served_model_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"without saved_model\.pb"):
        convert(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "saved_model.pb").write_bytes(b"junk")
    with pytest.raises(FormatError, match="no SavedModel, or is damaged"):
        convert(tmp_path / "empty", tmp_path / "out")
    module = Two()
    signatures = {"one": module.serve, "two": module.serve}
    tf.saved_model.save(module, str(tmp_path / "two"), signatures=signatures)
    with pytest.raises(ConversionError, match=r"no signature 'serving_default'.*one, two"):
        convert(tmp_path / "two", tmp_path / "out")


class Counting(tf.Module):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[X])
    def serve(self, x):
        self.count.assign_add(1.0)
        return {"y": x + self.count}


class Looking(tf.Module):
    def __init__(self):
        super().__init__()
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), [10.0, 20.0])
        self.table = tf.lookup.StaticHashTable(pairs, -1.0)

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.int64, "x")])
    def serve(self, x):
        return {"y": self.table.lookup(x)}


class Saying(tf.Module):
    @tf.function(input_signature=[X])
    def serve(self, x):
        return {"y": x, "word": tf.strings.as_string(x)}


class Stepping(tf.Module):
    @tf.function(
        input_signature=[
            tf.TensorSpec((1, 4), tf.float32, "x"),
            tf.TensorSpec((2, 1, 4), tf.float32, "state"),
        ]
    )
    def serve(self, x, state):
        return {"y": x + state[0] + state[1]}


class Choosing(tf.Module):
    @tf.function(input_signature=[X])
    def serve(self, x):
        return {"y": tf.gather(tf.ones((3, 2)), tf.cast(100.0 * x, tf.int32))}


REFUSALS = [
    (Counting, r"changes a variable at every call \(AssignAddVariableOp\).*as an input"),
    (Looking, r"reads a lookup table \(LookupTableFindV2\).*tf\.gather"),
    (Saying, "output 'word' .* gives strings"),
    (Stepping, "differ along their first axis .*'state' has 2"),
    (Choosing, r"indices\[.* is not in \[0, 3\); give data"),
]


@pytest.mark.parametrize(("kind", "words"), REFUSALS, ids=[r[0].__name__ for r in REFUSALS])
def test_what_no_file_can_say_is_refused_with_a_way_out(kind, words, tmp_path):
    module = kind()
    tf.saved_model.save(module, str(tmp_path / "served"), signatures=module.serve)
    with pytest.raises(ConversionError, match=words) as refused:
        convert(tmp_path / "served", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
