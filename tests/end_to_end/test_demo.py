"""`littoral demo --fast`: the whole of it, its figures and its page."""

import json
from html.parser import HTMLParser

import keras
import littoral as sdk
import numpy as np
import pytest
from command_line import littoral

LIMITS = {"float32": 0.0, "float16": 0.1, "dynamic_int8": 0.5, "static_int8": 1.0}
FLOORS = {"mlp": 0.88, "cnn": 0.8, "lstm": 0.9, "gru": 0.9, "transformer": 0.7}
"""What a fast training reaches."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's folder, its demo.json, and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    done = littoral("demo", "--fast", "--out", out)
    assert done.returncode == 0, done.stderr
    return out, json.loads((out / "demo.json").read_text()), done


@pytest.mark.slow
def test_every_family_format_and_scheme_keeps_its_accuracy(demo):
    _, report, _ = demo
    seen = {(r["family"], r["format"], r["scheme"]): r for r in report["results"]}
    assert set(seen) == {(f, t, s) for f in FLOORS for t in ("tflite", "onnx") for s in LIMITS}
    for (_, _, scheme), result in seen.items():
        samples = result["samples"]
        assert result["drop_points"] <= max(LIMITS[scheme], round(100 / samples, 4))
        assert result["latency_p50_us"] <= result["latency_p90_us"] <= result["latency_p99_us"]
        assert result["cold_start_ms"] > 0
        assert result["passed"]


@pytest.mark.slow
def test_the_figures_are_those_of_the_files(demo):
    """One file of each family, counted again on the test set that the demo left."""
    out, report, _ = demo
    for result in report["results"]:
        if result["scheme"] != "static_int8":
            continue
        path = out / result["path"]
        assert path.stat().st_size == result["size_bytes"]
        with np.load(out / "data" / f"{result['family']}.eval.npz") as data:
            x, y = data["x"], data["y"]
        with sdk.load(path) as model:
            assert np.mean(model.run(x).argmax(1) == y) == pytest.approx(result["accuracy"])
            assert model.card.labels == tuple(report["families"][result["family"]]["labels"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FLOORS)
def test_fast_training_gives_a_sensible_model(demo, family):
    out, report, _ = demo
    accuracy = report["families"][family]["accuracy"]
    assert accuracy > FLOORS[family]
    loaded = keras.models.load_model(out / f"{family}.keras")
    with np.load(out / "data" / f"{family}.eval.npz") as data:
        scores = loaded.predict(data["x"], batch_size=500, verbose=0)
        assert np.mean(scores.argmax(1) == data["y"]) == pytest.approx(accuracy, abs=1e-3)


@pytest.mark.slow
def test_confusions_count_every_test_sample(demo):
    _, report, _ = demo
    for family in FLOORS:
        about = report["families"][family]
        counts = np.array(about["confusion"])
        assert np.trace(counts) / counts.sum() == pytest.approx(about["accuracy"], abs=1e-3)


@pytest.mark.slow
def test_the_page_stands_alone_and_the_table_ends_with_its_path(demo):
    out, _, done = demo
    page = (out / "report.html").read_text()
    assert len(page) < 1_000_000

    links = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            links.extend(v for k, v in attributes if k in ("src", "href") and v[:1] != "#")

    Reader().feed(page)
    assert [link for link in links if not link.startswith("data:")] == []
    assert done.stdout.strip().endswith(str(out / "report.html"))
    assert all(family in done.stderr for family in ("MLP", "CNN", "LSTM", "GRU", "Transformer"))
