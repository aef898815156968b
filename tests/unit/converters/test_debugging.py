"""`littoral debug`: a fault put into one layer is found in that layer, in anybody's files."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnx
import onnx_writer
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx
from converted import randomize
from damaged_files import damaged
from keras import layers
from littoral import InputError
from littoral.cli import main
from littoral_converters import convert, debug, isolation
from littoral_converters.debugging import debug_file
from littoral_converters.debugging.report import layers_table

pytestmark = pytest.mark.slow
DAMAGED = ("stem", "inner", "wide", "scores")


def model():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(image)
    y = layers.Conv2D(4, 3, padding="same", name="inner")(x)
    x = layers.Flatten(name="flat")(layers.Add(name="join")([x, y]))
    x = layers.Dense(12, activation="relu", name="wide")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    return keras.Model(image, layers.Dense(5, activation="softmax", name="scores")(x))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The model's file, and four files of it: ours, and those of the stock converters."""
    folder = tmp_path_factory.mktemp("debug")
    net = randomize(model())
    net.save(folder / "net.keras")
    for variant in convert(net, folder):
        variant.path.rename(folder / f"ours{variant.path.suffix}")
    function = tf.function(lambda image: net(image))
    spec = tf.TensorSpec((None, 8, 8, 3), name="image")
    found = tf2onnx.convert.from_function(function, [spec], opset=17)[0]
    (folder / "stock.onnx").write_bytes(found.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [tf.function(lambda image: net(image)).get_concrete_function(spec)]
    )
    (folder / "stock.tflite").write_bytes(converter.convert())
    data = np.random.default_rng(3).normal(size=(40, 8, 8, 3)).astype("float32")
    np.savez(folder / "data.npz", x=data)
    yield folder, net
    isolation.stop()


def drift(folder, name, content=None, **options):
    content = (folder / name).read_bytes() if content is None else content
    settings = {"data": None, "samples": 16, "limit_db": None, "allow_unsafe": False, "modules": ()}
    settings |= options
    return debug_file(folder / "net.keras", name, content, *settings.values())


@pytest.mark.parametrize("name", ["ours.tflite", "ours.onnx", "stock.tflite", "stock.onnx"])
def test_the_damaged_layer_is_named_first(name, place):
    folder, net = place
    whole = drift(folder, name)
    assert whole.first_wrong is None
    assert whole.worst[0].snr_db > 100
    kind, content = name.split(".")[1], (folder / name).read_bytes()
    for layer in DAMAGED:
        found = drift(folder, name, damaged(content, kind, net.get_layer(layer).kernel))
        assert found.first_wrong.layer == layer
        assert found.first_wrong.snr_db < 10


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_a_layer_is_named_whose_fault_the_end_of_the_model_nearly_hides(suffix, tmp_path):
    """Classes that are always about as likely agree by 20 dB, whatever they are computed from."""
    image = keras.Input((9, 9, 3), name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="stem")(image)
    x = layers.Conv2D(8, 1, activation="relu", name="middle")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    net = randomize(keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x)))
    middle, scores = net.get_layer("middle").kernel, net.get_layer("scores").kernel
    scores.assign(scores / 8)
    net.save(tmp_path / "net.keras")
    (made,) = convert(net, tmp_path, formats=(suffix,))
    found = drift(tmp_path, made.path.name, damaged(made.path.read_bytes(), suffix, middle))
    snr = {row.layer: row.snr_db for row in found.layers}
    assert 20 < snr["scores"] < 40
    assert snr["stem"] > 100
    assert found.first_wrong.layer == "middle"
    assert snr["middle"] < 10


