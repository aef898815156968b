"""Inputs of models that were written as a class: what Keras noted when it was first called."""

import keras
import littoral
import numpy as np
import pytest
from converted import file_outputs, randomize
from keras import layers
from littoral.errors import ConversionError
from littoral_converters import convert
from littoral_converters.signature import signature_of

random = np.random.default_rng(0)
LEFT, RIGHT = random.normal(size=(2, 4, 6)).astype("float32")


@keras.saving.register_keras_serializable("test_signature")
class Apart(keras.Model):
    """The difference of two inputs, weighted differently."""

    def __init__(self, **options):
        super().__init__(**options)
        self.one, self.two = layers.Dense(3), layers.Dense(3)

    def difference(self, left, right):
        return self.one(left) - self.two(right)


@keras.saving.register_keras_serializable("test_signature")
class OfDict(Apart):
    def call(self, x):
        return self.difference(x["right"], x["left"])


@keras.saving.register_keras_serializable("test_signature")
class OfList(Apart):
    def call(self, x):
        left, right = x
        return self.difference(left, right)


@keras.saving.register_keras_serializable("test_signature")
class OfNest(Apart):
    def call(self, x):
        return self.difference(*x["pair"])


class OfTwo(Apart):
    def call(self, left, right, mask=None):
        return self.difference(left, right)


@keras.saving.register_keras_serializable("test_signature")
class OfTwoBuilt(OfTwo):
    def build(self, left_shape, right_shape):
        self.one.build(left_shape)
        self.two.build(right_shape)


@keras.saving.register_keras_serializable("test_signature")
class OfWords(Apart):
    def __init__(self, **options):
        super().__init__(**options)
        self.table = layers.Embedding(20, 6)

    def call(self, x):
        return self.difference(layers.Flatten()(self.table(x["words"]))[:, :6], x["left"])


def called(model, *arguments):
    model(*arguments)
    return randomize(model)


def held(wanted, model, names, data, folder):
    for variant in convert(model, folder, recommend=False):
        with littoral.load(variant.path) as loaded:
            assert [spec.name for spec in loaded.inputs] == names
        (got,) = file_outputs(variant.path, data)
        np.testing.assert_allclose(got, wanted, atol=1e-5)


CASES = [
    (OfDict, {"right": RIGHT, "left": LEFT}, ["left", "right"]),
    (OfList, [LEFT, RIGHT], ["input_0", "input_1"]),
    (OfNest, {"pair": (LEFT, RIGHT)}, ["pair_0", "pair_1"]),
]


@pytest.mark.parametrize(("kind", "nest", "names"), CASES)
def test_a_model_that_was_called_on_a_nest_is_converted(kind, nest, names, tmp_path):
    model = called(kind(name="apart"), nest)
    wanted = np.asarray(model(nest))
    held(wanted, model, names, dict(zip(names, (LEFT, RIGHT), strict=True)), tmp_path)


@pytest.mark.parametrize(("kind", "nest", "names"), CASES)
def test_so_is_one_that_was_trained_and_one_from_a_file(kind, nest, names, tmp_path):
    model = kind(name="apart")
    model.compile("sgd", "mse")
    model.fit(nest, np.zeros((4, 3)), verbose=0)
    model.save(tmp_path / "apart.keras")
    loaded = keras.models.load_model(tmp_path / "apart.keras")
    wanted = np.asarray(model(nest))
    data = dict(zip(names, (LEFT, RIGHT), strict=True))
    held(wanted, loaded, names, data, tmp_path / "out")


def test_two_arguments_are_named_by_the_shapes_that_build_takes(tmp_path):
    model = called(OfTwoBuilt(name="apart"), LEFT, RIGHT)
    data = {"left": LEFT, "right": RIGHT}
    held(np.asarray(model(LEFT, RIGHT)), model, ["left", "right"], data, tmp_path)
    with pytest.raises(ConversionError, match=r"several arguments.*one list or dict"):
        convert(model, tmp_path, formats=("tflite",), streaming=True)


def test_two_arguments_without_their_shapes_are_refused_with_ways_out(tmp_path):
    model = called(OfTwo(name="apart"), LEFT, RIGHT)
    with pytest.raises(
        ConversionError, match=r"2 arguments \(left, right\).*one list or dict"
    ) as e:
        convert(model, tmp_path)
    assert "define build(self, left_shape, right_shape)" in str(e.value)


@keras.saving.register_keras_serializable("test_signature")
class OfOneAtLeast(Apart):
    def build(self, left_shape):
        self.one.build(left_shape)
        self.two.build(left_shape)

    def call(self, left, right=None, training=None):
        return self.one(left) if right is None else self.difference(left, right)


def test_an_argument_that_the_files_lack_is_told(tmp_path):
    model = called(OfOneAtLeast(), LEFT)
    with pytest.warns(UserWarning, match=r"do not take 'right'.* define build\(.*right_shape\)"):
        convert(model, tmp_path, formats=("onnx",))


def test_words_beside_numbers_are_taken_as_the_numbers_are(tmp_path):
    words = random.integers(0, 20, (4, 2)).astype("int32")
    model = called(OfWords(name="words"), {"words": words, "left": LEFT})
    assert {spec.dtype for spec in signature_of(model).inputs} == {"float32"}
    wanted = np.asarray(model({"words": words, "left": LEFT}))
    data = {"words": words.astype("float32"), "left": LEFT}
    held(wanted, model, ["left", "words"], data, tmp_path)


@keras.saving.register_keras_serializable("test_signature")
class ToDict(OfDict):
    def call(self, x):
        difference = super().call(x)
        return {"right": 2.0 * difference, "both": (difference, x["left"])}


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_outputs_in_a_dict_are_called_by_their_keys(format_name, tmp_path):
    model = ToDict()
    wanted = model({"left": LEFT, "right": RIGHT})
    (variant,) = convert(model, tmp_path, formats=(format_name,), recommend=False)
    with littoral.load(variant.path) as file:
        results = file.run({"left": LEFT, "right": RIGHT})
    assert list(results) == ["both.0", "both.1", "right_out"]
    expected = [*wanted["both"], wanted["right"]]
    for got, want in zip(results.values(), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-5)


class WithoutScores(OfDict):
    def call(self, x):
        return {"right": super().call(x), "scores": None}


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_what_a_model_returns_as_none_is_no_output(format_name, tmp_path):
    model = called(WithoutScores(name="apart"), {"left": LEFT, "right": RIGHT})
    data = {"left": LEFT, "right": RIGHT}
    (variant,) = convert(model, tmp_path, formats=(format_name,), recommend=False)
    (got,) = file_outputs(variant.path, data)
    np.testing.assert_allclose(got, model(data)["right"], atol=1e-5)


def test_a_model_that_was_never_called_on_anything_says_so():
    model = OfDict(name="apart")
    model.built = True
    with pytest.raises(ConversionError, match="call it on one array, list or dict"):
        signature_of(model)
