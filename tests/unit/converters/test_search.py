"""The parts of a search that need no model: fronts, ties, budgets, proofs on disk, layer names."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from littoral.card import Card
from littoral.errors import ConversionError, InputError
from littoral.measurement import Measurement
from littoral.statistics import Estimate, percentile_interval
from littoral_converters.calibration import Dataset
from littoral_converters.exploration import choosing
from littoral_converters.exploration import workshop as workshop_module
from littoral_converters.exploration.budget import Budget, Reserve
from littoral_converters.exploration.candidates import Candidate, choice_of
from littoral_converters.exploration.demands import (
    Demands,
    check_drop,
    drop_of,
    parse_seconds,
    parse_size,
)
from littoral_converters.exploration.fingerprint import fingerprint
from littoral_converters.exploration.proofs import Proof, Proofs, digest_of, key_of
from littoral_converters.exploration.proving import prove_all
from littoral_converters.exploration.racing import Setting, Timed, finalists
from littoral_converters.exploration.search import npz_of
from littoral_converters.exploration.workshop import Workshop
from littoral_converters.graph import Form
from littoral_converters.layers import operators_of
from littoral_converters.prepare import Prepared, Request
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


# The front and the choice


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12))
def test_the_front_is_what_nothing_beats(points):
    front = choosing.front(points, lambda point: point)

    def beaten(point):
        others = [q for q in points if q != point]
        return any((np.array(q) <= np.array(point)).all() for q in others)

    assert front == [point for point in points if not beaten(point)]


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


def test_the_fastest_wins_however_large():
    small, fast = timed(10, steady(2000), steady(1000)), timed(99, steady(1000))
    assert choosing.best([small, fast]) is fast


def test_among_equally_fast_ones_the_smaller_wins():
    large, small = timed(99, steady(1000)), timed(10, steady(1001), steady(1000))
    assert choosing.best([large, small]) is small


def test_a_wide_interval_does_not_make_a_slow_file_equal():
    noise = [900, 2100] * 20
    slow = timed(10, [d * 1.1 for d in noise], noise)
    fast = timed(99, noise)
    assert slow.ratio.value > choosing.TIE
    assert choosing.best([slow, fast]) is fast


def test_among_equal_files_the_plainer_wins():
    usual = timed(10, steady(1000))
    plainer = [
        timed(10, steady(1000), threads=2),
        timed(10, steady(1000), lowering="fused"),
        timed(10, steady(1000), float_layers=("a",)),
    ]
    for other in plainer:
        assert choosing.best([other, usual]) is usual


def test_on_an_emulator_size_decides():
    fast, small = timed(99, steady(1000), emulated=True), timed(10, steady(9000), emulated=True)
    assert choosing.best([fast, small]) is small


def test_nothing_timed_has_no_best():
    assert choosing.best([]) is None


def test_files_that_were_not_in_the_final_do_not_win():
    outside = dataclasses.replace(timed(1, steady(10)), ratio=None)
    final = timed(99, steady(1000))
    assert choosing.best([outside, final]) is final
    assert Estimate(1.0).low is None


def test_the_final_has_the_fastest_files_and_the_fastest_of_each_format_that_is_near():
    alike = [timed(10, steady(1000 + index), lowering=str(index)) for index in range(9)]
    other = timed(10, steady(1300), format="onnx")
    slow = timed(10, steady(2000), format="onnx", scheme="float32")
    settings = [Setting(), Setting(2)]
    final = finalists([slow, other, *alike], settings, True)
    plain = [proof.candidate for proof, setting in final if setting == Setting()]
    assert plain == [one.proof.candidate for one in [*alike[:6], other]]
    assert [proof.candidate.lowering for proof, s in final if s == Setting(2)] == ["0", "1", "2"]
    assert len(finalists([slow, other, *alike], settings, False)) == 7


# Names of layers


def test_a_layer_without_operators_is_refused():
    assert operators_of(["a"], {"a": ("x", "y")}) == {"x", "y"}
    with pytest.raises(InputError, match=r"layer 'b' has no weights.*choose from a"):
        operators_of(["b"], {"a": ("x",)})


def test_files_that_differ_in_names_alone_are_the_same():
    def content(inner, weight):
        node = onnx.helper.make_node
        graph = onnx.helper.make_graph(
            [
                node("Add", ["x", f"{inner}:w"], [f"{inner}:0"], inner),
                node("Relu", [f"{inner}:0"], ["y"]),
            ],
            inner,
            [onnx.helper.make_tensor_value_info("x", 1, [1])],
            [onnx.helper.make_tensor_value_info("y", 1, [1])],
            [onnx.numpy_helper.from_array(np.array([weight], np.float32), f"{inner}:w")],
        )
        return onnx.helper.make_model(graph).SerializeToString()

    assert fingerprint("onnx", content("add__7", 1)) == fingerprint("onnx", content("add__8", 1))
    assert fingerprint("onnx", content("add__7", 1)) != fingerprint("onnx", content("add__7", 2))
    assert fingerprint("tflite", b"a") != fingerprint("tflite", b"b")


# Demands


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


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


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


KEY = {"source": "abc", "data": {"evaluation": "d"}, "versions": {}}


def stored(folder, key=KEY):
    proofs = Proofs(folder, key)
    proofs.stem, proofs.layer_classes = "cnn", ("Dense",)
    (proofs.folder / "f.tflite").write_bytes(bytes(1000))
    proofs.put(proved(file_digest=digest_of(bytes(1000))))
    proofs.put(Proof(FLOAT, problem="no kernel"))
    return proofs


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


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 99}'])
def test_a_list_that_cannot_be_read_starts_anew(tmp_path, content):
    (stored(tmp_path).folder / "proofs.json").write_text(content)
    assert Proofs(tmp_path, KEY).all() == []


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


# The order of proofs, with a workshop that only counts


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


def test_sizes_come_first_and_the_smallest_file_is_proved_first(tmp_path):
    tried = candidates("float32", "float16", "static_int8")
    workshop = FakeWorkshop(dict(zip(tried, (400, 200, 100), strict=True)))
    proofs = Proofs(tmp_path, KEY)
    assert prove_all(tried, workshop, proofs, Demands(1, 300), Budget(None), lambda _: None) == []
    assert workshop.log == [
        ("make", "float32"),
        ("make", "float16"),
        ("make", "static_int8"),
        ("prove", "static_int8"),
        ("prove", "float16"),
    ]


def test_equal_files_are_proved_once_and_what_cannot_be_made_is_said(tmp_path):
    tried = candidates("float32", "float16", "static_int8")
    workshop = FakeWorkshop(dict(zip(tried, (100, 100, None), strict=True)))
    proofs = Proofs(tmp_path, KEY)
    prove_all(tried, workshop, proofs, Demands(1), Budget(None), lambda _: None)
    assert workshop.log.count(("prove", "float32")) == 1
    assert proofs.get(tried[1]).same_as == tried[0].key
    assert proofs.get(tried[2]).problem == "no kernel"


def test_a_budget_stops_the_proofs_but_not_before_the_first(tmp_path):
    tried = candidates("static_int8", "dynamic_int8", "float32")
    clock = FakeClock()
    workshop = FakeWorkshop(dict(zip(tried, (100, 200, 300), strict=True)), clock)
    proofs = Proofs(tmp_path, KEY)
    budget = Budget(1, clock)
    clock.now += 50
    untried = prove_all(tried, workshop, proofs, Demands(1), budget, lambda _: None)
    assert workshop.log == [("make", "float32"), ("prove", "float32")]
    assert untried == tried[:2]


def test_a_second_search_does_only_what_is_left(tmp_path):
    tried = candidates("static_int8", "dynamic_int8")
    sizes = dict(zip(tried, (100, 200), strict=True))

    def interrupt(step):
        if "comparing tflite dynamic_int8" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove_all(
            tried, FakeWorkshop(sizes), Proofs(tmp_path, KEY), Demands(1), Budget(None), interrupt
        )
    again = FakeWorkshop(sizes)
    prove_all(tried, again, Proofs(tmp_path, KEY), Demands(1), Budget(None), lambda _: None)
    assert again.log == [("prove", "dynamic_int8")]


# The workshop, with a model that one format cannot express


def prepared(formats, labels=None):
    graphs = dict.fromkeys(formats)
    reference = {"y": np.zeros((1, 2))}
    return Prepared(
        "m", Card("m"), graphs, None, Dataset({"x": np.zeros((1, 1))}, labels), reference
    )


def test_a_format_that_the_model_cannot_be_traced_for_leaves_the_other(monkeypatch):
    def prepare(model, request):
        if ONNX in request.forms or request.lowering == "fused":
            raise ConversionError("layer 'odd' cannot be traced")
        return prepared(request.forms)

    monkeypatch.setattr(workshop_module, "prepare", prepare)
    monkeypatch.setattr(workshop_module, "isolated", lambda *_, doing: b"float32")
    monkeypatch.setattr(workshop_module, "quantized", lambda job, content, *_: content)
    writer = SimpleNamespace(write=None)
    monkeypatch.setattr(
        Candidate,
        "job",
        lambda self, keep=None: SimpleNamespace(writer=writer, form=Form(self.format)),
    )
    workshop = Workshop(None, Request(forms=(TFLITE, ONNX)), lambda _: None)
    assert workshop.make(FLOAT) == b"float32"
    for refused in (Candidate("onnx", "float32"), Candidate("tflite", "float32", "fused")):
        with pytest.raises(ConversionError, match="'odd' cannot be traced"):
            workshop.make(refused)


def test_a_model_that_no_format_can_express_ends_the_search(monkeypatch):
    def prepare(model, request):
        raise ConversionError("layer 'odd' cannot be traced")

    monkeypatch.setattr(workshop_module, "prepare", prepare)
    workshop = Workshop(None, Request(forms=(TFLITE, ONNX)), lambda _: None)
    with pytest.raises(ConversionError, match="'odd'"):
        workshop.opened()


def test_labels_that_do_not_fit_the_model_are_found_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(workshop_module, "prepare", lambda *_: prepared([ONNX], np.array([7])))
    with pytest.raises(InputError, match="output has 2 classes"):
        Workshop(None, Request(forms=(ONNX,)), lambda _: None).opened()


def test_samples_may_have_any_names(tmp_path):
    arrays = {"file": np.arange(6.0).reshape(2, 3), "allow_pickle": np.array([[1], [2]])}
    (tmp_path / "s.npz").write_bytes(npz_of(arrays))
    with np.load(tmp_path / "s.npz") as loaded:
        assert set(loaded.files) == set(arrays)
        for name, values in arrays.items():
            np.testing.assert_array_equal(loaded[name], values)