def encoder():
    image = keras.Input((28, 16), name="image")
    x = layers.Dense(64, name="stem")(image)
    for number in range(2):
        y = layers.LayerNormalization(name=f"norm_{number}")(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 16, name=f"heads_{number}")(y, y)])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(128, activation="gelu", name=f"wide_{number}")(y)
        x = layers.Add()([x, layers.Dense(64, name=f"narrow_{number}")(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(image, layers.Dense(10, activation="softmax", name="scores")(x))


def channels():
    """As many channels as values go into one that is looked at, the first without an offset."""
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", name="conv")(image)
    x = layers.LeakyReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    return keras.Model(image, layers.Dense(4, name="scores")(layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
@pytest.mark.parametrize("build", [encoder, channels])
def test_no_layer_of_a_whole_file_is_blamed(build, suffix, tmp_path):
    """Of whose tensors some hold less than their layers: without a mean, or an offset."""
    net = randomize(build())
    for weight in net.weights:
        if weight.path.endswith(("bias", "beta")):
            values = np.random.default_rng(1).normal(size=weight.shape)
            weight.assign(np.where(np.arange(weight.shape[-1]) == 0, 0.0, values))
    net.save(tmp_path / "net.keras")
    (made,) = convert(net, tmp_path, formats=(suffix,))
    found = drift(tmp_path, made.path.name)
    assert found.limit_db == 60
    assert found.first_wrong is None
    assert found.worst[0].snr_db > 100


def test_a_quantized_layer_is_blamed_for_noise_that_is_all_its_own(tmp_path):
    """An epsilon that is not Keras's costs less than what eight bits may, and more than they do."""
    x = keras.Input((16,), name="x")
    y = layers.LayerNormalization(name="norm")(layers.Dense(64, name="stem")(x))
    net = randomize(keras.Model(x, layers.Dense(5, name="scores")(y)))
    net.save(tmp_path / "net.keras")
    data = np.random.default_rng(0).normal(size=(32, 16)).astype("float32")
    (made,) = convert(
        net, tmp_path, formats=("onnx",), schemes=("static_int8",), representative_data=data
    )
    copy = onnx.load(made.path)
    (node,) = [one for one in copy.graph.node if one.op_type == "LayerNormalization"]
    (epsilon,) = [one for one in node.attribute if one.name == "epsilon"]
    epsilon.f = 4.0
    found = drift(tmp_path, "changed.onnx", copy.SerializeToString(), data={"x": data})
    snr = {one.layer: one.snr_db for one in found.layers}
    assert found.limit_db == 10
    assert 10 < snr["norm"] < 15
    assert snr["stem"] > 35
    assert found.first_wrong.layer == "norm"
    told = layers_table(found.to_dict())
    assert told.startswith("Layer norm (LayerNormalization) is where it goes wrong first: ")
    assert "(limit 15 dB)" in told
    assert drift(tmp_path, made.path.name, data={"x": data}).first_wrong is None


def test_figures_are_those_of_numpy_on_the_tensors_of_the_raw_engine(place):
    folder, net = place
    image = np.load(folder / "data.npz")["x"][:16]
    content = damaged((folder / "stock.onnx").read_bytes(), "onnx", net.get_layer("wide").kernel)
    found = drift(folder, "stock.onnx", content, data={"image": image})
    (row,) = [one for one in found.layers if one.layer == "wide"]
    copy = onnx.load_from_string(content)
    copy.graph.output.append(onnx.ValueInfoProto(name=row.tensor))
    session = onnxruntime.InferenceSession(copy.SerializeToString())
    came = np.concatenate([session.run([row.tensor], {"image": one[None]})[0] for one in image])
    meant = np.asarray(keras.Model(net.input, net.get_layer("wide").output)(image))
    assert row.max_abs_error == pytest.approx(np.abs(came - meant).max(), rel=1e-3)
    noise = np.square(np.float64(came) - meant).sum()
    assert row.snr_db == pytest.approx(10 * np.log10(np.square(meant).sum() / noise), abs=1e-3)


def test_dropout_and_flatten_share_the_tensor_of_what_they_pass_on(place):
    rows = {one.layer: one for one in drift(place[0], "ours.tflite").layers}
    assert rows["drop"].tensor == rows["wide"].tensor
    assert rows["flat"].tensor == rows["join"].tensor


def test_quantization_noise_is_that_of_the_closed_form(tmp_path):
    """A file that rounds its input to steps s: on uniform data that adds a power of s*s/12."""
    keras.utils.set_random_seed(3)  # four outputs of any weights stray further now and then
    inputs = keras.Input((64,), name="x")
    keras.Model(inputs, layers.Dense(4, name="dense")(inputs)).save(tmp_path / "net.keras")
    net = keras.models.load_model(tmp_path / "net.keras")
    kernel, bias = (np.asarray(weight) for weight in net.get_layer("dense").weights)
    step = np.float32(2 / 255)
    content = onnx_writer.write(
        [("x", "float32", [1, 64])],
        [("dense", "float32", [1, 4])],
        [
            ("QuantizeLinear", ["x", "s", "z"], ["q"], {}),
            ("DequantizeLinear", ["q", "s", "z"], ["r"], {}),
            ("Gemm", ["r", "k", "b"], ["dense"], {}),
        ],
        {"s": step, "z": np.int8(0), "k": kernel, "b": bias},
    )
    data = np.random.default_rng(0).uniform(-1, 1, (200, 64)).astype("float32")
    found = drift(tmp_path, "by_hand.onnx", content, data={"x": data}, samples=200)
    rows = {one.kind: one for one in found.layers}
    expected = 10 * np.log10((1 / 3) / (float(step) ** 2 / 12))
    assert rows["Input"].snr_db == pytest.approx(expected, abs=0.2)
    # A product of independent values passes noise on at the rate of the signal: it adds none.
    assert rows["Dense"].snr_db == pytest.approx(expected, abs=0.6)
    assert found.first_wrong is None


def nested():
    """A model in a model, and two outputs in a dict that are called otherwise than their layers."""
    inside = keras.Input((16,), name="inside")
    x = layers.Dense(16, activation="relu", name="first")(inside)
    inner = keras.Model(inside, layers.Dense(16, activation="tanh", name="second")(x), name="inner")
    inputs = keras.Input((16,), name="x")
    x = inner(inputs)
    ends = {"zeta": layers.Dense(4, name="left")(x), "alpha": layers.Dense(3, name="right")(x)}
    return randomize(keras.Model(inputs, ends))


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_a_layer_is_named_and_not_the_input_model_or_output_around_it(suffix, tmp_path):
    net = nested()
    (made,) = convert(net, tmp_path, formats=(suffix,))
    inner = net.get_layer("inner")
    places = {"inner/first": inner.get_layer("first"), "inner/second": inner.get_layer("second")}
    places |= {name: net.get_layer(name) for name in ("left", "right")}
    for name, layer in places.items():
        meant = np.asarray(layer.kernel)
        layer.kernel.assign(-meant[::-1])
        net.save(tmp_path / "net.keras")
        layer.kernel.assign(meant)
        found = drift(tmp_path, made.path.name)
        assert found.first_wrong.layer == name
        assert found.suspected == ()
        wrong = {row.layer for row in found.layers if row.snr_db is not None and row.snr_db < 60}
        assert ("zeta" in wrong, "alpha" in wrong) == (name != "right", name != "left")
    net.save(tmp_path / "net.keras")
    assert drift(tmp_path, made.path.name).first_wrong is None


def test_layers_that_one_operator_computes_are_suspected_together(tmp_path):
    inputs = keras.Input((6, 6, 2), name="x")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(3, 3, name="conv")(inputs))
    x = layers.Flatten()(layers.ReLU(name="relu")(x))
    net = randomize(keras.Model(inputs, layers.Dense(2, name="head")(x)))
    (made,) = convert(net, tmp_path, formats=("tflite",))
    for weight in (net.get_layer("norm").beta, net.get_layer("conv").kernel):
        meant = np.asarray(weight)
        weight.assign(2 - meant)
        net.save(tmp_path / "net.keras")
        weight.assign(meant)
        found = drift(tmp_path, made.path.name)
        together = {found.first_wrong.layer, *(one.layer for one in found.suspected)}
        assert together == {"conv", "norm"}
        payload = found.to_dict()
        assert payload["suspected"] == [one.layer for one in found.suspected]
        verdict = layers_table(payload).splitlines()[0]
        assert verdict.endswith(
            f"; or {', '.join(payload['suspected'])}, without a tensor of their own"
        )


def test_layers_that_are_fused_away_are_listed(tmp_path):
    inputs = keras.Input((6, 6, 2), name="x")
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    net = randomize(keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten()(x))))
    net.save(tmp_path / "net.keras")
    (variant,) = convert(net, tmp_path, formats=("tflite",))
    found = debug(tmp_path / "net.keras", variant.path, samples=8)
    assert [one.layer for one in found.fused] == ["conv", "norm"]
    assert found.first_wrong is None
    assert found.to_dict()["fused"] == ["conv", "norm"]


def test_the_verb_prints_a_table_json_and_a_page(place, capsys):
    folder, net = place
    content = damaged((folder / "stock.onnx").read_bytes(), "onnx", net.get_layer("wide").kernel)
    (folder / "bad.onnx").write_bytes(content)
    words = ["debug", str(folder / "net.keras"), str(folder / "bad.onnx")]
    words += ["--data", str(folder / "data.npz"), "--html", str(folder / "page.html")]
    assert main([*words, "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    assert payload["first_wrong"] == "wide"
    assert payload["samples"] == 32
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("Layer wide (Dense) is where it goes wrong first: ")
    page = (folder / "page.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_file_of_another_model_is_refused_in_one_line(place, tmp_path, capsys):
    (tmp_path / "other.onnx").write_bytes(
        onnx_writer.write(
            [("x", "float32", [1, 3])], [("y", "float32", [1, 3])], [("Relu", ["x"], ["y"], {})]
        )
    )
    assert main(["debug", str(place[0] / "net.keras"), str(tmp_path / "other.onnx")]) == 2
    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("littoral: ")]
    assert len(lines) == 1
    assert "takes image float32 [any, 8, 8, 3], the second x float32 [1, 3]" in lines[0]
    with pytest.raises(InputError, match="at least 1, not 0"):
        debug(place[0] / "net.keras", tmp_path / "other.onnx", samples=0)
