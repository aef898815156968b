"""Two files against each other: figures against NumPy's own, the verb, its table and page."""

import json

import littoral
import numpy as np
import onnx_writer
import pytest
import small_models
from littoral import InputError, samples
from littoral.cli import call, main
from littoral.comparison import compare_files
from littoral.differences import EXACT_DB, difference, signal_to_noise
from littoral.measuring import SESSIONS
from littoral.pairing import pair_inputs, pair_outputs
from littoral.tensors import TensorSpec


@pytest.fixture
def files(tmp_path):
    """Doubles, in both formats; another .onnx that adds 0.25 to one of the three values."""
    (tmp_path / "twice.tflite").write_bytes(small_models.ONE["tflite"])
    (tmp_path / "twice.onnx").write_bytes(small_models.ONE["onnx"])
    more = np.array([[0, 0.25, 0]], "float32")
    off = onnx_writer.write(
        [("x", "float32", [1, 3])],
        [("y", "float32", [1, 3])],
        [
            ("Add", ["x", "x"], ["t"], {}),
            ("Mul", ["t", "one"], ["u"], {}),
            ("Add", ["u", "more"], ["y"], {}),
        ],
        {"more": more, "one": np.ones((1, 3), "float32")},
    )
    (tmp_path / "off.onnx").write_bytes(off)
    return tmp_path


def test_figures_of_a_known_difference():
    a = np.array([[1.0, 2.0], [4.0, 3.0]])
    found = difference(a, a + np.array([[0.0, 0.0], [0.0, 2.0]]))
    assert (found.max_abs, found.mean_abs, found.rms) == (2.0, 0.5, 1.0)
    assert (found.relative, found.agreement, found.not_finite) == (0.5, 0.5, 0)
    assert found.snr_db == pytest.approx(10 * np.log10(30 / 4))


def test_values_that_are_not_finite_are_counted_unless_both_say_the_same():
    a = np.array([np.nan, np.inf, 1.0, 2.0])
    found = difference(a, np.array([np.nan, 0.0, np.nan, 2.0]))
    assert (found.not_finite, found.max_abs) == (2, 0.0)
    assert found.agreement == 0.5
    assert difference(a, a).agreement == 1.0


def test_a_uniform_quantizer_gives_the_ratio_of_the_textbook():
    signal = np.random.default_rng(0).uniform(-1, 1, 200_000)
    step = 2 / 255
    expected = 10 * np.log10((1 / 3) / (step**2 / 12))
    assert signal_to_noise(signal, np.rint(signal / step) * step) == pytest.approx(
        expected, abs=0.05
    )
    assert signal_to_noise(signal, signal) == EXACT_DB
    assert signal_to_noise(signal * 0, signal) == -EXACT_DB


def test_the_same_arithmetic_in_two_formats_does_not_differ(files):
    found = compare_files(files / "twice.tflite", files / "twice.onnx", is_timed=False)
    assert (found.max_difference, found.agreement, found.samples) == (0.0, 1.0, 32)
    assert found.to_dict()["operators_only_in_a"] == []
    assert found.is_comparable
    assert found.is_invented


def test_a_known_difference_is_found_and_the_check_fails(files, capsys):
    data = np.array([[3, 2, 1], [0, 0, 0.5], [1, 2, 3], [8, 2, 1]], "float32")
    np.savez(files / "data.npz", x=data, y=np.array([0, 2, 2, 0]))
    words = [files / "twice.onnx", files / "off.onnx", "--data", files / "data.npz"]
    words = [str(word) for word in words]
    payload = call("compare", [*words, "--no-latency"])
    (output,) = payload["outputs"]
    assert output["max_abs"] == 0.25
    assert output["mean_abs"] == pytest.approx(0.25 / 3)
    assert output["rms"] == pytest.approx(0.25 / 3**0.5)
    assert output["snr_db"] == pytest.approx(
        10 * np.log10(np.square(2.0 * data).mean() / (0.25**2 / 3))
    )
    assert payload["a"]["accuracy"] == payload["b"]["accuracy"] == 1.0
    assert payload["operators_only_in_b"] == ["Mul"]
    np.savez(files / "data.npz", x=data, y=np.eye(3)[[0, 2, 1, 0]])
    assert call("compare", [*words, "--no-latency"])["a"]["accuracy"] == 0.75
    assert "passed" not in payload
    assert main(["compare", *words, "--no-latency", "--max-difference", "0.2"]) == 1
    assert "FAILED: the largest difference is 0.25 (limit 0.2)" in capsys.readouterr().out
    assert main(["compare", *words, "--no-latency", "--max-difference", "0.3"]) == 0
    assert main(["compare", *words, "--no-latency", "--min-agreement", "0.5"]) == 0


