"""The files that go to a board, and what they are called there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from littoral import engines, formats, plugins, source
from littoral.errors import FormatError

DATA = "data.npz"


@dataclass(frozen=True)
class Cargo:
    """Files by what they are called there: names of ours, so that no other means anything there.

    Attributes:
        models: The model files' names there, in order.
        kinds: Their formats, sorted, each once.
        paths: Everything that goes along, by its name there.
    """

    models: tuple[str, ...]
    kinds: tuple[str, ...]
    paths: dict[str, Path]

    def with_own_names(self, words: str) -> str:
        """A message from there in which the models have the names that they have here."""
        for name in self.models:
            for there in (name, name.rpartition("/")[2]):
                words = words.replace(there, self.paths[name].name)
        return words


def pack(files: Sequence[Path], data: Path | None) -> Cargo:
    """Look at files before they are sent.

    Args:
        files: Model files; weights that lie beside them go along.
        data: Samples, None for none.

    Raises:
        InputError: A file cannot be read.
        FormatError: One is no model that any engine runs, or its weights are not beside it.
    """
    known = {name for module in plugins.load_all(engines) for name in module.FORMATS}
    models, kinds = [], set()
    paths: dict[str, Path] = {}
    for index, path in enumerate(files):
        name, content = source.read(path)
        with source.explained(name):
            kind = formats.sniff(content)
            if kind not in known:
                raise FormatError(f"no engine runs {kind} files: give a .tflite or .onnx file")
            beside = _beside(kind, content, path)
        models.append(f"{index}/model-{index}.{kind}")
        kinds.add(kind)
        paths[models[-1]] = path
        paths.update({f"{index}/{place}": other for place, other in beside.items()})
    if data is not None:
        paths[DATA] = data
    return Cargo(tuple(models), tuple(sorted(kinds)), paths)


def _beside(kind: str, content: bytes, path: Path) -> dict[str, Path]:
    """Files of weights, by their place beside the model; it is made sure that they are there."""
    read = getattr(formats.module(kind), "read_external", None)
    folder = Path(source.folder(path) or "")
    found = {} if read is None else read(content, str(folder))
    return {place: folder / place for place in found}
