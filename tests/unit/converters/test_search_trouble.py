"""What a search meets beside its work: others in its folder, files that do not run, bad labels."""

import dataclasses
import subprocess
import sys
import threading

import numpy as np
import pytest
from littoral.cli import main
from littoral.errors import FormatError, InputError
from littoral.targets import connect
from littoral.tensors import TensorSpec
from littoral_converters.calibration import read
from littoral_converters.exploration import choosing
from littoral_converters.exploration import search as search_module
from littoral_converters.exploration import workshop as workshop_module
from littoral_converters.exploration.budget import Budget, Reserve
from littoral_converters.exploration.candidates import Candidate
from littoral_converters.exploration.demands import Demands, drop_of
from littoral_converters.exploration.locking import LOCK, alone_in
from littoral_converters.exploration.proofs import Proofs, digest_of
from littoral_converters.exploration.proving import prove_all
from littoral_converters.exploration.racing import race
from littoral_converters.exploration.search import search
from littoral_converters.exploration.settings import Setting, formats_of
from littoral_converters.verification import Limits, compare
from searching import (
    KEY,
    FakeClock,
    FakeWorkshop,
    candidates,
    proved,
    steady,
    stored,
    timed,
    work,
)

# The folder


HOLD = """
import sys, time
from pathlib import Path
from littoral_converters.exploration.locking import alone_in
with alone_in(Path(sys.argv[1])):
    print("has it", flush=True)
    time.sleep(60)
"""


