"""What a search has proved so far, kept in its folder, so that a second one goes on from there.

``variants/`` holds the files, ``variants/proofs.json`` what is known of each. The list is written
anew after every proof, so that a search can be stopped at any time. It holds for one source, one
set of data and one set of tools: anything else starts with an empty one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from littoral import files
from littoral.engines._native import version_of
from littoral.errors import InputError

from littoral_converters import sources
from littoral_converters.calibration import Data
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.verification import Verification

FOLDER = "variants"
LIST = "proofs.json"
SAMPLES = "samples.npz"
SCHEMA = 1
TOOLS = ("littoral", "keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert")


@dataclass(frozen=True)
class Proof:
    """What is known of a candidate. Everything but the candidate may still be open.

    Attributes:
        candidate: The candidate.
        file: Name of its file in the folder of variants; None for one that could not be made or
            was only a trial.
        size_bytes: Size of the file.
        content_digest: SHA-256 of its content without the card: equal ones are the same file.
        verification: The comparison with Keras on the evaluation data.
        min_runtime: The oldest release of an engine that runs it.
        problem: Why it cannot be made; empty where it can.
        same_as: Key of the candidate that is the same file; empty for none.
        file_digest: SHA-256 of the whole file.
    """

    candidate: Candidate
    file: str | None = None
    size_bytes: int | None = None
    content_digest: str | None = None
    verification: Verification | None = None
    min_runtime: str | None = None
    problem: str = ""
    same_as: str = ""
    file_digest: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to find out before the clock."""
        return bool(self.problem or self.same_as) or self.verification is not None


class Proofs:
    """The list of proofs and its folder.

    Attributes:
        folder: Where the variants are.
        stem: What the model's files are called; None until the model has been opened.
        layer_classes: Classes of its layers; empty until then.
        doubts: What is doubtful about the data, one line each.
        layers: Layers with weights, in the model's order, of candidates whose layers were tried.
        sensitivity: The error of each of those layers alone, by candidate and layer.
    """

    def __init__(self, folder: Path, key: Mapping[str, Any]) -> None:
        """Read what an earlier search left, or start anew where its key was another."""
        self.folder = files.make_folder(folder / FOLDER)
        self._path = self.folder / LIST
        self._key = json.loads(json.dumps(key))
        self._proofs: dict[str, Proof] = {}
        self.stem: str | None = None
        self.layer_classes: tuple[str, ...] = ()
        self.doubts: tuple[str, ...] = ()
        self.layers: dict[str, tuple[str, ...]] = {}
        self.sensitivity: dict[str, dict[str, float]] = {}
        known = _read(self._path)
        if known.get("key") == self._key:
            self._take(known)
        else:
            self._discard(known)

    def get(self, candidate: Candidate) -> Proof | None:
        """What is known of a candidate; None for nothing."""
        return self._proofs.get(candidate.key)

    def put(self, proof: Proof) -> Proof:
        """Keep a proof, on disk too, and return it."""
        self._proofs[proof.candidate.key] = proof
        self.save()
        return proof

    def all(self) -> list[Proof]:
        """Every proof, in the order of finding."""
        return list(self._proofs.values())

    def twin_of(
        self, candidate: Candidate, digest: str, among: Sequence[Candidate]
    ) -> Proof | None:
        """The proof of another of these candidates whose file has the same content."""
        proofs = (self.get(other) for other in among if other != candidate)
        return next((p for p in proofs if p and p.file and p.content_digest == digest), None)

    def path(self, proof: Proof) -> Path:
        """Where a proof's file is."""
        assert proof.file is not None
        return self.folder / proof.file

    def content(self, proof: Proof) -> bytes:
        """A proof's file, as it was when the proof was put down.

        Raises:
            InputError: It is not there, or it was changed.
        """
        path = self.path(proof)
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        if digest_of(content) != proof.file_digest:
            raise InputError(f"{path} was changed during the search: run the same command again")
        return content

    @property
    def samples(self) -> Path:
        """Where the samples to time the files on are, once they are written."""
        return self.folder / SAMPLES

    def save(self) -> None:
        """Write the list."""
        payload = {
            "schema": SCHEMA,
            "key": self._key,
            "stem": self.stem,
            "layer_classes": self.layer_classes,
            "doubts": self.doubts,
            "layers": self.layers,
            "sensitivity": self.sensitivity,
            "proofs": [dataclasses.asdict(proof) for proof in self._proofs.values()],
        }
        sealed = {**payload, "digest": _seal(payload)}
        files.write_atomically(self._path, json.dumps(sealed, indent=1).encode())

    def _take(self, known: Mapping[str, Any]) -> None:
        self.stem = known["stem"]
        self.layer_classes = tuple(known["layer_classes"])
        self.doubts = tuple(known["doubts"])
        self.layers = {key: tuple(names) for key, names in known["layers"].items()}
        self.sensitivity = known["sensitivity"]
        for fields in known["proofs"]:
            proof = _proof(fields)
            if proof.file is None or self._is_whole(proof):
                self._proofs[proof.candidate.key] = proof

    def _is_whole(self, proof: Proof) -> bool:
        """Whether the file is there as it was written."""
        try:
            return bool(self.content(proof))
        except InputError:
            return False

    def _discard(self, known: Mapping[str, Any]) -> None:
        """Remove the variants of another source, data or tools: their proofs no longer hold."""
        for fields in known.get("proofs", ()):
            if fields["file"] is not None:
                (self.folder / Path(fields["file"]).name).unlink(missing_ok=True)
        self.samples.unlink(missing_ok=True)


def key_of(
    model: Any, data: Mapping[str, Data | None], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What proofs hold for.

    Args:
        model: A path, or a keras.Model.
        data: Data by role.
        settings: Anything else that changes files or proofs.

    Returns:
        Digests of the source and the data, tool versions, the settings.

    Raises:
        InputError: A file cannot be read.
    """
    return {
        "source": _digest_of_path(Path(model)) if _is_path(model) else _digest_of_model(model),
        "data": {role: _digest_of_data(value) for role, value in data.items()},
        "versions": {name: version_of(name) for name in TOOLS},
        **settings,
    }


def digest_of(content: bytes) -> str:
    """SHA-256 of a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def problem_of(error: Exception) -> str:
    """What an error says, on one line, as a proof keeps it."""
    return " ".join(str(error).split())


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike))


def _digest_of_path(path: Path) -> str:
    try:
        return sources.digest_of(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {files.reason_of(error)}") from error


def _digest_of_model(model: Any) -> str:
    found = hashlib.sha256(model.to_json().encode())
    for variable in model.variables:
        found.update(np.ascontiguousarray(variable).tobytes())
    return found.hexdigest()


def _digest_of_data(data: Data | None) -> str | None:
    if data is None:
        return None
    if isinstance(data, (str, os.PathLike)):
        return _digest_of_path(Path(data))
    arrays = data if isinstance(data, Mapping) else {"x": data}
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {values.dtype} {values.shape}\0".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """The list as it was written; empty where there is none, or one that was changed since."""
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict) or known.get("schema") != SCHEMA:
        return {}
    return known if known.pop("digest", None) == _seal(known) else {}


def _seal(payload: Mapping[str, Any]) -> str:
    """A digest that JSON gives back as it was."""
    return digest_of(json.dumps(payload).encode())


def _proof(fields: Mapping[str, Any]) -> Proof:
    entry, found = dict(fields["candidate"]), fields["verification"]
    candidate = Candidate(**{**entry, "float_layers": tuple(entry["float_layers"])})
    verification = None if found is None else Verification(**found)
    return Proof(**{**fields, "candidate": candidate, "verification": verification})
