"""Shares of right answers against counts made by hand."""

import numpy as np
import pytest
from littoral.errors import InputError
from littoral.scoring import Accuracy, accuracy

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]])


def test_numbers_rows_of_a_one_and_labels_with_an_axis_more_count_alike():
    labels = np.array([0, 1, 2, 1])
    for form in (labels, labels[:, None], np.eye(3)[labels], np.eye(3, dtype="int8")[labels]):
        assert accuracy(form, SCORES) == Accuracy(0.75, 4)


def test_every_pixel_is_an_answer():
    pixels = SCORES.reshape(2, 2, 3)
    assert accuracy(np.array([[0, 1], [0, 1]]), pixels) == Accuracy(0.5, 4)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_single_score_decides_between_two(shape):
    truth = np.array([1, 0, 1, 0])
    assert accuracy(truth, np.array([0.9, 0.2, 0.4, 0.6]).reshape(shape)) == Accuracy(0.5, 4)
    assert accuracy(truth, np.array([3.0, -1.0, 0.4, 0.6]).reshape(shape)) == Accuracy(0.75, 4)


def test_truth_values_are_two_classes():
    scores = np.array([[0.1], [0.9], [0.8], [0.4]])
    truth = np.array([False, True, False, False])
    assert accuracy(truth, scores).share == np.mean((scores[:, 0] > 0.5) == truth)
    pair = np.hstack([1 - scores, scores])
    assert accuracy(truth[:, None], pair).share == np.mean(pair.argmax(1) == truth)


def test_what_is_no_class_has_no_accuracy():
    assert accuracy(np.array([12, 40, 7]), np.array([[11.0], [38.0], [9.0]])) is None
    assert accuracy(np.array([0.5, 1.0]), SCORES[:2]) is None
    assert accuracy(np.array([0, 1]), SCORES) is None


def test_classes_that_the_output_does_not_have_are_refused():
    with pytest.raises(InputError, match="labels from 0 to 3, but the model's output has 3"):
        accuracy(np.arange(4), SCORES)
