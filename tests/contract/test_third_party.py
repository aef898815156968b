"""Model files that other people's packages ship, against the raw engines and what is shipped.

Nobody wrote these files with littoral in mind: metadata with packed labels, sparse and half
precision weights, state inside and outside, open sizes, custom operators, sequences of maps.
"""

import itertools
from pathlib import Path

import littoral
import numpy as np
import onnx
import onnxruntime
import packages
import pytest
import tflite_micro
from ai_edge_litert.interpreter import Interpreter
from onnx import numpy_helper

pytestmark = pytest.mark.slow

BASIC_PITCH = "basic-pitch==0.4.0"
MEDIAPIPE = "mediapipe==0.10.21"
OCR = "rapidocr-onnxruntime==1.4.4"
SILERO = "silero-vad==6.2.3"
WAKE_WORD = "pymicro-wakeword==2.5.0"
LICENCES = {
    BASIC_PITCH: "Apache",
    MEDIAPIPE: "Apache",
    OCR: "Apache",
    SILERO: "MIT",
    WAKE_WORD: "Apache",
}
ONNXRUNTIMES = Path(onnxruntime.__file__).parent / "datasets"

# Sizes for axes that the file leaves open, in order; scalars by name.
FILES = [
    (BASIC_PITCH, "nmp.tflite", (2,)),
    (BASIC_PITCH, "nmp.onnx", (2,)),
    (MEDIAPIPE, "face_detection_full_range_sparse.tflite", ()),
    (MEDIAPIPE, "face_detection_short_range.tflite", ()),
    (MEDIAPIPE, "face_landmark.tflite", ()),
    (MEDIAPIPE, "hand_landmark_lite.tflite", ()),
    (MEDIAPIPE, "selfie_segmentation.tflite", ()),
    (OCR, "ch_ppocr_mobile_v2.0_cls_infer.onnx", (3, 48, 192)),
    (SILERO, "silero_vad.onnx", (1, 512, 1)),
    (SILERO, "silero_vad_16k_sequence.onnx", (4,)),
    (WAKE_WORD, "okay_nabu.tflite", ()),
    (WAKE_WORD, "hey_jarvis.tflite", ()),
]


def find(requirement, name):
    (path,) = packages.models(requirement).rglob(name)
    return path


def feeds(model, sizes, seed=0):
    """Values by input name, of the file's own dtypes."""
    random, left = np.random.default_rng(seed), iter(sizes)
    found = {}
    for spec in model.inputs:
        shape = [next(left) if size is None else size for size in spec.shape]
        if spec.name == "sr":
            found[spec.name] = np.array(16000, spec.dtype)
        elif np.dtype(spec.dtype).kind == "f":
            found[spec.name] = random.uniform(0, 1, shape).astype(spec.dtype)
        else:
            found[spec.name] = random.integers(-90, 90, shape).astype(spec.dtype)
    return found


