import dataclasses
import hashlib
import json

import littoral
import numpy as np
import onnx_files
import pytest
import small_models
from littoral import measuring, subjects, yardstick
from littoral.errors import FormatError, InputError
from littoral.measurement import OBSERVED, Measurement
from littoral.measuring import COLD_STARTS, measure, measure_interleaved
from littoral.statistics import interval_ranks, percentile

LATENCIES = [
    f"latency_{name}_us{end}" for name in ("p50", "p90", "p99") for end in ("", "_low", "_high")
]
KEYS = {
    *LATENCIES,
    *("cold_start_ms", "cold_start_ms_low", "cold_start_ms_high", "load_ms", "peak_memory_bytes"),
    *("size_bytes", "path", "format", "scheme", "engine", "options", "threads", "runs", "outliers"),
    *("emulated", "target", "accuracy", "scenario", "model_memory_bytes"),
    *(f"yardstick_p50_us{end}" for end in ("", "_low", "_high")),
    *OBSERVED,
}


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "dense.onnx"
    path.write_bytes(onnx_files.dense())
    return path


@pytest.fixture
def slow_and_fast(tmp_path):
    """Two files whose work differs by a factor of 8."""
    paths = tmp_path / "slow.onnx", tmp_path / "fast.onnx"
    for path, times in zip(paths, (32, 4), strict=True):
        path.write_bytes(onnx_files.squares(96, times))
    return paths


def test_the_json_form_has_exactly_the_keys_of_the_contract(dense):
    fields = measure(dense, runs=400, cold_starts=0).to_dict()
    assert set(fields) == KEYS
    assert json.loads(json.dumps(fields)) == fields


def test_the_json_form_reads_back_as_the_same_figures(dense):
    (measurement,) = measure_interleaved([dense], runs=400, cold_starts=6, yardstick=True)
    fields = json.loads(json.dumps(measurement.to_dict()))
    back = Measurement.from_dict(fields, measurement.environment)
    assert back.to_dict() == fields
    assert back.environment == measurement.environment


@pytest.mark.parametrize("fields", [{}, {"path": "x"}, {**dict.fromkeys(KEYS), "runs": "many"}])
def test_json_that_is_no_measurement_is_one_clear_error(fields):
    with pytest.raises(InputError, match="not a measurement"):
        Measurement.from_dict(fields, {})


def test_the_yardstick_does_the_same_work_every_time_and_is_timed_in_the_same_rounds(dense):
    once = yardstick.work()
    assert once() == once() == hashlib.sha256(bytes(range(256)) * 64).digest()
    ticks = iter(range(0, 10**12, 2_500))
    (measurement,) = measure_interleaved(
        [dense], runs=400, warmup=3, cold_starts=0, yardstick=True, clock=lambda: next(ticks)
    )
    assert measurement.yardstick_p50 == measurement.latency_p50
    assert measurement.runs == 400


def test_figures_are_those_of_the_timed_calls(dense):
    measurement = measure(dense, runs=500, cold_starts=0)
    samples = measurement.samples
    assert measurement.runs == len(samples) == 500
    assert samples.dtype == np.int64
    fields = measurement.to_dict()
    for name, fraction in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        low, value, high = (fields[f"latency_{name}_us{end}"] for end in ("_low", "", "_high"))
        assert value == pytest.approx(percentile(samples, fraction) / 1000)
        ordered = np.sort(samples) / 1000
        least, most = interval_ranks(500, fraction)
        assert low <= ordered[least - 1] <= value <= ordered[most - 1] <= high


def test_a_fake_clock_gives_known_figures(dense):
    ticks = iter(range(0, 10**12, 2_500))
    (measurement,) = measure_interleaved(
        [dense], runs=400, warmup=3, cold_starts=0, clock=lambda: next(ticks)
    )
    fields = measurement.to_dict()
    assert {fields[key] for key in LATENCIES} == {2.5}
    assert measurement.outliers == 0


def test_what_was_not_measured_is_none(dense):
    fields = measure(dense, runs=10, cold_starts=0).to_dict()
    unknown = ("cold_start_ms", "load_ms", "peak_memory_bytes", "scheme", "latency_p99_us_high")
    assert [fields[key] for key in unknown] == [None] * 5


def test_a_loaded_model_can_be_measured_and_stays_open(dense):
    with littoral.load(dense) as model:
        measurement = measure(model, runs=20)
        assert model.run(np.zeros((1, 4), np.float32)).shape == (1, 3)
    assert measurement.path is None
    assert measurement.cold_start is None
    assert measurement.size_bytes == dense.stat().st_size


