"""Files that no card vouches for, for `kotlin_vectors`: damaged, of several parts, with options."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import damage
import kotlin_messages
import littoral
import numpy as np
import test_anybodys_files
import test_external_weights
import test_windows
from littoral import formats, integrity
from littoral.formats import _tflite_arity
from tflite_writer import Graph, T, add, sub, write

COPIES = 34
"""Damaged copies of each file."""

FAMILIES = ("mlp", "cnn", "gru", "transformer")
SCHEMES = ("float32", "static_int8")
PLACES = {
    "beside": {},
    "dotted": {"location": "./w.bin"},
    "above": {"location": "../w.bin"},
    "root": {"location": "/etc/hostname"},
    "up and down": {"location": "a/../../w.bin"},
    "nowhere": {"location": ""},
    "other slashes": {"location": "..\\w.bin"},
    "drive": {"location": "C:\\w.bin"},
    "too long": {"length": "4096"},
    "no number": {"offset": "-8"},
    "absent": {"location": "absent.bin"},
}
SIGNATURES = {
    None: [[[1, 2]]],
    "both": [[[1, 2]]],
    "again": [[[3, 4]]],
    "minus": [[[1, 2, 3], [4, 5, 6]], [[9, 8, 7], [6, 5, 4]]],
    "nothing": None,
}


TWO_GRAPHS = write(
    Graph(
        [T("x", [1, 2]), T("y", [1, 2]), T("z", [1, 2])], [0], [1, 2], [add(0, 0, 1), sub(0, 0, 2)]
    ),
    Graph([T(name, [1, 3]) for name in ("p", "q", "r")], [0, 1], [2], [sub(0, 1, 2)]),
    signatures={
        "both": (0, {"x": 0}, {"nothing": 2, "double": 1}),
        "again": (0, {"given": 0}, {"d": 1, "n": 2}),
        "minus": (1, {"b": 1, "a": 0}, {"difference": 2}),
    },
)


def damaged(folder: Path):
    """Damaged copies of the demo's files, as edits, with what the Python runtime says of each.

    ``checked`` is for a load that compares the digest, ``unchecked`` for one that does not: then
    only the check of the structure stands between the damage and the engine.
    """
    for family in FAMILIES:
        for scheme in SCHEMES:
            for format in ("tflite", "onnx"):
                file = f"{family}.{scheme}.{format}"
                content = (folder / file).read_bytes()
                for number in range(COPIES):
                    kind, copy = damage.damaged(content, format, f"{file} {number}")
                    yield {
                        "file": file,
                        "kind": kind,
                        "edits": edits(content, copy),
                        "checked": kotlin_messages.message(integrity.check, copy)["error"],
                        "unchecked": kotlin_messages.message(structure, copy),
                    }


def structure(content: bytes) -> None:
    """What a file without a digest goes through before its card is read."""
    formats.module(formats.sniff(content)).check_structure(content)


def edits(content: bytes, copy: bytes):
    """What makes the copy of the content: ``[at, removed, inserted]`` each, the last one first."""
    if len(content) != len(copy):
        pairs = zip(content, copy, strict=False)
        shorter = min(len(content), len(copy))
        first = next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
        most = shorter - first
        last = next((i for i in range(most) if content[-1 - i] != copy[-1 - i]), most)
        inserted = copy[first : len(copy) - last]
        return [[first, len(content) - last - first, base64.b64encode(inserted).decode()]]
    off = np.flatnonzero(np.frombuffer(content, np.uint8) != np.frombuffer(copy, np.uint8))
    runs = np.split(off, np.flatnonzero(np.diff(off) > 1) + 1)
    return [
        [int(run[0]), len(run), base64.b64encode(copy[run[0] : run[-1] + 1]).decode()]
        for run in reversed(runs)
    ]


def signatures(out: Path, array):
    """Every signature of a file of two graphs, with its answer; one that there is not."""
    (out / "two_graphs.tflite").write_bytes(TWO_GRAPHS)
    (out / "less.tflite").write_bytes(test_anybodys_files.TWO_GRAPHS)
    for name, values in SIGNATURES.items():
        path = out / "two_graphs.tflite"
        case = {"file": path.name, "signature": name}
        if values is None:
            yield {**case, **kotlin_messages.message(load, path, {"signature": name})}
            continue
        with littoral.load(path, signature=name) as model:
            x = [np.array(value, np.float32) for value in values]
            results = model.run(dict(zip((spec.name for spec in model.inputs), x, strict=True)))
            results = results if isinstance(results, dict) else {model.outputs[0].name: results}
            yield {
                **case,
                "listed": {
                    key: [list(side) for side in each] for key, each in model.signatures.items()
                },
                "inputs": {
                    spec.name: array(each) for spec, each in zip(model.inputs, x, strict=True)
                },
                "outputs": {key: array(each) for key, each in results.items()},
            }
    for format in ("tflite", "onnx"):
        path = out / f"one.{format}"
        caught = kotlin_messages.message(load, path, {"signature": "other"})
        yield {"file": path.name, "signature": "other", **caught}


def options(demo: Path, array):
    """What engines do with options, and which they refuse."""
    with np.load(demo / "data" / "mlp.eval.npz") as data:
        x = data["x"][:4]
    for format, given in (
        ("tflite", {"xnnpack": "off"}),
        ("tflite", {"xnnpack": True}),
        ("onnx", {"providers": "cpu", "optimization": "disable", "execution": "parallel"}),
        ("onnx", {"inter_op_threads": 2, "memory_arena": "off", "memory_pattern": False}),
        ("onnx", {"config.session.intra_op.allow_spinning": "0"}),
        ("tflite", {"xnnpack": "perhaps"}),
        ("tflite", {"providers": "CPU"}),
        ("tflite", {"xnnpack.": "on"}),
        ("onnx", {"xnnpack": "off"}),
        ("onnx", {"providers": "CPU,Abacus"}),
        ("onnx", {"CUDA.device_id": 0}),
        ("onnx", {"optimization": "most"}),
        ("onnx", {"execution": 1}),
        ("onnx", {"inter_op_threads": "0"}),
        ("onnx", {"memory_arena": 2}),
        ("onnx", {"dimension.n": "many"}),
        ("onnx", {"custom_ops": "libabsent.so"}),
    ):
        path = demo / f"mlp.static_int8.{format}"
        case = {"file": path.name, "options": given, "x": array(x)}
        caught = kotlin_messages.message(load, path, {"options": given})
        if caught["error"] is None:
            with littoral.load(path, options=given) as model:
                caught["result"] = array(model.run(x))
        yield {**case, **caught}


def external(out: Path, array):
    """Weights in another file: where they may be, and where not."""
    shutil.rmtree(out / "external", ignore_errors=True)
    (out / "external").mkdir()
    for name, changes in PLACES.items():
        path = test_external_weights.save(out / "external" / name, **changes)
        case = {"file": str(path.relative_to(out)), **kotlin_messages.message(load, path, {})}
        if case["error"] is None:
            with littoral.load(path) as model:
                case |= {
                    "x": array(test_external_weights.X),
                    "y": array(model.run(test_external_weights.X)),
                }
        yield case


def arities():
    """What TFLite's kernels take for granted, by operator number; the last two are no operators."""
    known = len(_tflite_arity.TABLE) - 2
    for kind in (*range(known), known + 7, -1):
        row = kind if 0 <= kind < known else known
        yield {"kind": kind, "arity": _tflite_arity.TABLE[row].tolist()}


