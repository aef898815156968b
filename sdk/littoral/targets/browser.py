"""A browser on this machine: onnxruntime-web for .onnx, LiteRT.js for .tflite, in WebAssembly.

``browser://`` takes the first browser of Chromium's family that is installed, ``browser://NAME`` or
``browser:///path/to/browser`` a certain one. It runs without a window and with a profile of its own
that is removed afterwards. Times are those of calls in the page: typed arrays in, typed arrays out.
"""

from __future__ import annotations

import base64
import contextlib
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from littoral import arguments, samples
from littoral.clock import Rounds
from littoral.environment import describe, is_emulated
from littoral.errors import InputError, TargetError
from littoral.integrity import read_card
from littoral.measurement import Measurement
from littoral.scenarios import Options
from littoral.sidelines import shape_of
from littoral.statistics import outliers, percentile_interval
from littoral.subjects import runners_of
from littoral.targets import USUAL, Progress, Settings, _web_packages
from littoral.targets._browser_process import ended, start, stop, version
from littoral.targets._model_file import ALL, ModelFile, check_calls, read
from littoral.targets._web_server import WebServer
from littoral.tensors import TensorSpec, dequantize, quantize

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge", "msedge")
_START_S = 60.0
_LOOK_S = 0.5
_SWITCHES = {"on": True, "off": False, True: True, False: False}


class Browser:
    """A browser that measures model files; see `littoral.targets.Target`."""

    def __init__(self, name: str, program: str, settings: Settings) -> None:
        """Take the browser's program; it is started when it is first used."""
        self.name = name
        self._program = program
        self._settings = settings

    def measure(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[Measurement, ...]:
        """Measure files, those of one format in turn."""
        check_calls(options, "a browser")
        opened = [_open(path) for path in files]
        measured: dict[int, Measurement] = {}
        for format in dict.fromkeys(file.format for file in opened):
            places = [place for place, file in enumerate(opened) if file.format == format]
            own = [opened[place] for place in places]
            job = _job(format, len(files), options)
            with self._session(format, progress) as session:
                made = session.measure(own, job, options, progress)
            for place, one in zip(places, made, strict=True):
                measured[place] = one
        return tuple(measured[place] for place in range(len(files)))

    def outputs(
        self, files: Sequence[Path], options: Options, progress: Progress
    ) -> tuple[dict[str, NDArray[Any]], ...]:
        """What files answer to data, in the page."""
        if options.samples is None:
            raise InputError("outputs of what? give data")
        found = []
        for file in map(_open, files):
            job = _job(file.format, len(files), options)
            with self._session(file.format, progress) as session:
                progress(f"running {file.path.name} in the browser")
                found.append(session.outputs(file, job, options))
        return tuple(found)

    def environment(self) -> dict[str, Any]:
        """This machine, with the browser's version."""
        return {**describe(), "browser": version(self._program)}

    def clean(self, progress: Progress) -> None:
        """Remove the engines that were fetched."""
        shutil.rmtree(_web_packages.cache(), ignore_errors=True)

    def close(self) -> None:
        """Nothing stays open between two calls."""

    @contextlib.contextmanager
    def _session(self, format: str, progress: Progress) -> Iterator[_Session]:
        packages = _web_packages.OF_FORMAT[format]
        progress(f"fetching {packages[0].label} unless it is there")
        folders = {package.folder: _web_packages.find(package) for package in packages}
        with ExitStack() as stack:
            server = stack.enter_context(WebServer(folders))
            profile = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="littoral-browser-", ignore_cleanup_errors=True)
            )
            process = start(self._program, server.address, Path(profile))
            stack.callback(stop, process)
            session = _Session(self, server, process, packages[0].label, self._settings.timeout_s)
            session.greet(self._program)
            yield session


