"""Measurements that the Kotlin runtime made, read by the Python one. After `make android`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from littoral import cli
from littoral.measurement import Measurement

MEASURED = Path(__file__).parents[1] / "build/android/golden/measured"
ENGINES = {"tflite": "litert", "onnx": "onnxruntime"}


def written(format: str, when: str) -> Path:
    """The file, which the contract tests of the engines leave."""
    path = MEASURED / f"{when}.{format}.json"
    assert path.exists(), f"{path} is missing: make android comes first"
    return path


@pytest.mark.parametrize("format", ENGINES)
def test_a_measurement_of_the_other_language_is_one_of_ours(format):
    payload = json.loads(written(format, "later").read_text())
    names = []
    for fields in payload["measurements"]:
        one = Measurement.from_dict(fields, payload["environment"])
        assert one.to_dict() == fields
        assert (one.engine, one.runs) == (ENGINES[format], 60)
        assert 0 < one.latency_p50.low <= one.latency_p50.value <= one.latency_p99.value
        names.append(one.path)
    assert names == [f"mlp.{scheme}.{format}" for scheme in ("float32", "static_int8")]


@pytest.mark.parametrize("format", ENGINES)
def test_compare_takes_them_with_gates(format, capsys):
    files = [str(written(format, when)) for when in ("earlier", "later")]
    found = cli.call("compare", [*files, "--gate", "size<=+0%"])
    assert found["passed"]
    assert [each["name"] for each in found["files"]] == [
        f"mlp.{scheme}.{format} ({format}, {scheme}, {ENGINES[format]}, 1)"
        for scheme in ("float32", "static_int8")
    ]
    for each in found["files"]:
        changed = {change["metric"] for change in each["changes"]}
        assert {"p50", "p90", "p99", "load", "memory", "size"} <= changed
    assert cli.main(["compare", *files, "--gate", "size<=1k"]) == 1
    assert "size" in capsys.readouterr().out
