"""Files in releases of onnxruntime that plan the memory of a second call wrongly."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import packages
import pytest
from converted import feeds
from keras import layers, ops
from littoral_converters import convert

SCRIPT = Path(__file__).with_name("old_onnxruntime.py")


class Written(layers.Layer):
    """A table with one row replaced, and with a part of two rows."""

    def call(self, table, update, place):
        at = place[0, 0]
        rows = ops.slice_update(table, [0, at, 0, 0], update[:, :1])
        return rows, ops.slice_update(table, [0, at, 1, 0], update[:, :2, :2])


def between_calls(path, inputs, *pattern):
    """The largest difference between the answers of two calls in onnxruntime 1.17."""
    old = [str(packages.installed(name)) for name in ("onnxruntime==1.17.3", "numpy<2")]
    search = os.pathsep.join([*old, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, SCRIPT, path, inputs, *pattern],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="onnxruntime 1.17 ends at Python 3.12")
def test_a_second_call_answers_as_the_first_in_an_old_release(tmp_path):
    table, update = (keras.Input((6, 4, 3), name=name) for name in ("table", "update"))
    place = keras.Input((1,), dtype="int32", name="place")
    model = keras.Model([table, update, place], list(Written()(table, update, place)))
    samples = {**feeds(model, 8, seed=0), "place": np.full((8, 1), 2, "int32")}
    (variant,) = convert(
        model,
        tmp_path,
        formats=("onnx",),
        representative_data=samples,
        min_runtime="ort-1.17",
        warn=lambda doubt: None,
    )
    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, **{name: values[:1] for name, values in samples.items()})
    assert between_calls(variant.path, inputs, "on") > 0.1, "the release has no such fault"
    assert between_calls(variant.path, inputs) == 0
