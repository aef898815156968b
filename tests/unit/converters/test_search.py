"""The front, the choice, and the order of proofs of a search, without a model."""

import dataclasses

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from littoral.errors import InputError
from littoral.statistics import Estimate
from littoral_converters.exploration import choosing
from littoral_converters.exploration.budget import Budget
from littoral_converters.exploration.demands import Demands
from littoral_converters.exploration.fingerprint import fingerprint
from littoral_converters.exploration.proofs import Proofs
from littoral_converters.exploration.proving import prove_all
from littoral_converters.exploration.racing import finalists
from littoral_converters.exploration.settings import Setting
from littoral_converters.mixing.layers import operators_of
from searching import KEY, FakeClock, FakeWorkshop, candidates, steady, timed, work

# The front and the choice


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12))
def test_the_front_is_what_nothing_beats(points):
    front = choosing.front(points, lambda point: point)

    def beaten(point):
        others = [q for q in points if q != point]
        return any((np.array(q) <= np.array(point)).all() for q in others)

    assert front == [point for point in points if not beaten(point)]


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


# The order of proofs, with a workshop that only counts


def test_sizes_come_first_and_the_smallest_file_is_proved_first(tmp_path):
    tried = candidates("float32", "float16", "static_int8")
    workshop = FakeWorkshop(dict(zip(tried, (400, 200, 100), strict=True)))
    proofs = Proofs(tmp_path, KEY)
    assert prove_all(work(tried, workshop, proofs, Demands(1, 300))) == []
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
    prove_all(work(tried, workshop, proofs))
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
    untried = prove_all(work(tried, workshop, proofs, budget=budget))
    assert workshop.log == [("make", "float32"), ("prove", "float32")]
    assert untried == tried[:2]


def test_a_second_search_does_only_what_is_left(tmp_path):
    tried = candidates("static_int8", "dynamic_int8")
    sizes = dict(zip(tried, (100, 200), strict=True))

    def interrupt(step):
        if "comparing tflite dynamic_int8" in step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove_all(work(tried, FakeWorkshop(sizes), Proofs(tmp_path, KEY), report=interrupt))
    again = FakeWorkshop(sizes)
    prove_all(work(tried, again, Proofs(tmp_path, KEY)))
    assert again.log == [("prove", "dynamic_int8")]