class _Session:
    """A page that is open, and what it is asked."""

    def __init__(
        self,
        browser: Browser,
        server: WebServer,
        process: subprocess.Popen[bytes],
        engine: str,
        timeout_s: float,
    ) -> None:
        self._browser = browser
        self._server = server
        self._process = process
        self._engine = engine
        self._timeout_s = timeout_s
        self._asked = 0
        self._environment: dict[str, Any] = {}

    def greet(self, program: str) -> None:
        """Wait for the page, and keep what it says of its browser."""
        told = self._ask({"do": "hello"}, _START_S)
        self._environment = {**describe(), "browser": version(program), **told}

    def measure(
        self, files: list[ModelFile], job: dict[str, Any], options: Options, progress: Progress
    ) -> list[Measurement]:
        """Cold starts first, each in a fresh page, then all files in turn."""
        colds = []
        for file in files:
            progress(f"cold start of {file.path.name} in the browser, {options.cold_starts} times")
            zeros = self._offered(file, [samples.zeros(file.inputs)])
            asked = {**job, "do": "cold", "files": [zeros]}
            colds.append([self._ask(asked) for _ in range(options.cold_starts)])
        progress(f"timing {len(files)} file{'s' * (len(files) > 1)} in the browser")
        data = options.samples
        asked = {
            **job,
            "do": "time",
            "files": [self._offered(file, file.batches(data)) for file in files],
            "runs": options.runs,
            "warmup": options.warmup,
            "duration_ms": 1e3 * options.seconds,
        }
        timed = self._ask(asked)["files"]
        return [
            self._measurement(file, cold, one, job["threads"])
            for file, cold, one in zip(files, colds, timed, strict=True)
        ]

    def outputs(self, file: ModelFile, job: dict[str, Any], options: Options) -> dict[str, Any]:
        """Every output over all samples, in real units, by the file's own names and order."""
        offered = self._offered(file, file.batches(options.samples, ALL))
        answers = self._ask({**job, "do": "outputs", "files": [offered]})["samples"]
        rows = [_in_order([_array(entry) for entry in sample], file) for sample in answers]
        return {
            spec.name: np.concatenate([_real(row[place], spec) for row in rows])
            for place, spec in enumerate(file.outputs)
        }

    def _measurement(
        self, file: ModelFile, colds: list[dict[str, Any]], timed: dict[str, Any], threads: int
    ) -> Measurement:
        rounds: Rounds = tuple(np.array(own, np.int64) for own in timed["rounds"] if own)
        durations = np.concatenate(rounds)
        firsts = [int(cold["first_result_ms"] * 1e6) for cold in colds]
        card = read_card(file.content)
        return Measurement(
            path=str(file.path),
            format=file.format,
            scheme=None if card is None else card.scheme,
            engine=self._engine,
            options={},
            threads=threads,
            latency_p50=percentile_interval(durations, 0.5),
            latency_p90=percentile_interval(durations, 0.9),
            latency_p99=percentile_interval(durations, 0.99),
            runs=len(durations),
            outliers=int(outliers(durations).sum()),
            cold_start=percentile_interval(firsts, 0.5) if firsts else None,
            load=None,
            peak_memory_bytes=None,
            size_bytes=len(file.content),
            emulated=is_emulated(),
            environment=self._environment,
            rounds=rounds,
            target=self._browser.name,
            accuracy=None if card is None else card.accuracy,
            observed={"warmup_runs": timed["warmup"], **shape_of(rounds)},
        )

    def _offered(self, file: ModelFile, batches: Sequence[samples.Sample]) -> dict[str, Any]:
        """Addresses of a file and its inputs, as a job names them."""
        key = f"{abs(hash((str(file.path), len(file.content))))}"
        offered = []
        for place, sample in enumerate(batches):
            arrays = [
                _raw(arguments.admit(value, spec, raw=False), spec)
                for value, spec in zip(
                    arguments.assign(sample, file.inputs), file.inputs, strict=True
                )
            ]
            offered.append(
                [
                    {
                        "name": spec.name,
                        "dtype": array.dtype.name,
                        "shape": list(array.shape),
                        "url": self._server.offer(f"{key}-{place}-{index}", array.tobytes()),
                    }
                    for index, (array, spec) in enumerate(zip(arrays, file.inputs, strict=True))
                ]
            )
        return {"model": self._server.offer(f"{key}.model", file.content), "samples": offered}

    def _ask(self, job: dict[str, Any], limit_s: float | None = None) -> dict[str, Any]:
        """Hand a job over and wait for its answer."""
        self._asked += 1
        self._server.ask({**job, "id": self._asked})
        deadline = time.monotonic() + (limit_s or self._timeout_s)
        while time.monotonic() < deadline:
            try:
                answer = self._server.answers.get(timeout=_LOOK_S)
            except queue.Empty:
                if self._process.poll() is not None:
                    raise TargetError(ended(self._process, job)) from None
                continue
            if answer.get("id") != self._asked:
                continue
            if "error" in answer:
                raise TargetError(f"{self._engine} refuses in the browser: {answer['error']}")
            return dict(answer["result"])
        what = "open the page" if job["do"] == "hello" else f"answer ({job['do']})"
        raise TargetError(f"the browser did not {what} within {limit_s or self._timeout_s:g} s")


