"""Files for older runtimes, run in those runtimes, and what the tables say of them."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import littoral
import numpy as np
import onnx
import packages
import pytest
import tflite_writer
from converted import feeds, randomize
from keras import layers
from littoral import cli
from littoral.cli import inspect
from littoral.errors import ConversionError, InputError
from littoral.tensors import quantize
from littoral_converters import convert, runtimes
from littoral_converters.runtimes import onnx as onnx_runtimes
from littoral_converters.runtimes import tflite as tflite_runtimes
from operation_models import model_of
from tflite_writer import Graph, Op, T
from wide_operations import WIDE

# tflite-runtime has no wheels for Python 3.12 and newer.
OLDEST = [("tflite", "tflite-2.14", "tflite-runtime==2.14.0")] if sys.version_info < (3, 12) else []
OLD = [
    *OLDEST,
    ("tflite", "litert-1.0", "ai-edge-litert==1.0.1"),
    ("onnx", "ort-1.17", "onnxruntime==1.17.3"),
]
SCHEMES = {
    "tflite-2.14": (
        "float32",
        "float16",
        "dynamic_int8",
        "static_int8",
        "strict_int8",
        "int16x8",
        "weight_int4",
    ),
    "litert-1.0": ("dynamic_int8", "weight_int4"),
    "ort-1.17": ("float32", "float16", "dynamic_int8", "static_int8", "weight_int4"),
}
LEFT_OUT = {
    # GELU on int16 and int4 weights came with later releases.
    "tflite-2.14": {"tflite int16x8", "tflite weight_int4"},
    "litert-1.0": set(),
    "ort-1.17": set(),
}


def network():
    """Convolutions, products with and without quantized inputs, an activation with versions."""
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, activation="relu")(x)
    x = layers.Dense(24, activation="gelu")(layers.Flatten()(layers.MaxPooling2D(2)(x)))
    return randomize(keras.Model(image, layers.Dense(5, name="scores")(x), name="net"), scale=0.2)


@pytest.fixture(scope="session")
def run_in():
    """Run a folder of files in an old engine."""

    def run(requirement, folder):
        path = os.pathsep.join(str(packages.installed(name)) for name in (requirement, "numpy<2"))
        script = Path(__file__).with_name("old_runtime.py")
        subprocess.run(
            [sys.executable, script, folder],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("format_name", "runtime", "requirement"), OLD)
def test_a_file_for_an_old_runtime_runs_in_it(format_name, runtime, requirement, run_in, tmp_path):
    model = network()
    data = feeds(model, 1, seed=3)
    left_out = {}
    variants = convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=SCHEMES[runtime],
        representative_data=feeds(model, 32, seed=2),
        min_runtime=runtime,
        left_out=left_out.__setitem__,
        recommend=False,
    )
    wanted = {}
    for variant in variants:
        with littoral.load(variant.path) as loaded:
            (spec,) = loaded.inputs
            given = quantize(data["image"], spec) if spec.is_quantized else data["image"]
            wanted[variant.scheme] = loaded.run_raw(given)
            assert loaded.card.min_runtime == variant.min_runtime
        np.savez(variant.path.with_suffix(".npz"), image=given)
    run_in(requirement, tmp_path)
    assert not [path.read_text() for path in tmp_path.glob("*.error")]
    assert set(left_out) == LEFT_OUT[runtime]
    for variant in variants:
        got = np.load(variant.path.with_suffix(".out.npy"))
        # Two quanta: 2% is just so many where the largest value is 100 of them, rounding aside.
        reach = 2 if got.dtype == np.int8 else 0.0201 * np.abs(wanted[variant.scheme]).max()
        assert np.abs(got.astype(float) - wanted[variant.scheme]).max() <= reach, variant.scheme


@pytest.mark.slow
def test_what_the_table_refuses_does_not_load(run_in, tmp_path):
    """The other way round: a file that asks for more than a release has is refused by it."""
    model = network()
    (variant,) = convert(model, tmp_path, formats=("onnx",), schemes=("float32",))
    newer = onnx.load(variant.path)
    newer.opset_import[0].version = 21
    onnx.save(newer, variant.path)
    np.savez(variant.path.with_suffix(".npz"), **feeds(model, 1, seed=3))
    run_in("onnxruntime==1.17.3", tmp_path)
    assert "opset" in variant.path.with_suffix(".error").read_text()
    assert onnx_runtimes.able(variant.path.read_bytes())[0] == "ort-1.18"


@pytest.fixture(scope="module")
def products(tmp_path_factory):
    """A product with one scale per output, whose input is quantized at run time."""
    inputs = keras.Input((16,), name="x")
    model = randomize(keras.Model(inputs, layers.Dense(8, name="y")(inputs)))
    folder = tmp_path_factory.mktemp("products")
    (variant,) = convert(model, folder, formats=("tflite",), schemes=("dynamic_int8",))
    return model, variant


def test_weights_get_a_single_scale_where_a_release_knows_no_other(products):
    model, variant = products
    assert variant.min_runtime == "litert-1.0"
    content = variant.path.read_bytes()
    older = tflite_runtimes.fit(content, "tflite-2.14")
    assert tflite_runtimes.able(older)[0] == "tflite-2.14"
    assert tflite_runtimes.fit(content, "litert-1.0") == content
    x = feeds(model, 1, seed=0)["x"]
    kernel, bias = (np.asarray(weight) for weight in model.weights)
    with littoral.load(older, verify=False) as loaded:
        step = np.abs(kernel).max() / 127
        wanted = x @ (np.rint(kernel / step) * step) + bias
        assert np.abs(loaded.run(x) - wanted).max() < 0.02 * np.abs(wanted).max()


def test_what_cannot_be_written_for_a_runtime_is_refused_with_versions(tmp_path):
    inputs = keras.Input((8, 8, 2), name="x")
    model = randomize(keras.Model(inputs, layers.Conv2D(64, 8)(inputs)))
    with pytest.raises(
        ConversionError, match=r"tflite-2\.14 .*DEQUANTIZE version 6.*up to 5.*: litert-1\.0"
    ):
        convert(
            model,
            tmp_path,
            formats=("tflite",),
            schemes=("weight_int4",),
            min_runtime="tflite-2.14",
            tolerance=0.5,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (["tflite-9"], r"unknown runtime 'tflite-9': choose from .*tflite-2\.14"),
        (["ort-1.17"], "ort-1.17 runs onnx files, and only tflite is asked for"),
        (["tflite-2.14", "litert-2.0"], "tflite-2.14 and litert-2.0 both run tflite files"),
    ],
)
def test_runtimes_that_do_not_fit_are_refused(wanted, words):
    with pytest.raises(InputError, match=words):
        runtimes.by_format(wanted, ["tflite"])


def test_the_ir_version_is_no_newer_than_the_contents():
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 13
    content = model.SerializeToString()
    assert onnx_runtimes.able(content)[0] == "ort-1.24"
    fitted = onnx_runtimes.fit(content, "ort-1.15")
    assert onnx.load_from_string(fitted).ir_version == 8
    model.opset_import[0].version = 22
    with pytest.raises(ConversionError, match=r"opset 22 \(it reads up to 20\).*ort-1\.21"):
        onnx_runtimes.fit(model.SerializeToString(), "ort-1.17")


def test_every_table_is_in_order_and_names_each_release_once():
    for format_name in ("tflite", "onnx"):
        module = runtimes.plugins.load(runtimes, format_name)
        numbers = [
            (name.startswith("litert"), *map(int, name.split("-")[1].split(".")))
            for name in module.RUNTIMES
        ]
        assert numbers == sorted(set(numbers))


def test_releases_in_between_that_fail_are_named(tmp_path):
    """LiteRT 1.1 to 1.3 compute convolutions with float16 weights wrongly; 2.14 does not."""
    inputs = keras.Input((8, 8, 2), name="x")
    model = randomize(keras.Model(inputs, layers.Conv2D(16, 3, name="y")(inputs)))
    (variant,) = convert(model, tmp_path, formats=("tflite",), schemes=("float16",))
    card = littoral.integrity.read_card(variant.path.read_bytes())
    assert card.min_runtime == "tflite-2.14"
    assert card.faulty_runtimes == ("litert-1.1", "litert-1.2", "litert-1.3")
    with pytest.raises(ConversionError, match="CONV_2D with float16 weights"):
        tflite_runtimes.fit(variant.path.read_bytes(), "litert-1.2")
    payload = cli.call("inspect", [str(variant.path)])
    assert "2.14 and newer, but not in litert-1.1, litert-1.2, litert-1.3" in inspect.describe(
        payload
    )


@pytest.mark.parametrize(
    ("name", "operator"), [("logical_and_8", "LOGICAL_AND"), ("bitwise_and_8", "BITWISE_XOR")]
)
def test_shapes_that_end_an_old_process_ask_for_a_newer_release(name, operator, tmp_path):
    """Up to LiteRT 2.1, spreading one operand along more than four axes is an abort."""
    (variant,) = convert(model_of(name, WIDE), tmp_path, formats=("tflite",))
    assert variant.min_runtime == "litert-2.2"
    with pytest.raises(ConversionError, match=f"{operator} of different shapes.*: litert-2.2"):
        tflite_runtimes.fit(variant.path.read_bytes(), "litert-2.1")


@pytest.mark.slow
def test_a_release_that_a_card_leaves_out_aborts(run_in, tmp_path):
    model = model_of("logical_and_8", WIDE)
    (variant,) = convert(model, tmp_path, formats=("tflite",))
    np.savez(variant.path.with_suffix(".npz"), **feeds(model, 1, seed=0))
    with pytest.raises(subprocess.CalledProcessError):
        run_in("ai-edge-litert==2.1.0", tmp_path)
    run_in("ai-edge-litert==2.2.0", tmp_path)
    assert not list(tmp_path.glob("*.error"))


@pytest.mark.parametrize(("dtype", "oldest"), [("int32", "litert-1.0"), ("float32", "tflite-2.14")])
def test_products_of_integers_spread_along_many_axes_from_litert_on(dtype, oldest, tmp_path):
    """In tflite-runtime 2.14 a delegate takes those of floats, and its own kernel aborts."""
    shapes = ([1, 3, 2, 2, 4], [1, 1, 1, 1, 4], [1, 3, 2, 2, 4])
    tensors = [T(name, shape, dtype=dtype) for name, shape in zip("aby", shapes, strict=True)]
    product = Op("MUL", [0, 1], [2], "MulOptions", {"fusedActivationFunction": 0})
    content = tflite_writer.write(Graph(tensors, [0, 1], [2], [product]))
    assert tflite_runtimes.able(content)[0] == oldest