def test_a_folder_that_another_process_searches_in_is_refused(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"has it\n"
        message = f"another search is using {tmp_path}: wait for it, or give another"
        with pytest.raises(InputError, match=message), alone_in(tmp_path):
            pass
        other.kill()
    assert (tmp_path / LOCK).exists()
    with alone_in(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_search_asks_for_its_folder_and_leaves_no_empty_one(tmp_path):
    data = {"evaluation_data": tmp_path / "none.npz", "max_drop": 1.0}
    with pytest.raises(InputError, match="cannot read"):
        search(tmp_path / "m.keras", tmp_path / "out", **data)
    assert not (tmp_path / "out").exists()
    with alone_in(tmp_path), pytest.raises(InputError, match="another search is using"):
        search(tmp_path / "m.keras", tmp_path, **data)


@pytest.mark.parametrize("what", ["formats", "schemes", "lowerings", "threads"])
def test_a_list_of_nothing_to_try_is_refused(what, tmp_path):
    with pytest.raises(InputError, match=f"{what} is empty: name at least one, or leave it out"):
        search("m.keras", tmp_path / "out", max_drop=1.0, evaluation_data="e.npz", **{what: []})
    assert not (tmp_path / "out").exists()


def test_more_threads_than_the_target_has_cores_are_refused(tmp_path):
    cores = connect("local").environment()["cores"]
    data = {"evaluation_data": "e.npz", "max_drop": 1.0}
    with pytest.raises(InputError, match=f"threads: {cores + 1} is more than the {cores} cores of"):
        search("m.keras", tmp_path / "out", threads=[1, cores + 1], **data)


@pytest.mark.parametrize("asked", [{"threads": [1.5]}, {"max_size": 0}, {"batch": 0}])
def test_numbers_that_are_no_counts_are_refused(asked, tmp_path):
    ((what, given),) = asked.items()
    value = given[0] if isinstance(given, list) else given
    with pytest.raises(InputError, match=f"{what} is {value}: expected a whole number of at least"):
        search("m.keras", tmp_path / "out", max_drop=1.0, evaluation_data="e.npz", **asked)


def test_only_the_bytes_that_were_proved_are_given_out(tmp_path):
    proofs = Proofs(tmp_path, KEY)
    proof = proofs.put(proved(file_digest=digest_of(b"proved")))
    proofs.path(proof).write_bytes(b"proved")
    assert proofs.content(proof) == b"proved"
    proofs.path(proof).write_bytes(b"forged")
    with pytest.raises(InputError, match="was changed during the search"):
        proofs.content(proof)


def test_a_file_changed_between_two_searches_is_made_anew(tmp_path):
    file = stored(tmp_path).folder / "f.tflite"
    file.write_bytes(bytes(999) + b"x")
    assert [proof.file for proof in Proofs(tmp_path, KEY).all()] == [None]


# The race


def entrants(tmp_path, *schemes):
    proofs = Proofs(tmp_path, KEY)
    found = [proved(Candidate("tflite", scheme), file_digest="d") for scheme in schemes]
    return proofs, [
        dataclasses.replace(proof, file=f"{proof.candidate.scheme}.tflite") for proof in found
    ]


class FakeTarget:
    """A machine that does not run some files in some settings."""

    name = "board"

    def __init__(self, refuses):
        self.refuses = refuses

    def measure(self, paths, options, progress):
        settings = options.options if isinstance(options.options, list) else [options.options]
        engines = options.engine if isinstance(options.engine, list) else [options.engine]
        for path, setting in zip(paths, settings, strict=True):
            if (path.stem, dict(setting or {}).get("xnnpack")) in self.refuses:
                raise FormatError(f"{path.name}: node 42 failed\nto prepare")
        return [
            dataclasses.replace(timed(1000, steady(1000)).measurement, path=str(path))
            for path, _ in zip(paths, engines, strict=True)
        ]


OFF = Setting(options=(("xnnpack", "off"),))


PLAIN = Setting()


def raced(tmp_path, refuses, settings=(PLAIN, OFF)):
    proofs, found = entrants(tmp_path, "static_int8", "float32")
    return race(found, settings, proofs, FakeTarget(refuses), None, Budget(None), lambda _: None)


def names(entries):
    return sorted((one.proof.candidate.scheme, str(one.setting)) for one in entries)


def test_a_file_that_one_setting_cannot_run_is_timed_in_the_others(tmp_path):
    found, failures = raced(tmp_path, {("static_int8", "off")})
    assert names(found) == [("float32", ""), ("float32", "xnnpack=off"), ("static_int8", "")]
    assert names(failures) == [("static_int8", "xnnpack=off")]
    assert failures[0].reason == (
        "with xnnpack=off it does not run on board: static_int8.tflite: node 42 failed to prepare"
    )
    assert choosing.best(found) is not None


def test_a_file_that_does_not_run_at_all_leaves_the_others(tmp_path):
    found, failures = raced(tmp_path, {("static_int8", None)}, [PLAIN])
    assert names(found) == [("float32", "")]
    assert failures[0].reason.startswith("it does not run on board: ")


def test_a_search_whose_files_all_fail_has_no_best(tmp_path):
    found, failures = raced(tmp_path, {("static_int8", None), ("float32", None)})
    assert (found, len(failures)) == ([], 2)


def test_settings_in_words():
    assert str(Setting(2, "litert", (("xnnpack", "off"),))) == "litert xnnpack=off 2 threads"


# The labels


SPECS = (TensorSpec("x", (None, 2), "float32"),)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("needs_labels", [True, False])
def test_labels_that_are_no_numbers_are_refused(bad, needs_labels):
    data = {"x": np.zeros((3, 2)), "y": np.array([[0.0], [bad], [1.0]])}
    with pytest.raises(InputError, match="evaluation data: y has NaN or infinity in 1 of 3 labels"):
        read(data, SPECS, "evaluation data", needs_labels)


def test_a_model_that_says_nan_itself_passes_no_demand():
    nothing = np.full((4, 1), np.nan)
    found = compare({"y": nothing}, {"y": nothing}, np.zeros((4, 1)), Limits(None, 9.0, 100.0))
    assert drop_of(found) == float("inf")
    assert Demands(100.0).miss_of(found)


ONE_HOT = np.eye(3)[[0, 2, 1, 1]]
SCORES = np.eye(3)[[0, 2, 1, 0]] * 0.9
ANY = Limits(None, 9.0, 100.0)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_rows_with_one_1_are_classes(dtype):
    found = compare({"y": ONE_HOT}, {"y": SCORES}, ONE_HOT.astype(dtype), ANY)
    assert (found.metric, found.float_value, found.value) == ("accuracy", 1.0, 0.75)


@pytest.mark.parametrize("labels", [ONE_HOT * 2, ONE_HOT * 0, ONE_HOT + 0.5, 1 - ONE_HOT])
def test_other_rows_are_values(labels):
    assert compare({"y": ONE_HOT}, {"y": SCORES}, labels, ANY).metric == "mean_abs_error"


def test_a_single_output_has_no_rows_of_classes():
    labels = np.ones((4, 1))
    assert compare({"y": labels}, {"y": labels}, labels, ANY).metric == "mean_abs_error"


# The budget


def test_a_step_that_takes_longer_than_what_is_left_is_not_begun():
    clock = FakeClock()
    budget = Budget(30, clock)
    for seconds, place in ((8, "tflite"), (5, "tflite"), (3, "onnx")):
        with budget.step("making", place):
            clock.now += seconds
    assert budget.expected("making", "tflite") == 5
    assert budget.expected("making", "onnx") == 0
    assert budget.expected("making", "other") == 3
    assert budget.expected("comparing", "tflite") == 0
    assert not budget.is_over(ahead=13)
    assert budget.is_over(ahead=14)
    assert budget.is_over(Reserve(0.3, 20), ahead=5)


class SlowWorkshop(FakeWorkshop):
    """Takes ten seconds for every file."""

    def make(self, candidate):
        self.clock.now += 9
        return super().make(candidate)


def test_files_are_made_as_long_as_there_is_time_for_another(tmp_path):
    tried = candidates("static_int8", "dynamic_int8", "float32", "float16", "int16x8")
    clock = FakeClock()
    workshop = SlowWorkshop(dict(zip(tried, range(100, 105), strict=True)), clock)
    never = Reserve(0.0, 0.0)
    untried = prove_all(
        work(tried, workshop, Proofs(tmp_path, KEY), budget=Budget(35, clock)), (never, never)
    )
    assert [scheme for what, scheme in workshop.log if what == "make"] == [
        "static_int8",
        "dynamic_int8",
        "float32",
    ]
    assert untried == tried[3:]


def test_float_files_are_proved_before_layers_are_looked_for(tmp_path, monkeypatch):
    tried = candidates("static_int8", "float32", "float16")
    clock = FakeClock()
    workshop = FakeWorkshop(dict(zip(tried, (100, 300, 200), strict=True)), clock)
    monkeypatch.setattr(
        search_module, "mend", lambda *_: workshop.log.append(("mend", "all")) or []
    )
    budget = Budget(20, clock)
    clock.now += 6
    untried, _ = search_module._tried(work(tried, workshop, Proofs(tmp_path, KEY), budget=budget))
    assert untried == []
    before = workshop.log[: workshop.log.index(("mend", "all"))]
    assert {("prove", "float32"), ("prove", "float16")} <= set(before)


def test_no_layer_is_looked_for_while_a_float_file_is_not_proved(tmp_path, monkeypatch):
    tried = candidates("static_int8", "float32", "float16")
    clock = FakeClock()
    workshop = FakeWorkshop(dict(zip(tried, (100, 300, 200), strict=True)), clock)
    monkeypatch.setattr(search_module, "mend", None)
    budget = Budget(20, clock)
    clock.now += 30
    untried, notes = search_module._tried(
        work(tried, workshop, Proofs(tmp_path, KEY), budget=budget)
    )
    assert ([one.scheme for one in untried], notes) == (["static_int8", "float16"], [])


def test_long_work_without_steps_is_reported_again(monkeypatch):
    monkeypatch.setattr(workshop_module, "TOLD_EVERY_S", 0.01)
    told, again = [], threading.Event()

    def report(words):
        told.append(words)
        if len(told) > 2:
            again.set()

    with workshop_module._told("opening", report):
        assert again.wait(30)
    assert told[:2] == ["opening", "still opening, 0 s so far"]


# The engines


@pytest.mark.parametrize(
    ("formats", "engines", "found"),
    [
        (None, None, None),
        (["onnx"], None, ["onnx"]),
        (None, (), None),
        (None, ["litert"], ["tflite"]),
        (None, ["onnxruntime", "litert"], ["tflite", "onnx"]),
        (["tflite"], ["litert", "tflite_runtime"], ["tflite"]),
    ],
)
def test_engines_choose_the_formats_that_they_run(formats, engines, found):
    assert formats_of(formats, engines) == found


@pytest.mark.parametrize(
    ("formats", "engines", "words"),
    [
        (["tflite"], ["onnxruntime"], "engine onnxruntime runs onnx, not tflite"),
        (["tflite"], ["litert", "onnxruntime"], "engine onnxruntime runs onnx, not tflite"),
        (["tflite", "onnx"], ["litert"], "format onnx is run by none of the engines litert"),
        (None, ["steam"], "unknown engine 'steam'"),
    ],
)
def test_engines_that_do_not_go_with_the_formats_are_refused(formats, engines, words):
    with pytest.raises(InputError, match=words):
        formats_of(formats, engines)


def test_a_file_is_not_timed_again_under_the_name_of_its_engine(tmp_path):
    own, off = Setting(engine="litert"), Setting(1, "litert", (("xnnpack", "off"),))
    settings = [PLAIN, Setting(2), own, off, Setting(engine="tflite_runtime")]
    found, _ = raced(tmp_path, set(), settings)
    ways = {setting for scheme, setting in names(found) if scheme == "float32"}
    assert ways == {"", "2 threads", "litert xnnpack=off", "tflite_runtime"}


# The command


def test_after_an_interrupt_the_command_says_that_it_goes_on(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(search_module, "search", interrupted)
    argv = ["search", "m.keras", "--out", str(tmp_path), "--evaluation-data", "e.npz"]
    assert main([*argv, "--max-drop", "1"]) == 130
    assert capsys.readouterr().err == (
        "littoral: interrupted; what is proved so far is kept: the same command goes on from there"
        "\n"
    )
