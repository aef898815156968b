"""Which layers are left float: none where int8 does, as few as possible where it does not."""

import littoral
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from littoral import integrity
from littoral_converters import convert
from littoral_converters.mixing.sparing import fewest, spared
from outlier_model import clear_samples, common_scores_model, outlier_model, typical_samples

LAYERS = tuple(f"layer{index}" for index in range(60))


@given(st.permutations("abcdefgh"), st.sets(st.sampled_from("abcdefg"), min_size=1, max_size=4))
def test_the_layers_to_blame_and_no_others_are_left_float(ranked, culprits):
    found = fewest(ranked, lambda kept: culprits <= set(kept))
    if ranked[-1] in culprits:
        assert found is None
    else:
        assert set(found) == culprits
        assert [name for name in ranked if name in culprits] == list(found)


def test_leaving_all_but_one_float_may_not_help():
    assert fewest("abc", lambda kept: False) is None
    assert fewest("a", lambda kept: True) is None


def test_few_trials_are_made():
    tried = []
    layers = [f"layer{index}" for index in range(100)]

    def holds(kept):
        tried.append(tuple(kept))
        return {"layer0", "layer2"} <= set(kept)

    assert fewest(layers, holds) == ("layer0", "layer2")
    assert len(tried) <= 11


class Network:
    """Layers whose errors add up as independent noise does, and a clock that trials move."""

    def __init__(self, noise, seconds_a_trial):
        self.noise, self.seconds_a_trial = noise, seconds_a_trial
        self.trials, self.now = 0, 0.0

    def error_with(self, floats):
        self.trials += 1
        self.now += self.seconds_a_trial
        return sum(v**2 for name, v in self.noise.items() if name not in floats) ** 0.5

    def spared(self, goal, seconds=60.0):
        return spared(tuple(self.noise), self.error_with, goal, seconds, lambda: self.now)


def test_the_noisiest_layers_are_left_float_in_the_models_order():
    noise = dict.fromkeys(LAYERS, 0.001) | {"layer40": 0.3, "layer7": 0.2, "layer30": 0.1}
    assert Network(noise, 0.1).spared(goal=0.15) == ("layer7", "layer40")


def test_where_trials_are_slow_neighbours_are_tried_together():
    noise = dict.fromkeys(LAYERS, 0.001) | {"layer41": 0.3}
    network = Network(noise, 5.0)
    found = network.spared(goal=0.05)
    assert "layer41" in found
    assert len(found) < 10
    # Eight groups at the least, the first file, and a bisection.
    assert network.trials <= 1 + 8 + 4


def test_a_goal_that_is_out_of_reach_becomes_the_best_that_can_be_had():
    noise = dict.fromkeys(LAYERS, 1.0) | {"layer5": 0.6}
    assert set(LAYERS) - set(Network(noise, 0.1).spared(goal=0.5)) == {"layer5"}


def test_a_single_layer_is_not_left_float():
    assert Network({"only": 1.0}, 0.1).spared(goal=0.5) == ()


@pytest.fixture(scope="module")
def model():
    return outlier_model()


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
@pytest.mark.parametrize("has_labels", [True, False])
def test_convert_leaves_the_layers_float_that_int8_ruins(model, format_name, has_labels, tmp_path):
    data = clear_samples(model)
    steps = []
    (variant,) = convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=("static_int8",),
        representative_data=typical_samples(),
        evaluation_data=data if has_labels else None,
        report=steps.append,
    )
    assert "after" in variant.float_layers
    assert not {"before", "scores"} & set(variant.float_layers)
    assert integrity.read_card(variant.path.read_bytes()).float_layers == variant.float_layers
    assert any("layers to leave float" in step for step in steps)
    with littoral.load(variant.path) as loaded:
        assert np.mean(loaded.run(data["x"]).argmax(1) == data["y"]) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_layers_are_left_float_where_the_error_is_small_but_labels_are_lost(format_name, tmp_path):
    """What all scores have in common hides the error of those that decide; two layers are loud."""
    model = common_scores_model()
    data = clear_samples(model, 300)
    (variant,) = convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=("static_int8",),
        representative_data=typical_samples(),
        evaluation_data=data,
    )
    assert "h0" not in variant.float_layers
    assert 2 <= len(variant.float_layers) <= 4
    with littoral.load(variant.path) as loaded:
        assert np.mean(loaded.run(data["x"]).argmax(1) == data["y"]) >= 0.99


@pytest.mark.slow
def test_a_bound_of_ones_own_is_all_that_counts(model, tmp_path):
    (variant,) = convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=("static_int8",),
        representative_data=typical_samples(),
        tolerance=2.0,
    )
    assert variant.float_layers == ()
