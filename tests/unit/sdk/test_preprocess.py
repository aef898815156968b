"""Steps one after the other, and what a card says that cannot be."""

import littoral
import numpy as np
import pytest
from littoral import plugins, preprocess, steps
from littoral.steps import log_mel


def test_no_steps_leave_an_array_as_it_is():
    np.testing.assert_array_equal(preprocess.apply([], [1, 2]), [1, 2])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"step": "dance"}, "littoral .* knows no step 'dance', only audio, bytes, image, .*newer"),
        ({}, "knows no step None"),
        ("bytes", "knows no step None"),
        ({"step": "_wav"}, "knows no step '_wav'"),
        ({"step": "bytes"}, "step 'bytes' lacks the setting 'length'"),
        ({"step": "bytes", "length": 3, "width": 1}, "'bytes' has no setting 'width' in littoral"),
        ({"step": "bytes", "length": "3"}, "step 'bytes': length is '3': expected a whole number"),
        ({"step": "bytes", "length": 2.5}, "length is 2.5: expected a whole number"),
        ({"step": "bytes", "length": True}, "length is True: expected a whole number"),
        ({"step": "bytes", "length": float("inf")}, "length is inf: expected a whole number"),
        ({"step": "bytes", "length": 1e300}, "length is 1e.300: expected a whole number"),
    ],
)
def test_a_step_that_cannot_be_is_explained_before_any_data_is_touched(step, message):
    with pytest.raises(littoral.InputError, match=message) as caught:
        preprocess.apply([{"step": "bytes", "length": 4}, step], object())
    assert "\n" not in str(caught.value)


def test_a_step_takes_what_the_one_before_returns():
    steps = [
        {"step": "audio", "sample_rate": 8000, "length": 4},
        {"step": "standardize", "of": "sample"},
    ]
    result = preprocess.apply(steps, (8000, np.array([1.0, 3.0])))
    np.testing.assert_allclose(result, np.array([0, 2, -1, -1]) / np.sqrt(1.5), rtol=1e-6)


def test_every_step_is_a_file_with_settings_and_apply():
    for name in plugins.names(steps):
        module = plugins.load(steps, name)
        assert callable(module.apply)
        for setting in module.Settings.__dataclass_fields__:
            assert setting in module.__doc__ + log_mel.__doc__, f"{name}: {setting}"