LOG_MEL = {"step": "log_mel", **test_windows.SPECTRUM}
FEEDS = (
    (test_windows.MFCC, [1, 5, 13], 1),
    ({**test_windows.MFCC, "padding": "reflect", "dct": "htk", "fft_length": 301}, [1, 5, 13], 3),
    ({**LOG_MEL, "padding": "none", "log": "ln", "floor": 1e-6}, [1, 5, 20], 2),
    ({**LOG_MEL, "reference": "max", "range_db": 40.0, "power": 1}, [1, 5, 20, 1], 4),
    ({**LOG_MEL, "padding": "reflect", "log": "none", "window": "hamming"}, [1, 5, 20], 7),
    ({"step": "audio", "sample_rate": 8000, "length": 400}, [1, 400], 150),
    ({"step": "tabular", "columns": ["a", "b", "c"]}, [1, 4, 3], 2),
)
SIZES = (1, 700, 3, 1500, 90, 250)


def feeds(out: Path, array):
    """Data that goes on, through a card's preprocessing, in pieces of several sizes."""
    (out / "feeds").mkdir(exist_ok=True)
    for number, (step, shape, hop) in enumerate(FEEDS):
        path = out / "feeds" / f"{number}.onnx"
        path.write_bytes(test_windows.doubling(shape, [step]))
        if step["step"] == "tabular":
            x = np.random.default_rng(14).integers(0, 9, (11, 3)).astype(np.float32)
            pieces = [[row.tolist() for row in piece] for piece in (x[:1], x[1:7], x[7:])]
        else:
            x = test_windows.signal().astype(np.float32)
            pieces = list(test_windows.pieces(x, SIZES))
        with littoral.load(path) as model, model.stream(hop=hop, smooth=2) as found:
            results = [found.feed(piece) for piece in pieces] + [found.finish()]
            fields = {"file": str(path.relative_to(out)), "hop": hop, "x": array(x)}
            yield {
                **fields,
                "sizes": [len(piece) for piece in pieces],
                "results": array(np.concatenate(results)),
            }
    with littoral.load(out / "feeds" / "0.onnx") as model:
        other = model.stream(hop=1)
        caught = kotlin_messages.message(other.feed, (16000, np.zeros(10, np.float32)))
        yield {"file": "feeds/0.onnx", "rate": 16000, **caught}
        other.reset()
        other.step(np.zeros(13, np.float32))
        yield {
            "file": "feeds/0.onnx",
            **kotlin_messages.message(other.feed, np.zeros(9, np.float32)),
        }
    for format in ("tflite", "onnx"):
        with littoral.load(out / f"gru.float32.{format}") as model:
            caught = kotlin_messages.message(model.stream(hop=1).feed, np.zeros(9, np.float32))
            yield {"file": f"gru.float32.{format}", **caught}


def load(path: Path, how) -> None:
    """Load and close, by the name that the Kotlin tests give."""
    littoral.load(path, **how).close()
