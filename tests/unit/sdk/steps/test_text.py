"""Texts: bytes and vocabularies, the latter against Keras."""

import littoral
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from littoral import preprocess


@given(st.text(max_size=40), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_text_becomes_its_bytes_plus_one(text, length):
    numbers = preprocess.apply([{"step": "bytes", "length": length}], text)
    assert numbers.shape == (length,)
    assert numbers.dtype == np.int32
    kept = bytes(int(n) - 1 for n in numbers if n)
    assert kept == text.encode()[:length]
    assert not numbers[len(kept) :].any()


def test_bytes_are_taken_as_they_are_and_numbers_refused():
    np.testing.assert_array_equal(
        preprocess.apply([{"step": "bytes", "length": 3}], b"\xff\x00"), [256, 1, 0]
    )
    with pytest.raises(littoral.InputError, match="expected a text, came int"):
        preprocess.apply([{"step": "bytes", "length": 3}], 5)


WORDS = ["", "[UNK]", "the", "cat", "größe"]


def looked_up(text, **changes):
    step = {"step": "vocabulary", "vocabulary": WORDS, "length": 4, **changes}
    return preprocess.apply([step], text).tolist()


def test_words_become_their_places():
    assert looked_up("the dog") == [2, 1, 0, 0]
    assert looked_up("the cat the cat the") == [2, 3, 2, 3]
    assert looked_up("GRÖSSE Größe", lower="unicode") == [1, 4, 0, 0]
    assert looked_up("THE GRÖßE", lower="ascii") == [2, 1, 0, 0]
    assert looked_up("the", padding=9, unknown=8) == [2, 9, 9, 9]
    assert looked_up("größe".encode()) == [4, 0, 0, 0]


def test_dtype_and_refusals():
    step = {"step": "vocabulary", "vocabulary": WORDS, "length": 4}
    assert preprocess.apply([step], "").dtype == np.int32
    assert preprocess.apply([{**step, "dtype": "int64"}], "").dtype == np.int64
    with pytest.raises(littoral.InputError, match="expected a text, came list"):
        preprocess.apply([step], ["the"])
    with pytest.raises(littoral.InputError, match="no UTF-8"):
        preprocess.apply([step], b"\xff")
    with pytest.raises(littoral.InputError, match="all different"):
        preprocess.apply([{**step, "vocabulary": ["a", "a"]}], "")
    with pytest.raises(littoral.InputError, match="vocabulary is 'the cat': expected a list"):
        preprocess.apply([{**step, "vocabulary": "the cat"}], "")


@pytest.mark.slow
@pytest.mark.parametrize("split", ["whitespace", "character"])
def test_a_vocabulary_equals_keras_text_vectorization(split):
    import keras
    import tensorflow as tf

    texts = [
        "The cat, sat -- (on) the\tmat!", "  THE\x0bDOG\x0c~sat\r\n", "", "Größe ÜBER naïve_café",
        "a\u00a0b\u2003c\u3000d", "\x1cthe\x1fcat\x85", "東京 😀 e\u0301",
        "don't; [x] {y} `z` \\w^|",
    ]  # fmt: skip
    layer = keras.layers.TextVectorization(output_sequence_length=12, split=split)
    layer.adapt(texts[:4])
    step = {
        "step": "vocabulary",
        "vocabulary": layer.get_vocabulary(),
        "length": 12,
        "unit": "word" if split == "whitespace" else "character",
        "lower": "ascii",
        "strip_punctuation": True,
    }
    for text in texts:
        theirs = layer(tf.constant([text]))[0].numpy()
        np.testing.assert_array_equal(preprocess.apply([step], text), theirs, err_msg=repr(text))
