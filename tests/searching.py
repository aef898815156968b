"""What the tests of the search share: proofs, figures, a clock, and a workshop that only counts."""

import dataclasses

import numpy as np
from littoral.errors import ConversionError
from littoral.measurement import Measurement
from littoral.statistics import percentile_interval
from littoral_converters.exploration.budget import Budget
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.demands import Demands
from littoral_converters.exploration.proofs import Proof, Proofs, digest_of
from littoral_converters.exploration.racing import Timed
from littoral_converters.exploration.settings import Setting
from littoral_converters.exploration.work import Work
from littoral_converters.graphs import Form
from littoral_converters.verification import Limits, compare

FLOAT = Candidate("tflite", "float32")
INT8 = Candidate("tflite", "static_int8")
TFLITE, ONNX = Form("tflite"), Form("onnx")


def verification(drop_points, samples=1000):
    """A real comparison that loses so many points."""
    labels = np.zeros(samples, int)
    keras = np.tile([1.0, 0.0], (samples, 1))
    file = keras.copy()
    wrong = round(samples * drop_points / 100)
    file[:wrong] = [0.0, 1.0]
    return compare({"y": keras}, {"y": file}, labels, Limits(None, 9.0, 100.0))


def proved(candidate=INT8, size=1000, drop=0.0, **more):
    return Proof(candidate, "f.tflite", size, "d", verification(drop), **more)


def timed(size, durations_ns, fastest_ns=None, *, threads=1, emulated=False, **changes):
    rounds = tuple(np.array([d, d, d]) for d in durations_ns)
    everything = np.concatenate(rounds)
    p50 = percentile_interval(everything, 0.5)
    measurement = Measurement(
        path="f",
        format="tflite",
        scheme=None,
        engine="litert",
        threads=threads,
        latency_p50=p50,
        latency_p90=p50,
        latency_p99=p50,
        runs=len(everything),
        outliers=0,
        cold_start=None,
        load=None,
        peak_memory_bytes=None,
        size_bytes=size,
        emulated=emulated,
        environment={},
        rounds=rounds,
    )
    base = tuple(np.array([d]) for d in fastest_ns or durations_ns)
    other = dataclasses.replace(measurement, rounds=base)
    candidate = dataclasses.replace(INT8, **changes)
    return Timed(
        proved(candidate, size),
        Setting(threads),
        measurement,
        None if emulated else measurement.ratio_to(other),
    )


def steady(nanoseconds):
    return [nanoseconds + (index % 5) - 2 for index in range(40)]


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


KEY = {"source": "abc", "data": {"evaluation": "d"}, "versions": {}}


def stored(folder, key=KEY):
    proofs = Proofs(folder, key)
    proofs.stem, proofs.layer_classes = "cnn", ("Dense",)
    (proofs.folder / "f.tflite").write_bytes(bytes(1000))
    proofs.put(proved(file_digest=digest_of(bytes(1000))))
    proofs.put(Proof(FLOAT, problem="no kernel"))
    return proofs


class FakeWorkshop:
    stem = "cnn"

    def __init__(self, sizes, clock=None):
        self.sizes, self.clock, self.log = sizes, clock, []

    def opened(self, lowering="auto"):
        return None

    def twin_lowering(self, candidate, lowerings):
        return None

    def make(self, candidate):
        self._log("make", candidate)
        if self.sizes[candidate] is None:
            raise ConversionError("no kernel")
        return bytes(self.sizes[candidate])

    def fingerprint(self, candidate, content):
        return f"{len(content)}"

    def finish(self, candidate, content, verification):
        return content, None

    def prove(self, candidate, content):
        self._log("prove", candidate)
        return verification(0.0)

    def _log(self, what, candidate):
        self.log.append((what, candidate.scheme))
        if self.clock is not None:
            self.clock.now += 1


def candidates(*schemes):
    return [Candidate("tflite", scheme) for scheme in schemes]


def work(tried, workshop, proofs, demands=None, budget=None, report=lambda step: None):
    """A search under way that only has to lose no accuracy, and has all the time there is."""
    return Work(tried, workshop, proofs, demands or Demands(1), budget or Budget(None), report)
