"""Damaged model files, thousands of them: none may run where a digest stands, none may be the end.

The damage is that of `damage`, from fixed seeds; the files are small models of five families in
both formats, float and int8, and files that other packages ship. Each damaged file is loaded and
run by a worker process, with its digest heeded and again as if it had none. What kills the worker
is tried again with `isolated=True`, where it has to be an `EngineCrashed`.
"""

from __future__ import annotations

import collections
import subprocess
import sys
import threading
from pathlib import Path

import damage
import fuzz_worker
import littoral
import numpy as np
import pytest
import tflite_micro
from littoral import formats, integrity

HERE = Path(__file__).parents[1]
COPIES = {"verify": 60, "trusting": 90}
PATIENCE_S = 20.0
MOST_DEATHS = 0.005
"""Of the files without a digest; what is left are the engines' own faults in sound structures."""


class Worker:
    """A process that loads and runs what it is told, and another one when it dies."""

    def __init__(self):
        self.process = None

    def attempt(self, path, mode):
        """What came of a file; None when the worker died of it, or never answered."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "fuzz_worker.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        timer = threading.Timer(PATIENCE_S, self.process.kill)
        timer.start()
        self.process.stdin.write(f"{mode} {path}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        timer.cancel()
        if not answer:
            self.close()
            return None
        return answer.strip()

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
        self.process = None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Sound files by name: ours, sealed, and those of others."""
    import keras
    from converted import randomize
    from littoral_converters import convert

    layers = keras.layers
    steps = keras.Input((6, 8))
    attended = layers.MultiHeadAttention(2, 4)(steps, steps) + steps
    attended = layers.Dense(8, "gelu")(layers.LayerNormalization()(attended))
    stacks = {
        "mlp": ((8,), [layers.Dense(16, "relu"), layers.Dense(4, "softmax")]),
        "cnn": (
            (8, 8, 3),
            [
                layers.Conv2D(4, 3, activation="relu"),
                layers.DepthwiseConv2D(3),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(3),
            ],
        ),
        "gru": ((4, 5), [layers.GRU(6), layers.Dense(2)]),
        "lstm": ((4, 5), [layers.LSTM(6), layers.Dense(2)]),
    }
    models = [
        keras.Sequential([keras.Input(shape), *stack], name=name)
        for name, (shape, stack) in stacks.items()
    ]
    pooled = layers.GlobalAveragePooling1D()(attended)
    models.append(keras.Model(steps, layers.Dense(3)(pooled), name="transformer"))
    folder = tmp_path_factory.mktemp("whole")
    samples = np.random.default_rng(0)
    files = {}
    for model in models:
        for variant in convert(
            randomize(model),
            folder,
            schemes=("float32", "static_int8"),
            representative_data=samples.normal(size=(32, *model.input_shape[1:])).astype("float32"),
        ):
            files[variant.path.name] = variant.path.read_bytes()
    (sine,) = Path(tflite_micro.__file__).parent.rglob("sine_float.tflite")
    files["sine.tflite"] = sine.read_bytes()
    return files


@pytest.mark.slow
def test_no_damaged_file_runs_unnoticed_or_ends_the_process(whole, tmp_path, capsys):
    worker = Worker()
    tally = collections.Counter()
    deaths = []
    for name, content in whole.items():
        format = formats.sniff(content)
        path = tmp_path / f"damaged.{format}"
        path.write_bytes(content)
        assert worker.attempt(path, "verify") == "ran", f"{name} is sound"
        sealed = integrity.check(content) is not None
        for mode, copies in COPIES.items():
            for seed in range(copies):
                kind, broken = damage.damaged(content, format, f"{name} {seed}")
                path.write_bytes(broken)
                answer = worker.attempt(path, mode)
                if answer is None:
                    assert mode == "trusting", f"{name}, {kind}, seed {seed}: killed, with a digest"
                    deaths.append((name, kind, seed))
                    answer = fuzz_worker.attempt(
                        str(path), verify=False, isolated=True, timeout_s=5.0
                    )
                outcome = answer.split()[0]
                tally[format, "digest" if mode == "verify" and sealed else "none", outcome] += 1
                case = f"{name}, {kind}, seed {seed}, {mode}: {answer}"
                assert outcome != "OTHER", case
                if mode == "verify" and sealed:
                    assert outcome in ("refused", "integrity"), case
    worker.close()
    total = sum(tally.values())
    with capsys.disabled():
        print(f"\nfuzz report: {total} damaged files of {len(whole)} models")
        for (format, digest, outcome), count in sorted(tally.items()):
            print(f"  {format:7} digest {digest:7} {outcome:10} {count:5}")
        print(f"  died of, and were EngineCrashed when isolated: {len(deaths)} {deaths}")
    assert total >= 2000
    assert len(whole) >= 10
    assert len(deaths) <= MOST_DEATHS * total


@pytest.mark.slow
def test_every_whole_file_has_a_sound_structure_and_the_same_damage_each_time(whole):
    for content in whole.values():
        formats.module(formats.sniff(content)).check_structure(content)
        with littoral.load(content, verify=False) as model:
            assert model.outputs
    name, content = next(iter(whole.items()))
    format = formats.sniff(content)
    assert damage.damaged(content, format, name) == damage.damaged(content, format, name)
