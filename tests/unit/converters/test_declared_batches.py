"""Models built for a batch of a size: a decoder's step with its memory, and batches of four."""

import keras
import littoral
import numpy as np
import pytest
from converted import keras_outputs
from keras import layers, ops
from littoral.errors import ConversionError, VerificationError
from littoral_converters import convert
from littoral_converters.debugging import debug

LENGTH, HEADS, SIZE, WORDS = 6, 2, 3, 11
WIDTH = HEADS * SIZE
own = keras.saving.register_keras_serializable("littoral_tests")


@own
class Remembering(layers.Layer):
    """Attention of one word to those before it, whose keys and values a memory holds."""

    def build(self, shapes):
        self.query, self.key, self.value, self.out = (layers.Dense(WIDTH) for _ in range(4))
        for part in (self.query, self.key, self.value, self.out):
            part.build((1, 1, WIDTH))

    def call(self, inputs):
        x, memory, place = inputs
        at = place[0]
        new = [ops.reshape(part(x), (1, 1, HEADS, SIZE)) for part in (self.key, self.value)]
        kept = ops.slice_update(memory, (0, 0, at, 0, 0), ops.stack(new, axis=1))
        query = ops.reshape(self.query(x), (1, 1, HEADS, SIZE))
        scores = ops.einsum("bqhd,bkhd->bhqk", query, kept[:, 0]) / SIZE**0.5
        scores = ops.where(ops.arange(LENGTH) <= at, scores, -1e9)
        seen = ops.einsum("bhqk,bkhd->bqhd", ops.softmax(scores), kept[:, 1])
        return self.out(ops.reshape(seen, (1, 1, WIDTH))), kept

    def compute_output_spec(self, inputs):
        return [keras.KerasTensor(each.shape, each.dtype) for each in inputs[:2]]


@pytest.fixture(scope="module")
def step():
    keras.utils.set_random_seed(3)
    word = keras.Input(batch_shape=(1,), dtype="int32", name="word")
    place = keras.Input(batch_shape=(1,), dtype="int32", name="place")
    shape = (1, 2, LENGTH, HEADS, SIZE)
    memories = [keras.Input(batch_shape=shape, name=f"memory_{at}") for at in range(2)]
    x = layers.Embedding(WORDS, WIDTH)(word)[:, None] + layers.Embedding(LENGTH, WIDTH)(place)
    results = {}
    for memory in memories:
        seen, kept = Remembering()([layers.LayerNormalization()(x), memory, place])
        x = x + seen
        results[f"{memory.name}_kept"] = kept
    results["scores"] = layers.Dense(WORDS)(x[:, 0])
    return keras.Model([word, place, *memories], results)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_a_decoder_goes_on_from_its_own_memory(step, format_name, tmp_path):
    (variant,) = convert(step, tmp_path, formats=(format_name,))
    memories = {f"memory_{at}": np.zeros((1, 2, LENGTH, HEADS, SIZE), "float32") for at in range(2)}
    words = np.random.default_rng(1).integers(0, WORDS, LENGTH).astype("int32")
    told, mine, theirs = [], memories, memories
    with littoral.load(variant.path) as model:
        for place, word in enumerate(words):
            now = {"word": np.array([word]), "place": np.array([place], "int32")}
            said = model.run({**now, **mine})
            mine = {name: said[f"{name}_kept"] for name in memories}
            wanted = dict(zip(sorted(said), keras_outputs(step, {**now, **theirs}), strict=True))
            theirs = {name: wanted[f"{name}_kept"] for name in memories}
            np.testing.assert_allclose(said["scores"], wanted["scores"], rtol=1e-4, atol=1e-5)
            told.append(said["scores"])
    assert np.ptp(np.concatenate(told), axis=0).min() > 0.01, "each step says something else"


