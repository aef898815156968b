"""A model file whose engine is not in Python: read here, run elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from littoral import formats, samples, source
from littoral.errors import InputError
from littoral.scenarios import Options
from littoral.tensors import TensorSpec

ALL = 1 << 31
"""As many samples as there are."""


@dataclass(frozen=True)
class ModelFile:
    """What can be known of a file without an engine.

    Attributes:
        path: Where it is.
        content: Its bytes.
        format: Its format.
        inputs: Its inputs, read from its bytes.
        outputs: Its outputs.
    """

    path: Path
    content: bytes
    format: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def batches(
        self, data: samples.Data | None, most: int = samples.MAX_SAMPLES
    ) -> tuple[samples.Sample, ...]:
        """Data as one call after the other takes it; random samples without data.

        Args:
            data: As `littoral.samples.of_data` takes it.
            most: Batches of data at most.

        Raises:
            InputError: The data does not fit.
        """
        if data is None:
            return samples.random(self.inputs)
        return samples.of_data(data, self.inputs, most=most)


def check_calls(options: Options, place: str) -> None:
    """Refuse what needs more than one call after the other, for a while.

    Args:
        options: How to measure.
        place: Where, for messages: ``"a browser"``.

    Raises:
        InputError: Another scenario, an end that depends on the interval, or a number by which
            nothing can be measured.
    """
    if options.scenario.replace("-", "_") != "single_stream":
        raise InputError(f"{place} is measured one call after the other, not {options.scenario}")
    if options.until is not None:
        raise InputError(f"{place} is measured for a duration or so many runs, not until")
    if options.runs is not None and options.duration_s is not None:
        raise InputError("give runs or a duration, not both")
    options.check()


def read(path: Path, place: str, known: Collection[str]) -> ModelFile:
    """Read a file.

    Args:
        path: The file.
        place: Where it is to run, for messages: ``"a browser"``.
        known: Formats that run there.

    Raises:
        InputError: It cannot be read, or its format does not run there.
        FormatError: It is no model.
    """
    name, content = source.read(path)
    with source.explained(name):
        format = formats.sniff(content)
        if format not in known:
            raise InputError(f"{name}: {place} runs .tflite and .onnx files")
        outline = formats.module(format).outline(content)
    return ModelFile(Path(path), content, format, outline.inputs, outline.outputs)
