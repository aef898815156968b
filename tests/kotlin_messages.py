"""Bad inputs and what the Python runtime says to them, for `kotlin_vectors`."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import littoral
import numpy as np
import onnx
import onnx_writer
from littoral import preprocess

sys.path.append(str(Path(__file__).parent / "unit" / "sdk"))
import test_structure

IMAGE = {"step": "image", "height": 2, "width": 2, "channels": 1}
ROW = {"step": "tabular", "columns": ["a", "b"]}
MFCC = {"step": "mfcc", "sample_rate": 8000}


def cases(folder: Path, array):
    """Every case with the error's class and message.

    Args:
        folder: Where the small models and the demo's files are.
        array: How an array is written.
    """
    for format in ("tflite", "onnx"):
        yield from calls(folder, format, array)
        yield from damaged((folder / f"one.{format}").read_bytes())
        yield from changed((folder / f"mlp.float32.{format}").read_bytes())
    yield from built_wrong()
    yield from damaged(b"")
    yield from damaged(b'\x00it\'s no "model"\n\xff' * 3)
    yield from steps(array)


def calls(folder: Path, format: str, array):
    """What `Model.run` and its relatives refuse."""
    one, three = np.ones((1, 3), np.float32), np.ones(3, np.float32)
    bad = three.copy()
    bad[1] = np.nan
    runs = [
        ("one", "run", {"x": np.ones((1, 4), np.float32)}),
        ("one", "run", {"x": np.ones((2, 2, 2), np.float32)}),
        ("one", "run", {"x": np.zeros((0, 3), np.float32)}),
        ("one", "run", {"x": bad}),
        ("one", "run", {"y": one}),
        ("one", "run", {"x": np.full((1, 3), 1e300)}),
        ("one", "run_raw", {"x": np.ones((1, 3), np.int8)}),
        ("open", "run", {"x": np.ones((2, 4), np.float32)}),
        ("four", "run", {"x": np.ones((2, 3), np.float32)}),
        ("several", "run", {"a": np.ones((1, 2), np.float32)}),
        ("several", "run", {"a": np.ones((3, 2), np.float32), "b": np.ones((2, 2), np.float32)}),
        ("several", "run", {"a": three, "b": three}),
        ("int32", "run", {"x": np.array([1.5, 2, 3])}),
        ("int32", "run", {"x": np.array([[2**40, 2, 3]])}),
        ("bool", "run", {"x": np.array([[2, 0, 1]], np.int32)}),
    ]
    for name, call, inputs in runs:
        file = f"{name}.{format}"
        with littoral.load((folder / file).read_bytes()) as model:
            caught = message(getattr(model, call), inputs)
        named = {key: array(value) for key, value in inputs.items()}
        yield {"kind": call, "file": file, "inputs": named, **caught}


def damaged(content: bytes):
    """Files that are cut off or no models."""
    ends = range(0, len(content), max(1, len(content) // 12)) if len(content) > 100 else [None]
    for end in ends:
        yield load(content[:end])


def built_wrong():
    """Files whose parts do not fit together, one rule broken in each."""
    for path, value, _ in test_structure.BAD.values():
        yield load(test_structure.changed(test_structure.setting(path, value)))
    for dims in ([2, 4], [-1, 6], [1 << 40, 1 << 40], []):
        model = onnx.load_from_string(small_constant())
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)
        yield load(model.SerializeToString())


def small_constant() -> bytes:
    """An .onnx file of one constant, ``w [2, 3]``."""
    sides = [("x", "float32", [2, 3])], [("y", "float32", [2, 3])]
    return onnx_writer.write(
        *sides, [("Add", ["x", "w"], ["y"], {})], {"w": np.ones((2, 3), np.float32)}
    )


def changed(content: bytes):
    """Sealed files with one byte changed, or without the seal."""
    places = (9, 40, 100, 150, 195, 300, len(content) // 2, len(content) - 1)
    for place in places:
        yield load(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
    yield load(content[:150])
    yield load(content[405:])


def load(content: bytes):
    """Load bytes that may be no model."""
    caught = message(lambda: littoral.load(content).close())
    return {"kind": "load", "content": base64.b64encode(content).decode(), **caught}


def steps(array):
    """What the preprocessing steps refuse."""
    for step, raw in (
        ({**IMAGE, "filter": "cubic"}, np.ones((3, 3), np.uint8)),
        (IMAGE, np.ones((3, 3, 2), np.uint8)),
        (IMAGE, np.ones(3, np.uint8)),
        ({"step": "image", "height": 2}, np.ones((3, 3), np.uint8)),
        ({"step": "nothing"}, np.ones((3, 3), np.uint8)),
        ({**IMAGE, "channels": 2}, np.ones((3, 3), np.uint8)),
        (ROW, "1"),
        (ROW, "1,2,3"),
        (ROW, "1,x"),
        (ROW, "1,nan"),
        ({**ROW, "columns": list("abcdef")}, "1"),
        (MFCC, "no such file.wav"),
    ):
        shown = raw if isinstance(raw, str) else array(raw)
        caught = message(preprocess.apply, [step], raw)
        yield {"kind": "step", "steps": [step], "raw": shown, **caught}


def message(call, *arguments):
    """What a call raises; nothing where it does not."""
    try:
        call(*arguments)
    except littoral.LittoralError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"error": None, "message": None}
