"""Which onnxruntime release an .onnx needs, and how to need an older one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from littoral.errors import ConversionError

from littoral_converters.trees.onnx import every_node


@dataclass(frozen=True)
class Release:
    """What one release of onnxruntime reads.

    Attributes:
        ir: Newest IR version.
        opset: Newest opset of ai.onnx.
        ml: Newest opset of ai.onnx.ml.
        operators: Operators of its own domain, com.microsoft, that it was the first to have, of
            those that littoral writes.
    """

    ir: int
    opset: int
    ml: int
    operators: tuple[str, ...] = ()


RELEASES = {
    "ort-1.15": Release(9, 18, 3, ("DynamicQuantizeLSTM",)),
    "ort-1.16": Release(9, 19, 3),
    "ort-1.17": Release(9, 20, 4, ("MatMulNBits",)),
    "ort-1.18": Release(10, 21, 5),
    "ort-1.19": Release(10, 21, 5),
    "ort-1.20": Release(10, 21, 5),
    "ort-1.21": Release(10, 22, 5),
    "ort-1.22": Release(10, 22, 5),
    "ort-1.23": Release(11, 23, 5),
    "ort-1.24": Release(13, 25, 5),
    "ort-1.25": Release(13, 26, 5),
    "ort-1.26": Release(13, 26, 5),
    "ort-1.27": Release(13, 26, 5),
    "ort-1.28": Release(13, 26, 5),
    "ort-1.29": Release(13, 26, 5),
    "ort-1.30": Release(13, 26, 5),
    "ort-1.31": Release(13, 26, 5),
    "ort-1.32": Release(13, 28, 5),
}
"""Source: measured. For every IR version and every opset a file that asks for it was opened in the
wheels onnxruntime 1.15.1, 1.16.3, 1.17.0, 1.18.0, 1.19.2, 1.20.1, 1.21.1, 1.22.1, 1.23.2, 1.24.4,
1.25.1, 1.26.0, 1.27.0, 1.28.0, 1.29.0, 1.30.0, 1.31.1 and 1.32.0, and
for each operator a file that uses it."""

RUNTIMES = tuple(RELEASES)

_OWN_DOMAIN = "com.microsoft"
_IR_OF_TYPES = {"FLOAT8": 9, "INT4": 10, "UINT4": 10, "FLOAT4": 11, "INT2": 13, "UINT2": 13}
"""IR version that brought a tensor type in, by the start of its name; every other is older."""

_OLDEST_IR = 8
"""What opset 18 came with; older ones say nothing that a file of ours needs."""


def able(content: bytes) -> list[str]:
    """The releases that load a file, oldest first.

    Args:
        content: An .onnx.
    """
    model = _parse(content)
    return [runtime for runtime in RUNTIMES if not _missing(model, runtime)]


def fit(content: bytes, runtime: str) -> bytes:
    """Write a file for an older release.

    Args:
        content: An .onnx.
        runtime: One of `RUNTIMES`.

    Returns:
        The file, its IR version no newer than its contents need.

    Raises:
        ConversionError: The release lacks an opset, operator or type; the message lists them.
    """
    model = _parse(content)
    if not _missing(model, runtime):
        return content
    model.ir_version = min(model.ir_version, _needed_ir(model))
    missing = _missing(model, runtime)
    if missing:
        needed = [*able(bytes(model.SerializeToString())), "none"][0]
        raise ConversionError(
            f"{runtime} does not have {', '.join(missing)}; take another scheme or a newer "
            f"runtime: {needed} has them"
        )
    return bytes(model.SerializeToString())


def _missing(model: Any, runtime: str) -> list[str]:
    """What a file asks for and a release does not have."""
    release = RELEASES[runtime]
    missing = []
    if model.ir_version > release.ir:
        missing.append(f"IR version {model.ir_version} (it reads up to {release.ir})")
    limits = {"": release.opset, "ai.onnx": release.opset, "ai.onnx.ml": release.ml}
    for entry in model.opset_import:
        if entry.version > limits.get(entry.domain, entry.version):
            limit = limits[entry.domain]
            missing.append(
                f"{entry.domain or 'ai.onnx'} opset {entry.version} (it reads up to {limit})"
            )
    used = {node.op_type for node in every_node(model.graph) if node.domain == _OWN_DOMAIN}
    missing.extend(f"the operator {name}" for name in sorted(used - _own_operators(runtime)))
    return missing


def _own_operators(runtime: str) -> set[str]:
    known: set[str] = set()
    for name, release in RELEASES.items():
        known.update(release.operators)
        if name == runtime:
            break
    return known


def _parse(content: bytes) -> Any:
    # Choosing a runtime by name must not cost the caller the import.
    import onnx

    return onnx.load_from_string(content)


def _needed_ir(model: Any) -> int:
    """The oldest IR version that has every type in a file."""
    from onnx import TensorProto

    types = {tensor.data_type for tensor in model.graph.initializer}
    values = (*model.graph.input, *model.graph.output, *model.graph.value_info)
    types |= {value.type.tensor_type.elem_type for value in values}
    names = [TensorProto.DataType.Name(kind) for kind in types]
    found = (ir for name in names for start, ir in _IR_OF_TYPES.items() if name.startswith(start))
    return max(found, default=_OLDEST_IR)
