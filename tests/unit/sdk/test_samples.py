import numpy as np
import pytest
from littoral import samples
from littoral.errors import InputError
from littoral.tensors import TensorSpec

IMAGE = TensorSpec("image", (1, 4, 4), "float32")
QUANTIZED = TensorSpec("q", (None, 6), "int8", scale=0.01, zero_point=-128)
TOKENS = TensorSpec("tokens", (None, None), "int32")
HALF = TensorSpec("half", (2, 3), "float16")


def test_zeros_take_the_place_of_open_sizes_and_quanta():
    made = samples.zeros([IMAGE, QUANTIZED, TOKENS, HALF])
    found = {name: (array.shape, str(array.dtype)) for name, array in made.items()}
    assert found == {
        "image": ((1, 4, 4), "float32"),
        "q": ((1, 6), "float32"),
        "tokens": ((1, 16), "int32"),
        "half": ((2, 3), "float32"),
    }
    assert not any(array.any() for array in made.values())


def test_a_single_input_is_handed_over_as_users_do():
    assert isinstance(samples.zeros([IMAGE]), np.ndarray)
    assert all(isinstance(batch, np.ndarray) for batch in samples.random([IMAGE]))


def test_random_samples_repeat_and_differ_from_one_another():
    first, again = samples.random([IMAGE]), samples.random([IMAGE])
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    values = np.concatenate(samples.random([TensorSpec("x", (1, 5000), "float32")], 4))
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1) < 0.05


def test_random_samples_stay_within_what_the_input_can_express():
    quantized = np.concatenate(samples.random([QUANTIZED], 50))
    assert quantized.min() >= 0
    assert quantized.max() <= 2.55 + 1e-6
    tokens = np.concatenate(samples.random([TOKENS], 50))
    assert tokens.dtype == np.int32
    assert set(np.unique(tokens)) == {0, 1}


def test_data_is_cut_into_batches_of_the_models_size():
    data = np.arange(7 * 16, dtype=np.float32).reshape(7, 4, 4)
    batches = samples.of_data(data, [IMAGE])
    assert len(batches) == 7
    assert np.array_equal(batches[3], data[3:4])
    assert len(samples.of_data({"x": np.zeros((5, 3))}, [HALF])) == 2
    assert len(samples.of_data(np.zeros((500, 4, 4), np.float32), [IMAGE])) == 64


def test_one_sample_without_a_batch_axis_will_do():
    (batch,) = samples.of_data(np.ones((4, 4), np.float32), [IMAGE])
    assert batch.shape == (1, 4, 4)


def test_several_inputs_are_cut_alike():
    data = {"tokens": np.zeros((3, 9), np.int32), "image": np.zeros((3, 4, 4), np.float32)}
    batches = samples.of_data(data, [IMAGE, TOKENS])
    assert len(batches) == 3
    assert batches[0]["tokens"].shape == (1, 9)


def test_several_inputs_of_different_lengths_are_refused():
    data = {"tokens": np.zeros((3, 9), np.int32), "image": np.zeros((5, 4, 4), np.float32)}
    with pytest.raises(InputError, match="number of samples: image has 5, tokens has 3"):
        samples.of_data(data, [IMAGE, TOKENS])


@pytest.mark.parametrize(
    ("data", "spec", "words"),
    [
        (np.zeros((5, 3, 3), np.float32), IMAGE, r"'image'.*\[4, 4\].*\[5, 3, 3\]"),
        ({"nonsense": np.zeros((5, 4, 4))}, IMAGE, "'nonsense'"),
        (np.full((2, 4, 4), np.nan, np.float32), IMAGE, "NaN"),
        (np.zeros((1, 3), np.float32), HALF, "batches of 2"),
        (np.zeros((0, 4, 4), np.float32), IMAGE, "0 samples"),
    ],
)
def test_data_that_does_not_fit_is_one_clear_error(data, spec, words):
    with pytest.raises(InputError, match=words):
        samples.of_data(data, [spec])