def connect(address: str, settings: Settings = USUAL) -> Browser:
    """A browser.

    Args:
        address: ``browser://``, ``browser://NAME`` or ``browser:///path``.
        settings: How long it may take.

    Raises:
        TargetError: There is no such browser.
    """
    wanted = address.partition("://")[2]
    candidates = (wanted,) if wanted else BROWSERS
    program = next(filter(None, map(shutil.which, candidates)), None)
    if program is None:
        named = f"{wanted} is not" if wanted else f"none of {', '.join(BROWSERS)} is"
        raise TargetError(f"no browser: {named} installed; install chromium, or name one's path")
    return Browser(settings.name or address, program, settings)


def _open(path: Path) -> ModelFile:
    return read(path, "a browser", _web_packages.OF_FORMAT)


def _job(format: str, count: int, options: Options) -> dict[str, Any]:
    """What every job of a format says."""
    threads, simd = _ways(count, options)
    if format == "onnx" and not simd:
        label = _web_packages.OF_FORMAT[format][0].label
        raise InputError(f"option simd: {label} comes with SIMD alone")
    return {"engine": format, "threads": threads, "simd": simd}


def _ways(count: int, options: Options) -> tuple[int, bool]:
    """Threads, and whether the engine uses SIMD."""
    runners = runners_of(count, options.threads, options.engine, options.options)
    if len({(runner.threads, str(runner.options)) for runner in runners}) > 1:
        raise InputError("in a browser all files have the same threads and options")
    given = dict(runners[0].options)
    simd = _SWITCHES.get(given.pop("simd", "on"))
    if simd is None:
        raise InputError("option simd: on or off")
    if given:
        raise InputError(f"a browser's engines have no option {next(iter(given))}: only simd")
    if runners[0].engine != "auto":
        raise InputError("in a browser the format decides the engine: leave --engine out")
    return runners[0].threads, simd


def _raw(real: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """What the file takes: quanta where it holds integers for reals."""
    if spec.is_quantized:
        return quantize(real, spec)
    return np.ascontiguousarray(real, spec.dtype)


def _real(values: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    return dequantize(values, spec) if spec.is_quantized else values


def _array(entry: dict[str, Any]) -> tuple[str, NDArray[Any]]:
    content = base64.b64decode(entry["base64"])
    return entry["name"], np.frombuffer(content, entry["dtype"]).reshape(entry["shape"])


def _in_order(found: list[tuple[str, NDArray[Any]]], file: ModelFile) -> list[NDArray[Any]]:
    """In the file's order: by name where the engine uses the file's names, else as they came."""
    named = dict(found)
    if all(spec.name in named for spec in file.outputs):
        return [named[spec.name] for spec in file.outputs]
    return [array for _, array in found]
