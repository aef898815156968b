"""Our files beside those of stock routes, made and timed in the same minutes, as ratios."""

from __future__ import annotations

import pytest
import speed_run
from processor import has_int8_products

pytestmark = [pytest.mark.slow, pytest.mark.alone]

NOISE = 0.93
"""What a shared machine may take off a ratio in one run."""

OF_INT8 = {"transformer": {"default": 1.0, "any": 1.0, "tflite_int8": 3.7}}
"""Goals that int8 reaches, and what is left of them on a processor without int8 products."""

SLOWEST = 1.2
"""On such a processor an int8 file may take so much longer than float32, for its size."""


@pytest.fixture(scope="module", params=["gru", "transformer"])
def raced(request, tmp_path_factory):
    routes = {
        "gru": ["keras_litert", "tflite", "tflite_int8", "tf2onnx", "litert_quantizer_dynamic"],
        "transformer": ["keras_litert", "tflite_dynamic", "tflite_int8", "tf2onnx_repaired"],
    }[request.param]
    folder = tmp_path_factory.mktemp("speed")
    return speed_run.race(request.param, folder, lambda text: None, routes, epochs=2)


def test_our_best_file_is_faster_than_the_stock_ones_by_what_we_claim(raced):
    goals = speed_run.GOALS[raced.kind]
    if not has_int8_products():
        goals = goals | OF_INT8.get(raced.kind, {})
    assert {*goals} <= {*raced.ratios}
    found = {what: raced.ratios[what].value for what in goals}
    assert all(found[what] >= NOISE * goal for what, goal in goals.items()), found


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_no_int8_file_is_slower_than_its_float(raced, format_name):
    for scheme in ("dynamic_int8", "static_int8"):
        ratio = raced.to_float[f"ours {format_name} {scheme}"]
        assert ratio.low is not None
        assert ratio.low <= (1.0 if has_int8_products() else SLOWEST) / NOISE


def test_our_files_are_as_good_as_keras(raced):
    for name, accuracy in raced.accuracies.items():
        if name.startswith("ours"):
            assert accuracy >= raced.accuracy - speed_run.MAX_DROP, name