def raw_tflite(content, arrays):
    """Outputs in the graph's order, of a new interpreter."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    details = interpreter.get_input_details()
    for detail, array in zip(details, arrays, strict=True):
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(details, arrays, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def raw_onnx(content, values):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, values)


def listed(result):
    return list(result.values()) if isinstance(result, dict) else [result]


@pytest.mark.parametrize("requirement", LICENCES)
def test_the_package_says_under_which_licence_it_is(requirement):
    folder = packages.models(requirement)
    texts = [p.read_text() for p in folder.rglob("*") if p.name.startswith(("LICENSE", "METADATA"))]
    assert any(LICENCES[requirement] in text for text in texts)


@pytest.mark.parametrize(("requirement", "name", "sizes"), FILES, ids=[f[1] for f in FILES])
def test_a_file_computes_what_the_raw_engine_computes(requirement, name, sizes, capfd):
    path = find(requirement, name)
    content = path.read_bytes()
    with littoral.load(path) as model:
        for seed in range(3):
            values = feeds(model, sizes, seed)
            if model.format == "tflite":
                wanted = raw_tflite(content, list(values.values()))
            else:
                wanted = raw_onnx(content, values)
            results = listed(model.run_raw(values))
            assert len(results) == len(wanted) == len(model.outputs)
            for spec, got, want in zip(model.outputs, results, wanted, strict=True):
                assert got.dtype == spec.dtype
                np.testing.assert_array_equal(got, want, err_msg=f"{spec.name}, seed {seed}")
    written = [line for line in capfd.readouterr().err.splitlines() if "littoral" in line]
    assert not written


def test_the_same_network_in_both_formats_hears_the_same():
    by_format = {}
    for name in ("nmp.tflite", "nmp.onnx"):
        with littoral.load(find(BASIC_PITCH, name)) as model:
            (sound,) = feeds(model, (1,)).values()
            results = listed(model.run(sound[0]))
            by_format[name] = sorted((r.shape, r.mean(), r) for r in results)
    for (_, _, one), (_, _, other) in zip(*by_format.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "output", "labels"),
    [
        ("selfie_segmentation.tflite", "activation_10", ("selfie",)),
        ("palm_detection_full.tflite", "Identity_1", ("palm",)),
        # Its metadata puts these labels to an output of 63 values: they fit none.
        ("hand_landmark_full.tflite", None, ()),
    ],
)
def test_labels_that_are_packed_behind_the_model_come_out(name, output, labels):
    with littoral.load(find(MEDIAPIPE, name)) as model:
        found = {each.name: each.labels for each in model.card.outputs if each.labels}
        assert found == ({output: labels} if output else {})
        (tensor,) = model.card.inputs
        (step,) = tensor.preprocessing
    assert (step["step"], step["channels"], set(step["std"])) == ("image", 3, {255.0})


def test_an_operator_that_only_its_own_program_has_is_named():
    with pytest.raises(littoral.FormatError, match="the custom operator Landmarks2Transform") as no:
        littoral.load(find(MEDIAPIPE, "face_landmark_with_attention.tflite"))
    assert "\n" not in str(no.value)


def test_a_state_inside_is_forgotten_between_calls_and_one_outside_is_the_callers():
    with littoral.load(find(WAKE_WORD, "okay_nabu.tflite")) as model:
        (sound,) = feeds(model, ()).values()
        once, twice = model.run_raw(sound), model.run_raw(sound)
        np.testing.assert_array_equal(once, twice)
    with littoral.load(find(SILERO, "silero_vad.onnx")) as model:
        values = feeds(model, (1, 512, 1))
        first = model.run(values)
        second = model.run({**values, "state": first["stateN"]})
        assert first["output"] != second["output"]


def test_a_classifier_that_gives_maps():
    """It takes three rows at once; seven go through in three steps, the last one filled up."""
    path = ONNXRUNTIMES / "logreg_iris.onnx"
    x = np.random.default_rng(0).uniform(0, 5, (7, 2)).astype(np.float32)
    with littoral.load(path) as model:
        assert [spec.dtype for spec in model.outputs] == ["int64", "list"]
        result, single = model.run(x), model.run(x[4])
        for start, stop in ((0, 3), (3, 6)):
            feed = {model.inputs[0].name: x[start:stop]}
            labels, maps = raw_onnx(path.read_bytes(), feed)
            assert result["probabilities"][start:stop] == maps
            np.testing.assert_array_equal(result["label"][start:stop], labels)
    assert single == {"label": result["label"][4], "probabilities": result["probabilities"][4]}
    assert len(result["probabilities"]) == 7


def test_a_file_for_microcontrollers():
    path = Path(tflite_micro.__file__).parent / "python" / "tflite_micro" / "sine_float.tflite"
    path = path if path.exists() else next(Path(tflite_micro.__file__).parent.rglob("sine_float*"))
    x = np.linspace(0, 6, 20, dtype=np.float32)[:, None]
    with littoral.load(path) as model:
        np.testing.assert_allclose(model.run(x), np.sin(x), atol=0.2)


ONNX_DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
CASES = sorted(ONNX_DATA.glob("simple/*/model.onnx")) + sorted(
    ONNX_DATA.glob("pytorch-*/*/model.onnx")
)


def is_refused_by_the_engine(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception:  # the library's own exceptions share no base but Exception
        return True
    return False


def read(path):
    """An array of a .pb file, whatever name its tensor has."""
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor.name, numpy_helper.to_array(tensor)


def test_the_examples_of_the_onnx_project_give_the_results_beside_them():
    assert len(CASES) > 100
    samples = 0
    for path in CASES:
        if is_refused_by_the_engine(path):
            with pytest.raises(littoral.FormatError):
                littoral.load(path)
            continue
        with littoral.load(path) as model:
            for folder in path.parent.glob("test_data_set_*"):
                inputs = [read(folder / f"input_{k}.pb")[1] for k in range(len(model.inputs))]
                wanted = [read(folder / f"output_{k}.pb")[1] for k in range(len(model.outputs))]
                results = listed(model.run_raw(inputs if len(inputs) > 1 else inputs[0]))
                for got, want in zip(results, wanted, strict=True):
                    compare(got, want, path.parent.name)
                samples += 1
    assert samples > 75


def compare(got, want, name):
    assert got.shape == want.shape, name
    if want.dtype.kind in "fc":
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5, err_msg=name)
    else:
        np.testing.assert_array_equal(got, want.astype(got.dtype), err_msg=name)


def test_there_are_files_of_both_formats():
    suffixes = list(itertools.chain((Path(name).suffix for _, name, _ in FILES), [".onnx"]))
    assert suffixes.count(".tflite") >= 6
    assert suffixes.count(".onnx") >= 4
