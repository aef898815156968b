"""The comparison's figures against closed forms."""

import littoral
import numpy as np
import pytest
from littoral_converters.verification import Limits, compare

LOOSE = Limits(max_error=None, rms_error=10.0, max_drop=100.0)


def outputs(values):
    return {"scores": np.asarray(values, "float32")}


def test_figures_of_a_known_difference():
    keras = outputs([[1.0, 2.0], [3.0, 4.0]])
    file = outputs([[1.0, 2.0], [3.0, 4.5]])
    found = compare(keras, file, None, LOOSE)
    assert found.max_abs_error == pytest.approx(0.5)
    assert found.mean_abs_error == pytest.approx(0.125)
    assert found.relative_error == pytest.approx(0.5 / 4, rel=1e-5)
    assert found.rms_error == pytest.approx(np.sqrt(0.25 / 30), rel=1e-5)
    assert (found.agreement, found.samples, found.passed) == (1.0, 2, True)
    assert found.metric is None
    assert found.drop_points is None


def test_accuracy_and_drop_are_counted_from_the_labels():
    keras = outputs(np.eye(4))
    file = outputs(np.eye(4)[[0, 1, 2, 0]])
    found = compare(keras, file, np.arange(4), LOOSE)
    assert (found.metric, found.value, found.float_value) == ("accuracy", 0.75, 1.0)
    assert found.drop_points == 25.0
    assert found.agreement == 0.75


def test_a_single_output_is_a_yes_or_no():
    keras = outputs([[0.9], [0.2], [0.6]])
    found = compare(keras, keras, np.array([1, 0, 0]), LOOSE)
    assert found.value == pytest.approx(2 / 3)


def test_files_agree_on_what_a_single_score_decides():
    keras, file = outputs([[0.9], [0.2], [0.6], [0.7]]), outputs([[0.7], [0.4], [0.45], [0.75]])
    assert compare(keras, file, np.array([1, 0, 0, 1]), LOOSE).agreement == 0.75
    assert compare(keras, file, None, LOOSE).agreement == 0.0


def test_keras_says_whether_single_scores_are_probabilities():
    keras, file = outputs([[0.4], [0.9], [0.3]]), outputs([[0.4], [0.9], [-0.01]])
    found = compare(keras, file, np.array([0, 1, 0]), LOOSE)
    assert (found.value, found.float_value, found.agreement) == (1.0, 1.0, 1.0)


def test_a_single_logit_says_yes_above_zero():
    logits = outputs([[-3], [0.25], [2], [-0.5]])
    found = compare(logits, logits, np.array([0, 1, 1, 1]), LOOSE)
    assert found.value == 0.75


def test_targets_shaped_like_the_output_are_a_regression():
    keras, file = outputs([[1.0], [2.0]]), outputs([[1.5], [2.0]])
    found = compare(keras, file, np.array([[1.0], [1.0]], "float32"), LOOSE)
    assert found.metric == "mean_abs_error"
    assert (found.value, found.float_value) == (0.75, 0.5)
    assert found.drop_points is None


def test_whole_numbers_that_a_single_output_estimates_are_a_regression_too():
    keras, file = outputs([[31.0], [64.0]]), outputs([[31.5], [64.0]])
    found = compare(keras, file, np.array([30, 64]), LOOSE)
    assert (found.metric, found.value, found.float_value) == ("mean_abs_error", 0.75, 0.5)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(0.1, 10.0, 100.0), "largest error is 1 of the output's range"),
        (Limits(None, 0.5, 100.0), "root mean square error is 1"),
        (Limits(None, 10.0, 1.0), "loses 50.00 points"),
    ],
)
def test_each_limit_is_held(limits, reason):
    file = outputs(np.eye(4)[[0, 1, 0, 0]])
    found = compare(outputs(np.eye(4)), file, np.arange(4), limits)
    assert not found.passed
    assert reason in found.reason


