"""Rows of tables: numbers, categories, what is missing."""

import littoral
import numpy as np
import pytest
from littoral import preprocess

TABLE = [{"step": "tabular", "columns": ["a", "b", "c"]}]


@pytest.mark.parametrize(
    "row", [[1, 2.5, -3], {"c": -3, "a": 1, "b": 2.5}, "1, 2.5,-3", np.array([1, 2.5, -3])]
)
def test_a_row_in_every_form(row):
    result = preprocess.apply(TABLE, row)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [1, 2.5, -3])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, 2], "3 values .a, b, c., came 2"),
        ({"a": 1, "b": 2}, "column 'c' is missing"),
        ("1,x,3", "column 'b': 'x' is no number"),
        ([1, float("nan"), 3], "column 'b'"),
        (5, "came int"),
        ("", "came 0"),
    ],
)
def test_a_row_that_does_not_fit(row, message):
    with pytest.raises(littoral.InputError, match=message):
        preprocess.apply(TABLE, row)


COLUMNS = {"step": "tabular", "columns": ["size", "colour"]}
COLOURS = {"categories": {"colour": ["red", "green"]}}


def test_categories_become_places():
    one_hot = {**COLUMNS, **COLOURS}
    np.testing.assert_array_equal(preprocess.apply([one_hot], [2, "green"]), [2, 0, 1])
    first = {**one_hot, "unknown": "first"}
    np.testing.assert_array_equal(preprocess.apply([first], [2, "mauve"]), [2, 1, 0, 0])
    zero = {**one_hot, "unknown": "zero"}
    np.testing.assert_array_equal(preprocess.apply([zero], [2, "mauve"]), [2, 0, 0])
    with pytest.raises(littoral.InputError, match="column 'colour': 'mauve' is none of red, green"):
        preprocess.apply([one_hot], [2, "mauve"])
    index = preprocess.apply([{**first, "encoding": "index", "dtype": "int64"}], "7, green")
    assert index.dtype == np.int64
    np.testing.assert_array_equal(index, [7, 2])


@pytest.mark.parametrize("value", [3, 3.0, "3", " 3 ", np.int8(3), np.float32(3)])
def test_a_category_of_numbers_is_found_in_every_form(value):
    step = {"step": "tabular", "columns": ["doors"], "categories": {"doors": ["3", "5"]}}
    np.testing.assert_array_equal(preprocess.apply([step], {"doors": value}), [1, 0])


@pytest.mark.parametrize("nothing", [None, "", "  ", "NaN", float("nan")])
def test_what_stands_in_for_missing_values(nothing):
    step = {**COLUMNS, **COLOURS, "missing": {"size": 1.5, "colour": "red"}}
    np.testing.assert_array_equal(preprocess.apply([step], [nothing, nothing]), [1.5, 1, 0])
    np.testing.assert_array_equal(preprocess.apply([step], {"colour": "green"}), [1.5, 0, 1])
    with pytest.raises(littoral.InputError, match=r"column 'size': .* is no value"):
        preprocess.apply([{**COLUMNS, **COLOURS}], [nothing, "red"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": {"shape": ["a"]}}, "categories names 'shape', which is no column"),
        ({"categories": {"colour": []}}, "categories is .*: expected a list of texts"),
        ({"categories": ["colour"]}, "expected a mapping by column"),
        ({"encoding": "index", "unknown": "zero"}, "unknown zero needs encoding one_hot"),
        ({"std": {"size": 0}}, "expected numbers other than 0"),
        ({"mean": {"size": "1"}}, "expected a finite number"),
        ({"columns": []}, "columns is .*: expected a list of texts"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes, message):
    with pytest.raises(littoral.InputError, match=f"step 'tabular': .*{message}"):
        preprocess.apply([{**COLUMNS, **changes}], [1, "red"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["one_hot", "int"])
def test_categories_and_numbers_equal_keras_layers(mode):
    import keras

    colours = ["red", "green", "blue"]
    layer = keras.layers.StringLookup(vocabulary=colours, output_mode=mode)
    normal = keras.layers.Normalization(axis=None, mean=3.0, variance=6.25)
    step = {
        **COLUMNS,
        "categories": {"colour": colours},
        "unknown": "first",
        "encoding": "one_hot" if mode == "one_hot" else "index",
        "mean": {"size": 3.0},
        "std": {"size": 2.5},
    }
    for colour in (*colours, "mauve"):
        theirs = [*np.ravel(normal(np.array([7.0]))), *np.ravel(layer(np.array([colour])))]
        np.testing.assert_allclose(preprocess.apply([step], [7, colour]), theirs, rtol=1e-6)