def test_a_slice_begins_where_the_data_says(tmp_path):
    table = keras.Input(batch_shape=(1, 8, 4), name="table")
    at = keras.Input(batch_shape=(1,), dtype="int32", name="at")

    class Cut(layers.Layer):
        def call(self, table, at):
            return ops.slice(table, (0, at[0], 0), (1, 2, 4))

        def compute_output_spec(self, table, at):
            return keras.KerasTensor((1, 2, 4))

    model = keras.Model([table, at], Cut()(table, at))
    rows = np.arange(32, dtype="float32").reshape(1, 8, 4)
    for variant in convert(model, tmp_path):
        with littoral.load(variant.path) as file:
            got = file.run({"table": rows, "at": np.array([5], "int32")})
        np.testing.assert_array_equal(got, rows[:, 5:7])


@own
class OfFour(layers.Layer):
    """Says its batch in a number, or lets a sample's answer depend on the other three."""

    def __init__(self, in_a_number, **options):
        super().__init__(**options)
        self.in_a_number = in_a_number

    def call(self, x):
        return ops.reshape(x, (4, 3, 2)) if self.in_a_number else x - ops.mean(x, 0, keepdims=True)

    def get_config(self):
        return {**super().get_config(), "in_a_number": self.in_a_number}


def of_four(in_a_number):
    x = keras.Input(batch_shape=(4, 6), name="x")
    return keras.Model(x, OfFour(in_a_number)(layers.Dense(6)(x)))


@pytest.mark.parametrize("in_a_number", [True, False])
def test_a_batch_of_four_stays_one(in_a_number, tmp_path):
    model = of_four(in_a_number)
    data = np.random.default_rng(2).normal(size=(6, 6)).astype("float32")  # not in fours
    for variant in convert(model, tmp_path, batch=4, representative_data={"x": data}):
        with littoral.load(variant.path) as file:
            got = file.run(data[:4])
        np.testing.assert_allclose(got, keras_outputs(model, {"x": data[:4]})[0], atol=1e-5)


def test_another_batch_than_the_models_names_the_models(tmp_path):
    with pytest.raises(ConversionError, match=r"built for a batch of 4: take --batch 4"):
        convert(of_four(True), tmp_path)
    with pytest.raises(VerificationError, match=r"--batch that the model is built with"):
        convert(of_four(False), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_saved_function_of_one_sample_is_asked_one_at_a_time(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    rows = np.arange(32, dtype="float32").reshape(1, 8, 4)

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 4]), tf.TensorSpec([1], tf.int32)])
    def cut(table, at):
        return {"rows": tf.slice(table, [0, at[0], 0], [1, 2, 4])}

    module.cut = cut
    tf.saved_model.save(module, tmp_path / "saved", signatures=cut)
    for variant in convert(tmp_path / "saved", tmp_path / "out"):
        with littoral.load(variant.path) as file:
            got = file.run({"table": rows, "at": np.array([5], "int32")})
        np.testing.assert_array_equal(got, rows[:, 5:7])


@own
class Crossed(layers.Layer):
    """Mixes the samples of a batch by a matrix of the batch's own size."""

    def build(self, shape):
        self.mix = self.add_weight(shape=(shape[0], shape[0]), initializer="random_normal")

    def call(self, x):
        return ops.matmul(self.mix, x)


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_debug_opens_a_model_whose_batch_is_a_number_in_it(format_name, tmp_path):
    inputs = keras.Input(batch_shape=(4, 5), name="x")
    outputs = layers.Dense(3, name="y")(Crossed(name="crossed")(layers.Dense(6, "relu")(inputs)))
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "crossed.keras")
    (variant,) = convert(model, tmp_path, formats=(format_name,), batch=4)
    data = np.random.default_rng(2).normal(size=(3, 5)).astype("float32")
    found = debug(tmp_path / "crossed.keras", variant.path, data=data)
    assert found.first_wrong is None
    assert {row.layer for row in found.layers if row.snr_db is not None} >= {"crossed", "y"}
