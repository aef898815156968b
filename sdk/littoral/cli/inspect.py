"""``littoral inspect``: what a model file says about itself; no engine needed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from littoral.cli._trust import add_trust

if TYPE_CHECKING:
    from littoral.formats import Signature
    from littoral.tensors import TensorSpec

SUMMARY = "show what is in a model file: inputs, outputs, operators, card, digest"
EXAMPLES = """examples:
  littoral inspect cnn.tflite
  littoral inspect somebody_elses.onnx --json
  littoral inspect cnn.tflite --trust release.pem.pub

Reads .tflite, .onnx and .keras files from their bytes; no engine has to be installed. A file whose
bytes do not match its digest ends with exit code 1."""

_MOST_LABELS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help=".tflite, .onnx or .keras")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the file.

    Returns:
        ``file format size_bytes digest key_id trusted card inputs outputs signatures operators
        requires weights description``; `digest` is SHA-256 in hex, None for a file that never had
        one; `key_id` is who the file says signed it, `trusted` whether ``--trust`` proved it.

    Raises:
        InputError: No such file, or a folder.
        FormatError: Not a model file.
        IntegrityError: The file was changed after it was written, or nobody trusted signed it.
    """
    from dataclasses import asdict

    from littoral import formats, integrity, keys, source

    trusted = keys.read_trust(arguments.trust) if arguments.trust else ()
    name, content = source.read(arguments.file)
    with source.explained(name):
        format = formats.sniff(content)
        digest = integrity.check(content)
        key_id = integrity.check_signature(content, trusted) if trusted else None
        key_id = key_id or integrity.key_id(content)
        card = integrity.read_card(content)
        outline = formats.module(format).outline(content)
    return {
        "file": name,
        "format": format,
        "size_bytes": len(content),
        "digest": digest,
        "key_id": key_id,
        "trusted": bool(trusted),
        "card": None if card is None else asdict(card),
        "inputs": [_tensor(spec) for spec in outline.inputs],
        "outputs": [_tensor(spec) for spec in outline.outputs],
        "signatures": {name: _sides(each) for name, each in outline.signatures.items()},
        "operators": dict(outline.operators),
        "requires": dict(outline.requires),
        "weights": dict(outline.weights),
        "description": outline.description,
    }


def describe(payload: dict[str, Any]) -> str:
    """The file on a screen: identity, tensors, operators, weights, card."""
    digest = payload["digest"]
    state = "no digest" if digest is None else f"digest intact, {digest[:16]}..."
    lines = [f"{payload['file']}: {payload['format']}, {payload['size_bytes']:,} bytes, {state}"]
    if payload["key_id"]:
        proof = "trusted" if payload["trusted"] else "not checked, use --trust"
        lines.append(f"signed by  key {payload['key_id'][:16]} ({proof})")
    if payload["description"]:
        lines.append(f"made by    {payload['description']}")
    lines += _side("inputs", payload["inputs"]) + _side("outputs", payload["outputs"])
    lines += _signature_lines(payload["signatures"])
    lines += _wrapped("operators", [f"{kind} x{n}" for kind, n in payload["operators"].items()])
    lines += _wrapped("weights", [f"{d} {size:,} bytes" for d, size in payload["weights"].items()])
    lines += _wrapped("requires", [f"{key} {value}" for key, value in _needs(payload)])
    return "\n".join(lines + _card_lines(payload["card"]))


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    told: dict[str, Any] = {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}
    if spec.scale is not None:
        told |= {"scale": spec.scale, "zero_point": spec.zero_point}
    return told


def _side(title: str, tensors: list[dict[str, Any]]) -> list[str]:
    from littoral.tensors import shown

    lines = []
    for place, tensor in enumerate(tensors):
        line = f"{tensor['name']}  {tensor['dtype']} {shown(tensor['shape'])}"
        if "scale" in tensor:
            line += f"  scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
        lines.append(f"{title if place == 0 else '':10} {line}")
    return lines


def _sides(signature: Signature) -> dict[str, list[str]]:
    return {"inputs": list(signature.inputs), "outputs": list(signature.outputs)}


def _signature_lines(signatures: dict[str, Any]) -> list[str]:
    lines = []
    for place, (name, sides) in enumerate(signatures.items()):
        told = f"{name}({', '.join(sides['inputs'])}) -> {', '.join(sides['outputs'])}"
        lines.append(f"{'signatures' if place == 0 else '':10} {told}")
    return lines


def _needs(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Operator versions above 1, and everything that is no operator's version."""
    pairs = payload["requires"].items()
    return [(key, value) for key, value in pairs if value != "version 1"]


def _wrapped(title: str, items: list[str]) -> list[str]:
    import textwrap

    if not items:
        return []
    text = textwrap.wrap(", ".join(items), 88, break_long_words=False, break_on_hyphens=False)
    return [f"{title if place == 0 else '':10} {line}" for place, line in enumerate(text)]


def _card_lines(card: dict[str, Any] | None) -> list[str]:
    if card is None:
        return ["card       none"]
    facts = [card[key] for key in ("name", "family", "task", "scheme", "lowering") if card[key]]
    lines = [f"card       {', '.join(facts)}"]
    if card["float_layers"]:
        lines.append(f"{'':10} left float: {', '.join(card['float_layers'])}")
    if card["min_runtime"]:
        but = f", but not in {', '.join(card['faulty_runtimes'])}" * bool(card["faulty_runtimes"])
        lines.append(f"{'':10} runs in {card['min_runtime']} and newer{but}")
    lines += _tensor_lines(card)
    for title in ("verification", "data", "versions"):
        facts = [f"{key} {_short(value)}" for key, value in (card[title] or {}).items()]
        lines += [line.replace(title, f"  {title}", 1) for line in _wrapped(title, facts)]
    return lines


def _tensor_lines(card: dict[str, Any]) -> list[str]:
    """What goes in and what comes out."""
    lines = []
    for tensor in card["inputs"]:
        for step in tensor["preprocessing"]:
            settings = ", ".join(f"{k} {_brief(v)}" for k, v in step.items() if k != "step")
            lines.append(f"{'':10} {tensor['name']} takes {step['step']}: {settings}")
    for tensor in card["outputs"]:
        if tensor["labels"]:
            logits = " (as logits)" if tensor["activation"] == "logits" else ""
            lines.append(f"{'':10} {tensor['name']} means {_labels(tensor['labels'])}{logits}")
    return lines


def _labels(labels: tuple[str, ...]) -> str:
    listed = ", ".join(labels[:_MOST_LABELS])
    return listed if len(labels) <= _MOST_LABELS else f"{listed}, ... ({len(labels)} labels)"


def _brief(value: Any) -> str:
    """A setting; of a long list the first entries."""
    if not isinstance(value, (list, tuple)) or len(value) <= _MOST_LABELS:
        return str(value)
    return f"[{', '.join(map(str, value[:_MOST_LABELS]))}, ... ({len(value)})]"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