def test_one_sample_is_always_allowed():
    file = outputs(np.eye(4)[[0, 1, 2, 0]])
    within = Limits(None, 10.0, max_drop=0.0)
    assert not compare(
        outputs(np.eye(4)[:3]), outputs(np.eye(4)[[0, 3, 3]]), np.arange(3), within
    ).passed
    assert compare(outputs(np.eye(4)), file, np.arange(4), within).passed


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ({"other": np.zeros((2, 2))}, "outputs are other where Keras has scores"),
        ({"scores": np.zeros((2, 3))}, r"shape (2, 3) where Keras has (2, 2)"),
        ({"scores": np.full((2, 2), np.nan)}, "not finite"),
    ],
)
def test_what_cannot_be_compared_does_not_pass(file, reason):
    found = compare({"scores": np.ones((2, 2))}, file, None, LOOSE)
    assert not found.passed
    assert reason in found.reason


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_keras_does_not_answer_itself_is_said_to_be_keras_own(value):
    keras = np.ones((4, 2, 2))
    keras[1:3, 1, 0] = value
    found = compare({"scores": keras}, {"scores": keras}, None, LOOSE)
    assert not found.passed
    assert found.reason == "Keras's own output 'scores' is not finite for 2 of 4 samples"


def test_labels_that_do_not_fit_are_bad_input():
    with pytest.raises(littoral.InputError, match="one integer class per sample"):
        compare(outputs(np.eye(2)), outputs(np.eye(2)), np.array(["a", "b"]), LOOSE)


PIXELS = np.array([[[0, 1], [2, 0]], [[1, 1], [2, 2]]])
"""A class for each of four pixels of two pictures."""


@pytest.mark.parametrize(
    "labels", [PIXELS, PIXELS[..., None], np.eye(3)[PIXELS], np.eye(3, dtype=bool)[PIXELS]]
)
def test_accuracy_of_a_class_at_every_pixel(labels):
    keras = outputs(np.eye(3)[PIXELS])
    file = outputs(np.eye(3)[np.where(PIXELS == 1, 0, PIXELS)])
    found = compare(keras, file, labels, LOOSE)
    assert (found.metric, found.float_value, found.value) == ("accuracy", 1.0, 5 / 8)
    assert found.drop_points == 37.5


def test_one_pixel_and_no_more_is_always_allowed():
    keras, within = outputs(np.eye(3)[PIXELS]), Limits(None, 10.0, 0.0)
    wrong = PIXELS.copy()
    wrong[0, 0, 0] = 1
    assert compare(keras, outputs(np.eye(3)[wrong]), PIXELS, within).passed
    wrong[0, 1, 1] = 1
    assert not compare(keras, outputs(np.eye(3)[wrong]), PIXELS, within).passed


def test_values_at_every_pixel_stay_a_regression():
    keras = outputs(np.eye(3)[PIXELS])
    found = compare(keras, keras, 2 * np.eye(3)[PIXELS], LOOSE)
    assert (found.metric, found.value) == ("mean_abs_error", pytest.approx(1 / 3))


def test_a_class_that_no_pixel_can_have_is_bad_input():
    keras = outputs(np.eye(3)[PIXELS])
    with pytest.raises(littoral.InputError, match="from 0 to 3, but the model's output has 3"):
        compare(keras, keras, np.where(PIXELS == 2, 3, PIXELS), LOOSE)
    with pytest.raises(littoral.InputError, match="per row of scores"):
        compare(keras, keras, PIXELS[:, :, :1], LOOSE)


@pytest.mark.parametrize(("lost", "passes"), [(1, True), (2, False)])
def test_one_label_of_any_number_may_be_lost(lost, passes):
    keras = outputs(np.eye(600, 10, dtype="float32") + np.arange(600)[:, None] % 2)
    labels = keras["scores"].argmax(1)
    file = outputs(keras["scores"].copy())
    file["scores"][np.arange(lost), labels[:lost] + 1] += 2.0
    found = compare(keras, file, labels, Limits(None, 10.0, 0.1))
    assert found.drop_points == round(100 * lost / 600, 4)
    assert found.passed is passes