def test_the_model_is_run_on_the_data_given(dense):
    with littoral.load(dense) as model:
        seen = []
        run = model.run
        model.run = lambda x: (seen.append(x.copy()), run(x))[1]
        data = np.arange(12, dtype=np.float32).reshape(3, 4)
        measure(model, data=data, runs=9, warmup=0)
    assert {tuple(x.ravel().tolist()) for x in seen} == {tuple(row) for row in data.tolist()}


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({"duration_s": 0.1}, measuring.SESSIONS),
        ({"runs": 1000}, measuring.SESSIONS),
        ({"runs": 50}, 1),
        ({"duration_s": 1e-6}, 1),
    ],
)
def test_a_small_file_is_loaded_several_times(dense, monkeypatch, options, times):
    loaded = []
    load = subjects.load
    monkeypatch.setattr(
        subjects, "load", lambda *a, **o: loaded.append(load(*a, **o)) or loaded[-1]
    )
    measure(dense, cold_starts=0, **options)
    assert len(loaded) == times
    with pytest.raises(littoral.EngineError, match="closed"):
        loaded[-1].run(np.zeros((1, 4), np.float32))


@pytest.mark.alone
def test_interleaved_files_are_told_apart_with_an_interval(slow_and_fast):
    slow, fast = measure_interleaved(slow_and_fast, duration_s=0.15, cold_starts=0)
    ratio = slow.ratio_to(fast)
    assert ratio.low > 2
    assert ratio.excludes(1.0)
    assert len(slow.rounds) == len(fast.rounds)
    inverse = fast.ratio_to(slow)
    assert inverse.value == pytest.approx(1 / ratio.value, rel=0.1)


def test_each_file_may_have_threads_and_an_engine_of_its_own(tmp_path):
    file = tmp_path / "one.tflite"
    file.write_bytes(small_models.ONE["tflite"])
    one, two = measure_interleaved(
        [file, file],
        threads=[1, 2],
        engine=["auto", "litert"],
        options=[{}, {"xnnpack": "off"}],
        runs=10,
        cold_starts=1,
    )
    assert (one.threads, one.engine) == (1, "litert")
    assert (two.threads, two.engine, two.options) == (2, "litert", {"xnnpack": "off"})
    assert two.to_dict()["options"] == {"xnnpack": "off"}
    assert two.cold_start is not None
    with pytest.raises(InputError, match="2 models, but threads for 1"):
        measure_interleaved([file, file], threads=[1], cold_starts=0)


def test_figures_of_an_emulator_are_refused_in_comparisons(slow_and_fast):
    slow, fast = measure_interleaved(slow_and_fast, runs=10, cold_starts=0)
    with pytest.raises(InputError, match="emulated"):
        dataclasses.replace(slow, emulated=True).ratio_to(fast)


def test_figures_of_different_rounds_are_refused_in_comparisons(dense):
    long, short = measure(dense, runs=20, cold_starts=0), measure(dense, runs=10, cold_starts=0)
    with pytest.raises(InputError, match="same rounds"):
        long.ratio_to(short)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runs": 0}, "runs must be at least 1"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"cold_starts": -1}, "cold starts must be at least 0"),
        ({"duration_s": 0}, "positive"),
        ({"duration_s": float("nan")}, "positive"),
        ({"duration_s": float("inf")}, "positive"),
        ({"runs": 5, "duration_s": 1}, "not both"),
        ({"data": np.zeros((2, 9), np.float32)}, r"\[4\]"),
        ({"engine": "abacus"}, "abacus"),
    ],
)
def test_arguments_out_of_range_are_one_clear_error(dense, options, words):
    with pytest.raises(InputError, match=words):
        measure(dense, **{"cold_starts": 0, **options})


def test_nothing_to_measure_is_an_error():
    with pytest.raises(InputError, match="nothing to measure"):
        measure_interleaved([])


def test_what_is_no_model_is_refused_before_anything_is_started(tmp_path, dense):
    text = tmp_path / "text.onnx"
    text.write_text("hello")
    told = []
    with pytest.raises(FormatError, match=r"text\.onnx"):
        measure_interleaved([dense, text], progress=told.append)
    assert told == []


@pytest.mark.alone
@pytest.mark.slow
def test_a_cold_start_is_longer_than_a_load_and_has_an_interval(dense):
    measurement = measure(dense, runs=10)
    cold, load = measurement.cold_start, measurement.load
    assert COLD_STARTS == 6
    assert load.value < cold.low <= cold.value <= cold.high < 30e9
    # Python with numpy alone takes 25 MB; a process that had imported TensorFlow would take 500.
    assert 25e6 < measurement.peak_memory_bytes < 300e6
