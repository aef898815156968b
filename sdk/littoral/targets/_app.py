"""An Android app as a target: how a device without a Python is measured.

What is asked of the app and what its answers mean; how they travel is `_activity`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import arguments, errors
from littoral.errors import InputError, LittoralError, TargetError
from littoral.measurement import Measurement
from littoral.samples import Sample
from littoral.sidelines import shape_of
from littoral.subjects import Runner, runners_of
from littoral.targets import Options, Progress
from littoral.targets._activity import FOLDER, Activity, Errand
from littoral.targets._model_file import ALL, ModelFile, check_calls, read
from littoral.tensors import TensorSpec

_FORMATS = ("onnx", "tflite")
_EMULATORS = ("goldfish", "ranchu", "cutf_cvm", "vsoc_x86", "vsoc_x86_64", "vsoc_arm64")
"""What Android calls the hardware of its own emulators."""

_DESCRIBED = (
    *("cpu", "machine", "cores", "governor", "frequency_mhz", "temperature_celsius"),
    *("load_average", "memory_bytes", "board", "os", "kernel", "python", "numpy", "littoral"),
    "engines",
)
"""What every machine is described by, None where it does not say."""


class App:
    """An app on a device; see `littoral.targets.Target`."""

    def __init__(self, name: str, activity: Activity) -> None:
        """Take what people call the device, and the way to the app's activity."""
        self.name = name
        self._activity = activity

    def is_there(self) -> bool:
        """Whether the device has an app to measure in.

        Raises:
            TargetError: It has several, or cannot be reached.
        """
        return self._activity.find() is not None

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[Measurement, ...]:
        """Measure files interleaved, in the app; cold starts are not looked for."""
        data = options.samples
        opened = _opened(files, options)
        batches = None if data is None else [file.batches(data) for file in opened]
        fields = {
            "errand": "measure",
            "files": _entries(opened, options),
            "runs": options.runs,
            "warmup": options.warmup,
            "duration_ms": int(1e3 * options.seconds),
        }
        doing = f"timing {len(opened)} file{'s' * (len(opened) > 1)}"
        answer = self._asked(_errand(fields, opened, batches, doing), progress)[0]
        with self._understood():
            machine = _environment(answer)
            return tuple(
                self._measurement(file, figures, rounds, machine)
                for file, figures, rounds in zip(
                    opened, answer["measurements"], answer["rounds"], strict=True
                )
            )

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer to data, in the app."""
        data = options.samples
        if data is None:
            raise InputError("outputs of what? give data")
        opened = _opened(files, options)
        for file in opened:
            _numbers_only(file, file.outputs)
        batches = [file.batches(data, ALL) for file in opened]
        fields = {"errand": "outputs", "files": _entries(opened, options)}
        doing = f"running {len(opened)} file{'s' * (len(opened) > 1)}"
        content = self._asked(_errand(fields, opened, batches, doing), progress)[1]
        found: list[dict[str, list[NDArray[Any]]]] = [{} for _ in opened]
        with self._understood(), np.load(io.BytesIO(content), allow_pickle=False) as archive:
            for key in archive.files:
                index, _, name = key.split("/", 2)
                found[int(index)].setdefault(name, []).append(np.atleast_1d(archive[key]))
            return tuple(
                {name: np.concatenate(parts) for name, parts in one.items()} for one in found
            )

    def environment(self) -> dict[str, Any]:
        """The device as the app sees it now."""
        errand = _errand({"errand": "environment", "files": []}, [], None, "asking")
        answer = self._asked(errand, lambda what: None)[0]
        with self._understood():
            return _environment(answer)

    def clean(self, progress: Progress) -> None:
        """Remove everything that littoral put there, and what the app answered."""
        progress("removing what littoral put there")
        self._activity.clean()

    def close(self) -> None:
        """End what goes on; the app is stopped there."""
        self._activity.close()

    def _asked(self, errand: Errand, progress: Progress) -> tuple[dict[str, Any], bytes]:
        """The activity's answer; its errors are raised here as they were there."""
        content, archive = self._activity.ask(errand, progress)
        with self._understood():
            answer = dict(json.loads(content))
        if "error" not in answer:
            return answer, archive
        words = str(answer.get("message"))
        for digest, name in errand.names.items():
            words = words.replace(f"{FOLDER}/{digest}", name).replace(digest, name)
        kind = getattr(errors, str(answer["error"]), None)
        if not (isinstance(kind, type) and issubclass(kind, LittoralError)):
            kind = TargetError
        raise kind(f"{self.name}: {words}")

    def _measurement(
        self,
        file: ModelFile,
        figures: dict[str, Any],
        durations: list[list[int]],
        machine: dict[str, Any],
    ) -> Measurement:
        rounds = tuple(np.array(part, np.int64) for part in durations)
        own = {
            "path": str(file.path),
            "target": self.name,
            "emulated": machine.get("hardware") in _EMULATORS,
            **shape_of(rounds),
        }
        return Measurement.from_dict({**figures, **own}, machine, rounds)

    @contextlib.contextmanager
    def _understood(self) -> Iterator[None]:
        """An answer that is not what it should be comes from another littoral."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, OSError, InputError) as error:
            raise TargetError(
                f"{self.name}: the app's answer cannot be read ({error!r}): is its littoral as old "
                "or as new as this one?"
            ) from error


def _opened(files: Sequence[Path], options: Options) -> list[ModelFile]:
    """Read files, and refuse what no app can do."""
    check_calls(options, "an app")
    if options.is_strict:
        raise InputError("an app cannot tell whether its device is quiet: leave --strict out")
    if any(runner.options for runner in _runners(len(files), options)):
        raise InputError("an app's engines take no options: leave --option out")
    return [read(path, "an app", _FORMATS) for path in files]


def _runners(count: int, options: Options) -> list[Runner]:
    return runners_of(count, options.threads, options.engine, options.options)


def _entries(files: Sequence[ModelFile], options: Options) -> list[dict[str, Any]]:
    return [
        {"file": _digest(file), "engine": runner.engine, "threads": runner.threads}
        for file, runner in zip(files, _runners(len(files), options), strict=True)
    ]


def _errand(
    fields: dict[str, Any],
    files: Sequence[ModelFile],
    batches: Sequence[Sequence[Sample]] | None,
    doing: str,
) -> Errand:
    return Errand(
        fields=fields,
        models={_digest(file): file.content for file in files},
        names={_digest(file): file.path.name for file in files},
        data=None if batches is None else dict(arrays(files, batches)),
        doing=doing,
    )


def _digest(file: ModelFile) -> str:
    return hashlib.sha256(file.content).hexdigest()


def arrays(
    files: Sequence[ModelFile], batches: Sequence[Sequence[Sample]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every sample of every file by the name that the activity looks it up by.

    Args:
        files: The files.
        batches: Their samples, as `ModelFile.batches` makes them.

    Raises:
        InputError: An input takes text.
    """
    for index, (file, own) in enumerate(zip(files, batches, strict=True)):
        _numbers_only(file, file.inputs)
        for place, sample in enumerate(own):
            values = arguments.assign(sample, file.inputs)
            for spec, value in zip(file.inputs, map(np.asarray, values), strict=True):
                little = value.dtype.newbyteorder("<")
                yield f"{index}/{place}/{spec.name}", np.asarray(value, little, order="C")


def _numbers_only(file: ModelFile, specs: Sequence[TensorSpec]) -> None:
    """Refuse texts: nothing but numbers travels to an app and back."""
    for spec in specs:
        if spec.dtype == "str":
            raise InputError(
                f"{file.path}: {spec.name!r} is text, and only numbers travel to an app and back: "
                "leave the data out"
            )


def _environment(answer: dict[str, Any]) -> dict[str, Any]:
    """The device as `littoral.environment.describe` has it, with what only Android says."""
    status = answer.get("afterwards", {}).get("thermal_status")
    return {
        **dict.fromkeys(_DESCRIBED),
        **answer["environment"],
        "conditions": {"throttled": None if status is None else status > 0},
        "measured_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
