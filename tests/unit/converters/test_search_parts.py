"""The parts of a search: demands, budgets, candidates, proofs on disk, samples."""

import dataclasses
import json
import types

import numpy as np
import pytest
from littoral.errors import InputError
from littoral_converters.calibration import Dataset
from littoral_converters.exploration.budget import Budget, Reserve
from littoral_converters.exploration.candidates import Candidate, choice_of
from littoral_converters.exploration.demands import (
    Demands,
    check_drop,
    check_labels,
    drop_of,
    parse_seconds,
    parse_size,
)
from littoral_converters.exploration.proofs import Proof, Proofs, key_of
from littoral_converters.exploration.samples import npz_of, written
from littoral_converters.verification import Limits, compare
from searching import FLOAT, INT8, KEY, FakeClock, proved, stored, verification

# Demands


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_labels_that_are_keras_own_answers_are_refused(noise):
    """No error but rounding: the float32 file would add hundreds of percent to that."""
    random = np.random.default_rng(0)
    keras = {"y": 40 * random.normal(size=(50, 2))}
    labels = keras["y"] * (1 + noise * random.normal(size=(50, 2)))
    limits = Limits(None, float("inf"), 100.0)
    with pytest.raises(InputError, match="y is what Keras itself answers"):
        check_labels(compare(keras, keras, labels, limits), labels)
    measured = labels + 0.01 * random.normal(size=(50, 2))
    check_labels(compare(keras, keras, measured, limits), measured)
    classes = keras["y"].argmax(1)
    check_labels(compare(keras, keras, classes, limits), classes)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("200k", 200_000),
        ("1.5M", 1_500_000),
        ("200000", 200_000),
        ("64 KB", 64_000),
        ("2G", 2 * 10**9),
    ],
)
def test_sizes(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize(
    ("text", "seconds"), [("120s", 120), ("90", 90), ("2m", 120), ("1.5h", 5400), ("10min", 600)]
)
def test_times(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "k", "-5", "0", "1e3", "nan", "200x", "1,5M", "inf"])
def test_what_is_no_size_or_time_is_refused(text):
    with pytest.raises(InputError, match="is no size"):
        parse_size(text)
    with pytest.raises(InputError, match="is no length of time"):
        parse_seconds(text)


@pytest.mark.parametrize("drop", [-0.1, 101, float("nan"), float("inf")])
def test_a_drop_that_is_no_number_of_points_is_refused(drop):
    with pytest.raises(InputError, match="--max-drop"):
        check_drop(drop)


def test_a_file_must_keep_every_limit_exactly():
    assert not Demands(0.5).miss(proved(drop=0.5))
    assert Demands(0.5).miss(proved(drop=0.6)) == (
        "it loses 0.60 points of accuracy, 0.5 are allowed"
    )
    assert "1000 bytes, 999 are allowed" in Demands(0.5, 999).miss(proved())
    assert Demands(0.5).miss(Proof(INT8, problem="no kernel")) == "no kernel"


def test_values_as_labels_allow_a_growth_of_their_error():
    truth = np.zeros((10, 1))
    found = compare({"y": truth + 1}, {"y": truth + 1.02}, truth, Limits(None, 9.0, 100.0))
    assert drop_of(found) == pytest.approx(2.0)
    assert "adds 2.00 % of its error, 1 are allowed" in Demands(1.0).miss_of(found)


# The budget


def test_a_budget_ends():
    clock = FakeClock()
    budget = Budget(20, clock)
    clock.now += 13
    assert (budget.spent, budget.left) == (13, 7)
    assert not budget.is_over(Reserve(0.3, 20))
    clock.now += 1
    assert budget.is_over(Reserve(0.3, 20))
    assert not budget.is_over(Reserve(0.3, 2))
    assert not budget.is_over()
    clock.now += 11
    assert budget.is_over()
    assert budget.left == 0


def test_without_a_budget_there_is_no_end():
    clock = FakeClock()
    budget = Budget(None, clock)
    clock.now += 1e9
    assert budget.left is None
    assert not budget.is_over()


def test_the_time_left_follows_the_pace_and_the_budget():
    clock = FakeClock()
    budget = Budget(100, clock)
    clock.now += 10
    assert budget.outlook(10, 0, 8) == ", about 90 s left"
    clock.now += 6
    assert budget.outlook(10, 3, 8) == ", about 16 s left"
    assert Budget(None, clock).outlook(0, 1, 8) == ""


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_no_time_is_refused(seconds):
    with pytest.raises(InputError, match="positive number"):
        Budget(seconds)


# Candidates


def test_candidates_start_with_the_promising_and_know_the_recurrences():
    choice = choice_of(None, None, None, True)
    plain = choice.candidates(["Dense"])
    assert plain[0] == INT8
    assert {c.lowering for c in plain} == {"auto"}
    assert Candidate("onnx", "strict_int8") not in plain
    recurrent = choice.candidates(["Dense", "GRU"])
    assert {c.lowering for c in recurrent} == {"auto", "unrolled", "loop", "fused"}
    assert recurrent[: len(plain)] == plain