def test_latency_is_compared_by_pairs_and_the_page_needs_no_network(files, capsys):
    page = files / "new" / "page.html"
    words = [files / "twice.onnx", files / "off.onnx", "--runs", "300", "--html", page]
    assert main(["compare", *map(str, words), "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    latency = payload["latency"]
    assert latency["ratio_low"] <= latency["ratio"] <= latency["ratio_high"]
    assert [entry["runs"] for entry in payload["measurements"]] == [300, 300]
    html = page.read_text()
    assert "<svg" in html
    assert "off.onnx against twice.onnx" in html
    assert "http://" not in html
    assert "https://" not in html


def test_each_file_is_timed_in_as_many_sessions_as_bench_loads(files):
    found = compare_files(files / "twice.onnx", files / "off.onnx", runs=300)
    assert [one.sessions for one in found.measurements] == [SESSIONS, SESSIONS]
    few = compare_files(files / "twice.onnx", files / "off.onnx", runs=20)
    assert [one.sessions for one in few.measurements] == [1, 1]


def test_inputs_are_matched_by_name_whatever_their_order(files):
    turned = onnx_writer.write(
        [("a", "float32", [1, 2]), ("b", "float32", [1, 2])],
        [("sum", "float32", [1, 2]), ("difference", "float32", [1, 2])],
        [("Add", ["a", "b"], ["sum"], {}), ("Sub", ["a", "b"], ["difference"], {})],
    )
    (files / "several.tflite").write_bytes(small_models.SEVERAL["tflite"])
    (files / "turned.onnx").write_bytes(turned)
    found = compare_files(files / "several.tflite", files / "turned.onnx", runs=20)
    assert {pair.a for pair in found.outputs} == {"sum", "difference"}
    assert found.max_difference == 0.0
    assert len(found.measurements) == 2


def test_inputs_that_no_name_pairs_are_told(files, capsys):
    (files / "several.onnx").write_bytes(small_models.SEVERAL["onnx"])
    renamed = onnx_writer.write(
        [("left", "float32", [1, 2]), ("right", "float32", [1, 2])],
        [("sum", "float32", [1, 2]), ("difference", "float32", [1, 2])],
        [("Add", ["left", "right"], ["sum"], {}), ("Sub", ["left", "right"], ["difference"], {})],
    )
    (files / "renamed.onnx").write_bytes(renamed)
    names = [str(files / name) for name in ("several.onnx", "renamed.onnx")]
    assert main(["compare", *names, "--no-latency"]) == 0
    first, second = (spec.name for spec in littoral.load(names[0]).inputs)
    assert capsys.readouterr().out.splitlines()[-1] == (
        "inputs that are called differently were paired by shape and order: "
        f"{first} of A with left of B, {second} of A with right of B"
    )
    assert main(["compare", names[0], names[0], "--no-latency"]) == 0
    assert "paired" not in capsys.readouterr().out


def test_inputs_of_other_names_are_matched_by_shape():
    a = [TensorSpec("p", (1, 2), "float32"), TensorSpec("q", (1, 3), "int64")]
    b = [TensorSpec("v", (None, 3), "int32"), TensorSpec("w", (4, 2), "int8", 0.1, 0)]
    assert pair_inputs(a, b, ("A", "B")) == (1, 0)


@pytest.mark.parametrize(
    ("a", "b", "partners"),
    [
        (["p", "q"], ["q", "p"], ["p", "q"]),
        (["p", "q"], ["u", "v"], ["u", "v"]),
        (["p", "q"], ["output_1", "output_0"], ["output_0", "output_1"]),
        (["p", "q"], ["Identity:1", "Identity:0"], ["Identity:0", "Identity:1"]),
        (["p", "q"], ["output_2", "output_1"], ["output_2", "output_1"]),
        (["p", "q"], ["head_1", "tail_0"], ["head_1", "tail_0"]),
        (["p", "q", "r"], ["b1", "q", "b0"], ["b0", "q", "b1"]),
        (["p", "q"], ["output_0"], []),
    ],
)
def test_outputs_are_paired_by_name_then_number_then_order(a, b, partners):
    assert pair_outputs(a, b) == list(zip(a, partners, strict=False))


@pytest.mark.parametrize("turned", [False, True])
def test_integers_of_scale_1_are_compared_with_plain_ones(turned):
    """A picture of uint8 goes into both; what is invented for one has to be whole for the other."""
    pair = (TensorSpec("p", (1, 2), "uint8", 1.0, 0), TensorSpec("p", (1, 2), "uint8"))
    a, b = pair[::-1] if turned else pair
    assert pair_inputs([a], [b], ("A", "B")) == (0,)
    invented = np.concatenate(samples.random([a], 32))
    assert np.array_equal(invented, invented.astype("uint8"))
    assert len(np.unique(invented)) > 1
    half = TensorSpec("p", (1, 2), "uint8", 0.5, 0)
    with pytest.raises(InputError, match="cannot be compared"):
        pair_inputs([half], [pair[1]], ("A", "B"))


def test_files_that_take_other_inputs_are_refused_in_one_line(files, capsys):
    (files / "wide.onnx").write_bytes(small_models.FOUR["onnx"])
    assert main(["compare", str(files / "twice.onnx"), str(files / "wide.onnx")]) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    assert "the first takes x float32 [1, 3], the second x float32 [4, 2]" in line
    with pytest.raises(InputError, match="share from 0 to 1, not 99"):
        call("compare", ["a", "b", "--min-agreement", "99"])
    with pytest.raises(InputError, match="--runs is for timing, and --no-latency leaves it out"):
        call("compare", ["a", "b", "--runs", "99", "--no-latency"])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 1, 2], "y has 3 labels for 4 samples"),
        ([0, 1, 2, 0, 1], "y has 5 labels for 4 samples"),
        ([0, 1, 2, 3], "y has labels from 0 to 3, but the model's output has 3 classes"),
        ([-1, 1, 2, 0], "y has labels from -1 to 2, but the model's output has 3 classes"),
        (1, "y has 1 labels for 4 samples"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_one_line(files, capsys, labels, words):
    np.savez(files / "data.npz", x=np.ones((4, 3), "float32"), y=np.array(labels))
    names = [str(files / name) for name in ("twice.onnx", "off.onnx", "data.npz")]
    assert main(["compare", *names[:2], "--data", names[2], "--no-latency"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"littoral: {words}"


@pytest.mark.parametrize(
    "labels", [["a", "b", "c", "a"], [0.5, 1, 2, 0], [np.nan] * 4, np.ones((4, 2), "int64")]
)
def test_labels_that_are_no_classes_are_told(files, capsys, labels):
    labels = np.array(labels)
    np.savez(files / "data.npz", x=np.ones((4, 3), "float32"), y=labels)
    names = [str(files / name) for name in ("twice.onnx", "off.onnx", "data.npz")]
    command = ["compare", *names[:2], "--data", names[2], "--no-latency"]
    assert main(command) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"y has dtype {labels.dtype} and shape {labels.shape}, no classes of")
    payload = call(*command[:1], command[1:])
    assert payload["a"]["accuracy"] is None
    assert payload["a"]["no_accuracy"] == last


def test_inputs_of_different_lengths_are_refused_in_one_line(files, capsys):
    (files / "several.onnx").write_bytes(small_models.SEVERAL["onnx"])
    np.savez(files / "data.npz", a=np.ones((4, 2), "float32"), b=np.ones((3, 2), "float32"))
    names = [str(files / "several.onnx")] * 2
    assert main(["compare", *names, "--data", str(files / "data.npz"), "--no-latency"]) == 2
    assert "number of samples: b has 3, a has 4" in capsys.readouterr().err


def test_outputs_without_a_partner_are_reported_and_fail_a_check(files, capsys):
    (files / "several.onnx").write_bytes(small_models.SEVERAL["onnx"])
    one = onnx_writer.write(
        [("a", "float32", [1, 2]), ("b", "float32", [1, 2])],
        [("sum", "float32", [1, 2])],
        [("Add", ["a", "b"], ["sum"], {})],
    )
    (files / "one.onnx").write_bytes(one)
    words = ["compare", str(files / "several.onnx"), str(files / "one.onnx"), "--no-latency"]
    assert main(words) == 0
    assert "only A has the outputs difference" in capsys.readouterr().out
    assert main([*words, "--min-agreement", "0.1"]) == 1
