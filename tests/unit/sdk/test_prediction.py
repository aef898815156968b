"""What a card adds to a run."""

import dataclasses

import littoral
import numpy as np
import pytest
import scipy.special
from littoral import Card, integrity
from littoral.card import CardTensor
from littoral.prediction import Prediction, rank
from onnx_writer import write

LABELS = ("sea", "shore", "sky")
TABULAR = {"step": "tabular", "columns": ["a", "b", "c"]}


def classifier(card):
    """softmax(x), float32 [1, 3]."""
    metadata = None if card is None else {"littoral_card": card.to_json()}
    content = write(
        [("x", "float32", [1, 3])],
        [("scores", "float32", [1, 3])],
        [("Softmax", ["x"], ["scores"], {})],
        None,
        metadata,
    )
    return integrity.seal(content)


def card(steps=(TABULAR,), labels=LABELS, name="x"):
    return Card(
        "toy",
        inputs=(CardTensor(name, (1, 3), preprocessing=steps),),
        outputs=(CardTensor("scores", (1, 3), labels=labels),),
    )


@pytest.mark.parametrize("name", ["x", "called_otherwise"])
def test_raw_data_becomes_labels_with_scores_best_first(name):
    with littoral.load(classifier(card(name=name))) as model:
        found = model.predict({"a": 1.0, "b": 3.0, "c": 2.0})
    expected = np.exp([3.0, 2.0, 1.0]) / np.exp([1.0, 2.0, 3.0]).sum()
    assert [each.label for each in found] == ["shore", "sky", "sea"]
    assert [each.index for each in found] == [1, 2, 0]
    np.testing.assert_allclose([each.score for each in found], expected, rtol=1e-6)


def test_top_limits_the_classes():
    with littoral.load(classifier(card())) as model:
        assert len(model.predict("1,2,3", top=2)) == 2


@pytest.mark.parametrize("described", [None, card(steps=())])
def test_a_model_without_preprocessing_says_so(described):
    with (
        littoral.load(classifier(described)) as model,
        pytest.raises(littoral.InputError, match="names no preprocessing"),
    ):
        model.predict([1, 2, 3])


def test_several_inputs_by_name():
    described = Card(
        "toy",
        inputs=(
            CardTensor("b", (1, 2), preprocessing=({"step": "tabular", "columns": ["p", "q"]},)),
            CardTensor("a", (1, 2)),
        ),
        outputs=(CardTensor("difference", (1, 2)), CardTensor("sum", (1, 2), labels=("u", "v"))),
    )
    content = write(
        [("b", "float32", [1, 2]), ("a", "float32", [1, 2])],
        [("difference", "float32", [1, 2]), ("sum", "float32", [1, 2])],
        [("Add", ["a", "b"], ["sum"], {}), ("Sub", ["a", "b"], ["difference"], {})],
        None,
        {"littoral_card": described.to_json()},
    )
    with littoral.load(integrity.seal(content)) as model:
        found = model.predict({"b": "1, 2", "a": [10, 20]})
        assert found == [Prediction("v", 22.0, 1), Prediction("u", 11.0, 0)]
        with pytest.raises(littoral.InputError, match="expected a dict with b, a"):
            model.predict("1, 2")


def test_a_grey_picture_fits_a_model_without_channel_axis():
    steps = ({"step": "image", "height": 1, "width": 3, "channels": 1},)
    described = card(steps=steps)
    with littoral.load(classifier(described)) as model:
        found = model.predict(np.array([[10, 30, 20]], np.uint8))
    assert found[0].label == "shore"


def test_numbers_stand_in_for_labels_that_do_not_fit():
    assert [each.label for each in rank(np.array([0.2, 0.8]), LABELS)] == ["1", "0"]


def test_equal_scores_keep_the_models_order():
    assert [each.index for each in rank(np.zeros(4), ())] == [0, 1, 2, 3]


def test_an_answer_with_more_axes_is_no_ranking():
    with pytest.raises(littoral.InputError, match=r"shape \[2, 2\]"):
        rank(np.zeros((2, 2)), ())


def test_logits_become_probabilities():
    scores = np.array([1.0, 3.0, 2.0], np.float32) * 100
    found = rank(scores, LABELS, activation="logits")
    expected = scipy.special.softmax(scores.astype(float))
    assert [each.index for each in found] == [1, 2, 0]
    np.testing.assert_allclose([each.score for each in found], expected[[1, 2, 0]], rtol=1e-12)
    assert rank(scores, LABELS)[0].score == 300
    with pytest.raises(littoral.InputError, match="activation 'relu' is unknown"):
        rank(scores, LABELS, activation="relu")


def test_a_single_value_stands_for_the_second_of_two_labels():
    found = rank(np.array([0.75]), ("cat", "dog"))
    assert found == [Prediction("dog", 0.75, 1), Prediction("cat", 0.25, 0)]
    found = rank(np.array([-1.5]), ("cat", "dog"), activation="logits")
    assert found[0].label == "cat"
    np.testing.assert_allclose(found[1].score, scipy.special.expit(-1.5), rtol=1e-12)


def test_the_card_says_that_a_model_gives_logits():
    described = dataclasses.replace(
        card(), outputs=(CardTensor("scores", (1, 3), labels=LABELS, activation="logits"),)
    )
    assert Card.from_json(described.to_json()) == described
    content = write(
        [("x", "float32", [1, 3])],
        [("scores", "float32", [1, 3])],
        [("Neg", ["x"], ["scores"], {})],
        None,
        {"littoral_card": described.to_json()},
    )
    with littoral.load(integrity.seal(content)) as model:
        found = model.predict([-1, -3, -2])
        np.testing.assert_array_equal(model.run(np.float32([-1, -3, -2])), [1, 3, 2])
    assert [each.label for each in found] == ["shore", "sky", "sea"]
    np.testing.assert_allclose(
        [each.score for each in found], scipy.special.softmax([3.0, 2.0, 1.0]), rtol=1e-6
    )


def test_several_inputs_share_the_row_of_a_table():
    colours = {"step": "tabular", "columns": ["colour"], "categories": {"colour": ["red", "blue"]}}
    described = Card(
        "toy",
        inputs=(
            CardTensor("size", (1, 2), preprocessing=({"step": "tabular", "columns": ["h", "w"]},)),
            CardTensor("colour", (1, 2), preprocessing=(colours,)),
        ),
    )
    content = write(
        [("size", "float32", [1, 2]), ("colour", "float32", [1, 2])],
        [("sum", "float32", [1, 2])],
        [("Add", ["size", "colour"], ["sum"], {})],
        None,
        {"littoral_card": described.to_json()},
    )
    with littoral.load(integrity.seal(content)) as model:
        found = model.predict({"h": 1, "w": 5, "colour": "blue", "left over": 0})
    assert found == [Prediction("1", 6.0, 1), Prediction("0", 1.0, 0)]


def test_a_card_of_a_newer_version_runs_and_says_what_it_cannot_prepare():
    with littoral.load(classifier(card(({**TABULAR, "sharpen": 1},)))) as model:
        assert model.run(np.zeros(3, np.float32)).shape == (3,)
        with pytest.raises(littoral.InputError, match=r"no setting 'sharpen' in littoral \d"):
            model.predict("absent.png")