def test_schemes_that_need_data_are_left_out_with_a_reason():
    choice = choice_of(None, None, None, False)
    assert "static_int8" not in choice.schemes
    assert "representative data" in choice.left_out["static_int8"]
    with pytest.raises(InputError, match="representative data"):
        choice_of(None, ["static_int8"], None, False)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((["gguf"], None, None), "unknown format 'gguf'"),
        ((None, ["int3"], None), "unknown scheme 'int3'"),
        ((None, None, ["rolled"]), "unknown lowering 'rolled'"),
        ((["onnx"], ["strict_int8"], None), "onnx cannot express the scheme strict_int8"),
    ],
)
def test_unknown_names_are_refused(names, words):
    with pytest.raises(InputError, match=words):
        choice_of(*names, True)


def test_mixed_files_of_different_layers_have_different_names():
    mixed = [dataclasses.replace(INT8, float_layers=names) for names in (("a",), ("a", "b"))]
    names = {candidate.file_name("cnn", ".tflite") for candidate in (INT8, *mixed)}
    assert len(names) == 3
    assert "cnn.static_int8.tflite" in names


# Proofs on disk


def test_proofs_come_back_as_they_were(tmp_path):
    before = stored(tmp_path)
    after = Proofs(tmp_path, KEY)
    assert after.all() == before.all()
    assert (after.stem, after.layer_classes) == ("cnn", ("Dense",))
    assert after.get(INT8).verification == verification(0.0)


@pytest.mark.parametrize("name", ["source", "data", "versions"])
def test_proofs_of_another_source_data_or_tool_are_dropped_with_their_files(tmp_path, name):
    stored(tmp_path)
    other = Proofs(tmp_path, {**KEY, name: "other"})
    assert other.all() == []
    assert other.stem is None
    assert not (other.folder / "f.tflite").exists()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_proof_whose_file_is_not_whole_is_dropped(tmp_path, damage):
    file = stored(tmp_path).folder / "f.tflite"
    file.unlink() if damage == "missing" else file.write_bytes(bytes(999))
    assert [proof.candidate for proof in Proofs(tmp_path, KEY).all()] == [FLOAT]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 99}', "[" * 100_000])
def test_a_list_that_cannot_be_read_starts_anew(tmp_path, content):
    (stored(tmp_path).folder / "proofs.json").write_text(content)
    assert Proofs(tmp_path, KEY).all() == []


@pytest.mark.parametrize(
    "change",
    [{"doubts": 5}, {"layers": None}, {"proofs": [{}]}, {"sensitivity": []}, {"stem": "../cnn"}],
)
def test_a_list_that_somebody_edited_starts_anew(tmp_path, change):
    path = stored(tmp_path).folder / "proofs.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert (Proofs(tmp_path, KEY).all(), Proofs(tmp_path, KEY).stem) == ([], None)


@pytest.mark.parametrize("left", [b"", b"junk", None])
def test_samples_that_an_earlier_search_left_damaged_are_written_anew(tmp_path, left):
    proofs = Proofs(tmp_path, KEY)
    evaluation = Dataset({"x": np.arange(6.0).reshape(3, 2)})
    workshop = types.SimpleNamespace(opened=lambda: types.SimpleNamespace(evaluation=evaluation))
    if left is not None:
        proofs.samples.write_bytes(left)
    assert np.load(written(workshop, proofs))["x"].shape == (3, 2)
    assert written(None, proofs) == proofs.samples


def test_any_byte_of_source_and_data_changes_the_key(tmp_path):
    source, x = tmp_path / "m.keras", np.zeros(3, np.float32)
    source.write_bytes(b"one")
    keys = [key_of(source, {"evaluation": {"x": x}}, {"batch": 1})]
    keys.append(key_of(source, {"evaluation": {"x": x + 1}}, {"batch": 1}))
    keys.append(key_of(source, {"evaluation": {"x": x.astype("float64")}}, {"batch": 1}))
    keys.append(key_of(source, {"evaluation": {"x": x}}, {"batch": None}))
    source.write_bytes(b"two")
    keys.append(key_of(source, {"evaluation": {"x": x}}, {"batch": 1}))
    assert len({json.dumps(key) for key in keys}) == 5
    assert key_of(source, {"evaluation": {"x": x}}, {"batch": 1}) == keys[-1]
    with pytest.raises(InputError, match="cannot read"):
        key_of(tmp_path / "none.keras", {}, {})


def test_samples_may_have_any_names(tmp_path):
    arrays = {"file": np.arange(6.0).reshape(2, 3), "allow_pickle": np.array([[1], [2]])}
    (tmp_path / "s.npz").write_bytes(npz_of(arrays))
    with np.load(tmp_path / "s.npz") as loaded:
        assert set(loaded.files) == set(arrays)
        for name, values in arrays.items():
            np.testing.assert_array_equal(loaded[name], values)
