"""One small dense network as float and int8 files, and data for it: what the boards run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_writer
import tflite_writer
from tflite_writer import Graph, Op, T

WIDTH, CLASSES = 16, 5
_SCALES = {"x": 0.05, "weights": 0.01, "logits": 0.05}


@dataclass(frozen=True)
class Files:
    """Where they lie.

    Attributes:
        tflite: float32, softmax(x @ W + b).
        int8: The same in integers, inputs and outputs too.
        onnx: As `tflite`.
        data: An .npz of `x`.
    """

    tflite: Path
    int8: Path
    onnx: Path
    data: Path


def write(folder: Path) -> Files:
    """Write all of them into a folder."""
    weights, bias = _parameters()
    random = np.random.default_rng(8)
    files = Files(*(folder / name for name in ("a.tflite", "int8.tflite", "b.onnx", "x.npz")))
    files.tflite.write_bytes(_tflite(weights, bias))
    files.int8.write_bytes(_int8(weights, bias))
    files.onnx.write_bytes(_onnx(weights, bias))
    np.savez(files.data, x=random.normal(size=(6, WIDTH)).astype(np.float32))
    return files


def scores(x: np.ndarray) -> np.ndarray:
    """What the float files must answer, by NumPy alone."""
    weights, bias = _parameters()
    powers = np.exp(x @ weights.T + bias)
    return powers / powers.sum(1, keepdims=True)


def _parameters() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    weights = random.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    return weights, random.normal(size=CLASSES).astype(np.float32)


def _tflite(weights: np.ndarray, bias: np.ndarray) -> bytes:
    return _graph(
        T("x", [1, WIDTH]),
        T("weights", weights.shape, data=weights),
        T("bias", bias.shape, data=bias),
        T("logits", [1, CLASSES]),
        T("scores", [1, CLASSES]),
    )


def _int8(weights: np.ndarray, bias: np.ndarray) -> bytes:
    steps = _SCALES["x"] * _SCALES["weights"]
    return _graph(
        T("x", [1, WIDTH], "int8", _SCALES["x"]),
        T(
            "weights",
            weights.shape,
            "int8",
            _SCALES["weights"],
            data=np.clip(np.rint(weights / _SCALES["weights"]), -127, 127),
        ),
        T("bias", bias.shape, "int32", steps, data=np.rint(bias / steps)),
        T("logits", [1, CLASSES], "int8", _SCALES["logits"]),
        T("scores", [1, CLASSES], "int8", 1 / 256, -128),
    )


def _graph(*tensors: T) -> bytes:
    dense = Op("FULLY_CONNECTED", [0, 1, 2], [3], "FullyConnectedOptions", version=4)
    softmax = Op("SOFTMAX", [3], [4], "SoftmaxOptions", {"beta": 1.0}, version=2)
    return tflite_writer.write(
        Graph(tensors, [0], [4], [dense, softmax]), signature=({"x": 0}, {"scores": 4})
    )


def _onnx(weights: np.ndarray, bias: np.ndarray) -> bytes:
    return onnx_writer.write(
        [("x", "float32", [1, WIDTH])],
        [("scores", "float32", [1, CLASSES])],
        [
            ("MatMul", ["x", "weights"], ["products"], {}),
            ("Add", ["products", "bias"], ["logits"], {}),
            ("Softmax", ["logits"], ["scores"], {}),
        ],
        constants={"weights": weights.T, "bias": bias},
    )
