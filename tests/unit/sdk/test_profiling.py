"""Profiles: cuts against other parsers and engines' own inner values, times against whole calls."""

import json

import ai_edge_litert.schema_py_generated as schema
import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from littoral import cli, profiling
from littoral.errors import EngineError
from littoral.profiling import _onnx_cut, _tflite_cut
from littoral_converters import convert


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A convolution and two dense layers, of which the second has by far the most work."""
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(16, 3, activation="relu", name="look")(image)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(1024, activation="relu", name="heavy")(x)
    x = keras.layers.Dense(4, name="light")(x)
    model = keras.Model(image, keras.layers.Softmax(name="scores")(x))
    folder = tmp_path_factory.mktemp("profiled")
    return {one.format: one.path for one in convert(model, folder, schemes=("float32",))}


def test_a_cut_tflite_holds_what_another_parser_finds_there(files):
    content = files["tflite"].read_bytes()
    nodes = _tflite_cut.nodes(content)
    for count in range(len(nodes) + 1):
        model = schema.ModelT.InitFromPackedBuf(_tflite_cut.cut(content, nodes, count), 0)
        graph = model.subgraphs[0]
        assert len(graph.operators or ()) == count
        made = {int(i) for operator in graph.operators or () for i in operator.outputs}
        assert set(map(int, graph.outputs)) <= (made or set(map(int, graph.inputs)))


def test_a_cut_tflite_computes_what_the_whole_one_holds_at_that_place(files):
    content = files["tflite"].read_bytes()
    nodes = _tflite_cut.nodes(content)
    x = np.random.default_rng(0).normal(size=(1, 12, 12, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="debugging purposes"):
        whole = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
    whole.allocate_tensors()
    whole.set_tensor(whole.get_input_details()[0]["index"], x)
    whole.invoke()
    for count in range(1, len(nodes)):
        part = Interpreter(model_content=_tflite_cut.cut(content, nodes, count))
        part.allocate_tensors()
        part.set_tensor(part.get_input_details()[0]["index"], x)
        part.invoke()
        for detail in part.get_output_details():
            np.testing.assert_allclose(
                part.get_tensor(detail["index"]), whole.get_tensor(detail["index"]), atol=1e-5
            )


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    """A file of each scheme; all of them begin with operators that prepare weights."""
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 1), name="image")
    x = keras.layers.Conv2D(16, 3, activation="relu", name="look")(image)
    x = keras.layers.MaxPooling2D(name="pool")(x)
    x = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(32, 3, name="again")(x))
    model = keras.Model(image, keras.layers.Dense(4, name="scores")(x))
    return convert(
        model,
        tmp_path_factory.mktemp("quantized"),
        formats=("tflite",),
        schemes=("float16", "dynamic_int8", "static_int8"),
        representative_data=np.random.default_rng(0).normal(size=(50, 12, 12, 1)).astype("f"),
    )


@pytest.mark.slow
def test_every_cut_of_a_file_that_begins_with_weights_runs(quantized):
    for one in quantized:
        content = one.path.read_bytes()
        nodes = _tflite_cut.nodes(content)
        assert nodes[0].operator.kind == "DEQUANTIZE"
        for count in range(len(nodes) + 1):
            part = Interpreter(model_content=_tflite_cut.cut(content, nodes, count))
            part.allocate_tensors()
            part.invoke()


@pytest.mark.slow
def test_weights_that_are_prepared_at_load_take_no_time(quantized):
    found = profiling.profile(quantized[0].path, duration_s=0.2)
    by_kind = {"DEQUANTIZE": 0.0, "CONV_2D": 0.0}
    for entry in found["operators"]:
        if entry["kind"] in by_kind:
            by_kind[entry["kind"]] += entry["time_us"]
    assert by_kind["DEQUANTIZE"] < 0.2 * by_kind["CONV_2D"], by_kind


@pytest.mark.slow
def test_a_cut_that_the_engine_cannot_run_is_named(quantized, monkeypatch):
    def everything(found, inputs):
        return {index for one in found for index in one.outputs}

    monkeypatch.setattr(_tflite_cut, "_varying", everything)  # XNNPACK refuses weights alone
    with pytest.raises(EngineError, match=r"cut off after operator 1, DEQUANTIZE: .*XNNPACK"):
        profiling.profile(quantized[0].path, duration_s=0.1)


def test_a_cut_onnx_is_what_onnxs_own_extractor_cuts_out(files, tmp_path):
    content = files["onnx"].read_bytes()
    nodes = _onnx_cut.nodes(content)
    x = np.random.default_rng(0).normal(size=(1, 12, 12, 3)).astype(np.float32)
    for count in range(1, len(nodes) + 1):
        part = _onnx_cut.cut(content, nodes, count)
        assert len(onnx.load_from_string(part).graph.node) == count
        extracted = tmp_path / "extracted.onnx"
        outputs = list(nodes[count - 1].outputs)
        onnx.utils.extract_model(files["onnx"], extracted, ["image"], outputs, check_model=False)
        results = [
            onnxruntime.InferenceSession(own).run(None, {"image": x})
            for own in (part, extracted.read_bytes())
        ]
        np.testing.assert_array_equal(results[0][0], results[1][0])


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_multiplications_are_those_of_the_layers(files, format):
    found = profiling.profile(files[format], duration_s=0.2)
    assert sum(entry["macs"] for entry in found["operators"]) == (
        10 * 10 * 16 * 9 * 3 + 1600 * 1024 + 1024 * 4
    )
    assert abs(sum(entry["share"] for entry in found["operators"]) - 1) < 0.01
    assert sum(entry["operators"] for entry in found["by_kind"]) == len(found["operators"])
    assert json.loads(json.dumps(found)) == found


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_the_parts_add_up_to_a_call_and_the_heavy_layer_stands_out(files, format):
    found = profiling.profile(files[format], duration_s=2)
    most = max(found["operators"], key=lambda entry: entry["time_us"])
    assert most["macs"] == 1600 * 1024
    assert most["share"] > 0.5
    assert most["layer"].startswith("heavy")
    assert found["total_us"] == pytest.approx(found["latency_p50_us"], rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_words_of_a_table_are_looked_up_in_every_cut(format_name, tmp_path):
    words = keras.Input((20,), dtype="int32", name="words")
    x = keras.layers.Embedding(50, 32, name="table")(words)
    model = keras.Model(words, keras.layers.Dense(5, name="scores")(x[:, 0]))
    (one,) = convert(model, tmp_path, formats=(format_name,), schemes=("float32",))
    found = profiling.profile(one.path, duration_s=0.1)
    assert "GATHER" in {entry["kind"].upper() for entry in found["operators"]}


def test_xnnpacks_operators_are_told_from_the_engines_own(files):
    with_it = profiling.profile(files["tflite"], duration_s=0.1)
    without = profiling.profile(files["tflite"], duration_s=0.1, options={"xnnpack": "off"})
    assert {entry["delegated"] for entry in with_it["operators"]} == {True}
    assert {entry["delegated"] for entry in without["operators"]} == {False}


def test_the_verb_prints_a_table_and_writes_a_page_without_outside_references(
    files, tmp_path, capsys
):
    page = tmp_path / "page.html"
    command = ["profile", str(files["tflite"]), "--duration", "0.1", "--html", str(page)]
    assert cli.main(command) == 0
    table = capsys.readouterr().out
    assert "FULLY_CONNECTED" in table
    assert "roofline of one core" in table
    assert cli.main([*command, "--by", "layer", "--top", "1"]) == 0
    assert "more (--top N shows them)" in capsys.readouterr().out
    written = page.read_text()
    assert "http://" not in written.replace("http://www.w3.org", "")
    assert "Against this machine" in written


@pytest.mark.parametrize(
    ("words", "message"),
    [(["absent.tflite"], "no such file"), (["--duration", "0"], "duration")],
)
def test_bad_input_is_one_line(files, words, message, capsys):
    given = words if words[0].endswith(".tflite") else [str(files["tflite"]), *words]
    assert cli.main(["profile", *given]) == 2
    assert message in capsys.readouterr().err
