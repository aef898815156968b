"""What a user does, in the order of doing it: train, convert, verify, inspect, run, bench."""

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from command_line import littoral, payload


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a briefly trained MLP, its data and all its files, and what train said."""
    folder = tmp_path_factory.mktemp("round")
    said = payload(
        "train", "mlp", "--out", folder / "mlp.keras", "--fast", "--export-data", folder / "data"
    )
    converted = payload(
        "convert", folder / "mlp.keras", "--out", folder / "build", "--schemes", "all",
        "--representative-data", said["representative_data"],
        "--evaluation-data", said["evaluation_data"],
    )  # fmt: skip
    return folder, said, converted["results"]


@pytest.mark.slow
def test_every_file_keeps_what_training_reached(trained):
    _, said, results = trained
    limit = {
        **{"float32": 0.0, "float16": 0.1, "dynamic_int8": 0.5, "static_int8": 1.0},
        **{"strict_int8": 1.0, "int16x8": 0.5, "weight_int4": 1.0},
    }
    assert {r["scheme"] for r in results if r["format"] == "tflite"} == {*limit}
    assert {r["scheme"] for r in results if r["format"] == "onnx"} == {
        *limit.keys() - {"strict_int8", "int16x8"}
    }
    for result in results:
        assert result["float_accuracy"] == pytest.approx(said["accuracy"], abs=1e-6)
        assert result["drop_points"] <= limit[result["scheme"]]
        assert result["passed"]


@pytest.mark.slow
def test_the_raw_engines_count_the_same_accuracy(trained):
    """The accuracy in the results, counted again without littoral."""
    _, said, results = trained
    with np.load(said["evaluation_data"]) as data:
        x, y = data["x"].astype("float32"), data["y"]
    for result in results:
        if result["format"] == "onnx":
            session = onnxruntime.InferenceSession(result["path"])
            name = session.get_inputs()[0].name
            chosen = [session.run(None, {name: row[None]})[0].argmax() for row in x]
        else:
            interpreter = Interpreter(model_path=result["path"])
            interpreter.allocate_tensors()
            (i,), (o,) = interpreter.get_input_details(), interpreter.get_output_details()
            chosen = []
            for row in _quantized(x, i):
                interpreter.set_tensor(i["index"], row[None])
                interpreter.invoke()
                chosen.append(interpreter.get_tensor(o["index"]).argmax())
        assert np.mean(np.array(chosen) == y) == pytest.approx(result["accuracy"], abs=1e-9)


def _quantized(x, detail):
    """Samples in the dtype of an input, by the formula of TFLite's quantization."""
    if detail["dtype"] is np.float32:
        return x
    scale, zero_point = detail["quantization"]
    ends = np.iinfo(detail["dtype"])
    return np.clip(np.rint(x / scale) + zero_point, ends.min, ends.max).astype(detail["dtype"])


@pytest.mark.slow
def test_the_other_verbs_take_the_files(trained):
    folder, said, results = trained
    path = next(r["path"] for r in results if r["scheme"] == "static_int8")
    found = payload("verify", folder / "mlp.keras", path, "--data", said["evaluation_data"])
    assert found["passed"]
    assert found["value"] == pytest.approx(results[-1]["float_accuracy"], abs=0.01)
    assert payload("inspect", path)["card"]["scheme"] == "static_int8"
    run = littoral("run", path, said["evaluation_data"])
    assert run.returncode == 0
    measured = payload("bench", path, "--duration", "0.2", "--cold-starts", "1")["measurements"][0]
    assert measured["latency_p50_us_low"] <= measured["latency_p50_us"]
    assert measured["latency_p50_us"] <= measured["latency_p50_us_high"]


@pytest.mark.slow
def test_verify_ends_with_1_on_a_file_of_another_model(trained, tmp_path):
    folder, _, results = trained
    other = payload("train", "mlp", "--out", tmp_path / "other.keras", "--fast", "--seed", "7")
    done = littoral("verify", other["path"], results[0]["path"])
    assert done.returncode == 1
    assert "DISAGREES" in done.stdout
    assert folder.exists()
