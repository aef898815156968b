"""strict_int8, int16x8 and weight_int4: what they store, in engines and arithmetic not ours."""

import keras
import littoral
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from converted import feeds, keras_outputs, randomize, worst_error
from keras import layers
from littoral.errors import ConversionError, InputError
from littoral_converters import convert
from littoral_converters.schemes import _int4
from littoral_models import data as data_sets
from tflite_micro.python.tflite_micro import runtime as micro

DATA = {"mlp": "letter", "cnn": "fashion_mnist"}


def mlp(shape):
    inputs = keras.Input(shape, name="x")
    hidden = layers.Dense(48, activation="relu")(inputs)
    return keras.Model(inputs, layers.Dense(26, name="scores")(hidden))


def cnn(shape):
    inputs = keras.Input(shape, name="x")
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    x = layers.AveragePooling2D(2)(layers.Conv2D(16, 1, activation="relu")(x))
    x = layers.Dense(10, name="scores")(layers.Flatten()(x))
    return keras.Model(inputs, x)


@pytest.fixture(scope="module", params=["mlp", "cnn"])
def learned(request):
    """A small model that learned real data for a moment, and the data."""
    data = data_sets.load(DATA[request.param])
    keras.utils.set_random_seed(1)
    model = {"mlp": mlp, "cnn": cnn}[request.param](data.x_train.shape[1:])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(data.x_train, data.y_train, batch_size=64, epochs=1, verbose=0)
    return model, data


def made(model, data, folder, scheme, format_name="tflite", **options):
    (variant,) = convert(
        model,
        folder,
        formats=(format_name,),
        schemes=(scheme,),
        representative_data=data.x_train[:200],
        evaluation_data={"x": data.x_test[:400], "y": data.y_test[:400]},
        **options,
    )
    return variant


@pytest.mark.slow
def test_strict_int8_gives_the_same_integers_in_tensorflow_lite_micro(learned, tmp_path):
    """But for rounding: Micro rounds each product twice, XNNPACK once, a step in a thousandth."""
    model, data = learned
    path = made(model, data, tmp_path, "strict_int8").path
    tiny, full = micro.Interpreter.from_file(str(path)), Interpreter(str(path))
    full.allocate_tensors()
    (given,), (result,) = full.get_input_details(), full.get_output_details()
    assert given["dtype"] == result["dtype"] == np.int8
    assert {tensor["dtype"] for tensor in full.get_tensor_details()} <= {np.int8, np.int32}
    scale, zero_point = given["quantization"]
    apart = []
    for sample in data.x_test[:200]:
        quanta = np.clip(np.rint(sample[None] / scale) + zero_point, -128, 127).astype(np.int8)
        tiny.set_input(quanta, 0)
        tiny.invoke()
        full.set_tensor(given["index"], quanta)
        full.invoke()
        apart.append(tiny.get_output(0).astype(int) - full.get_tensor(result["index"]))
    assert np.abs(apart).max() <= 1
    assert np.mean(np.array(apart) == 0) > 0.95


@pytest.mark.slow
def test_strict_int8_takes_and_gives_real_units(learned, tmp_path):
    model, data = learned
    model = keras.Model(model.input, layers.Softmax()(model.output))
    path = made(model, data, tmp_path, "strict_int8").path
    with littoral.load(path) as loaded:
        (spec,) = loaded.outputs
        # TensorFlow's 8-bit specification fixes what a softmax gives.
        assert (spec.dtype, spec.scale, spec.zero_point) == ("int8", 1 / 256, -128)
        scores = loaded.run(data.x_test[:400])
    assert scores.dtype == np.float32
    exact = np.asarray(model(data.x_test[:400]))
    assert np.mean(scores.argmax(1) == exact.argmax(1)) > 0.95
    assert np.sqrt(np.mean((scores - exact) ** 2)) < 0.15 * np.sqrt(np.mean(exact**2))


@pytest.mark.slow
def test_int16x8_is_closer_than_strict_int8(learned, tmp_path):
    model, data = learned
    errors = {
        scheme: made(model, data, tmp_path, scheme).verification.mean_abs_error
        for scheme in ("strict_int8", "int16x8")
    }
    assert errors["int16x8"] < errors["strict_int8"]
    interpreter = Interpreter(str(next(tmp_path.glob("*.int16x8.tflite"))))
    interpreter.allocate_tensors()
    details = interpreter.get_tensor_details()
    assert {tensor["dtype"] for tensor in details} <= {np.int8, np.int16, np.int32, np.int64}
    assert interpreter.get_input_details()[0]["quantization"][1] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda x: layers.LSTM(8)(layers.Masking()(x)),
        lambda x: layers.GRU(8)(x),
        lambda x: layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x)),
        lambda x: layers.Dense(8, activation="gelu")(x),
    ],
    ids=["lstm_masked", "gru", "attention", "gelu"],
)
def test_strict_int8_covers_recurrence_and_attention(make, tmp_path):
    inputs = keras.Input((6, 5), name="x")
    model = randomize(keras.Model(inputs, make(inputs)))
    assert worst_error(model, tmp_path, "tflite", "strict_int8") < 0.1
    interpreter = Interpreter(str(next(tmp_path.iterdir())))
    kinds = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert np.float32 not in kinds


@pytest.mark.slow
def test_int16x8_has_room_for_more_than_representative_data_shows(tmp_path):
    """Rare values cut off in a recurrence were wrong by a third of its range."""
    inputs = keras.Input((12, 8), name="x")
    gru = layers.Bidirectional(layers.GRU(6, return_sequences=True))
    model = randomize(keras.Model(inputs, gru(inputs)))
    x = np.random.default_rng(5).normal(size=(100, 12, 8)).astype("float32")
    (variant,) = convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=("int16x8",),
        representative_data=x,
    )
    rare = 1.5 * x
    with littoral.load(variant.path) as loaded:
        assert np.abs(loaded.run(rare) - np.asarray(model(rare))).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["strict_int8", "int16x8"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
def test_integers_that_become_numbers_stay_integers_inside(scheme, dtype, tmp_path):
    """What pictures of uint8 and a Rescaling ask for; the padding ties 0 to their scale."""
    inputs = keras.Input((9, 9, 3), dtype=dtype, name="photo")
    x = layers.ZeroPadding2D(1)(keras.ops.cast(inputs, "float32"))
    x = layers.Conv2D(6, 3, strides=2, activation="relu6")(layers.Rescaling(1 / 127.5, -1)(x))
    model = randomize(keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x))))
    low, high = (-128, 128) if dtype == "int8" else (0, 256)
    photos = np.random.default_rng(2).integers(low, high, (64, 9, 9, 3)).astype(dtype)
    (variant,) = convert(
        model,
        tmp_path,
        formats=("tflite",),
        schemes=(scheme,),
        representative_data=photos,
    )
    full = Interpreter(str(variant.path))
    full.allocate_tensors()
    (given,), (result,) = full.get_input_details(), full.get_output_details()
    assert given["dtype"] == np.dtype(dtype)
    assert all(np.dtype(one["dtype"]).kind in "iu" for one in full.get_tensor_details())
    scale, zero_point = result["quantization"]
    tiny = micro.Interpreter.from_file(str(variant.path)) if dtype != "int64" else None
    exact = np.asarray(model(photos))
    for photo, scores in zip(photos[:16], exact, strict=False):
        full.set_tensor(given["index"], photo[None])
        full.invoke()
        answers = [full.get_tensor(result["index"])]
        if tiny is not None and scheme == "strict_int8":
            tiny.set_input(photo[None], 0)
            tiny.invoke()
            answers.append(tiny.get_output(0))
        for quanta in answers:
            real = (quanta.astype(np.float64) - zero_point) * scale
            assert np.abs(real - scores).max() < 0.04 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("scheme", "layer", "words"),
    [
        (
            "strict_int8",
            layers.Conv3DTranspose(2, 2, name="film"),
            r"strict_int8 .*CONV_3D_TRANSPOSE \(layer film",
        ),
        (
            "int16x8",
            layers.Activation("softsign", name="bent"),
            r"int16x8 .*DIV \(layer bent.*take static_int8",
        ),
    ],
)
def test_operators_without_an_integer_form_are_refused_by_name(scheme, layer, words, tmp_path):
    inputs = keras.Input((4, 4, 4, 2), name="x")
    model = keras.Model(inputs, layer(inputs))
    with pytest.raises(ConversionError, match=words):
        convert(
            model,
            tmp_path,
            formats=("tflite",),
            schemes=(scheme,),
            representative_data=feeds(model, 4, seed=0),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["static_int8", "strict_int8", "int16x8"])
def test_a_file_of_several_samples_is_calibrated_on_the_same_ones(scheme, tmp_path):
    """A reshape holds the batch as a number; the data need not be whole batches.

    The last sample fills the last batch, so that a little less headroom is given.
    """
    inputs = keras.Input((6, 6, 2), name="x")
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(inputs))
    x = layers.Dense(64, activation="relu")(x)
    model = randomize(keras.Model(inputs, layers.Dense(3, name="scores")(x)))
    data = feeds(model, 23, seed=0)
    scales, answers = [], []
    for batch in (1, 5):
        (made,) = convert(
            model,
            tmp_path / str(batch),
            formats=("tflite",),
            schemes=(scheme,),
            representative_data=data,
            batch=batch,
        )
        engine = Interpreter(str(made.path))
        details = engine.get_input_details() + engine.get_output_details()
        assert [entry["shape"][0] for entry in details] == [batch] * len(details)
        scales.append([entry["quantization"][0] for entry in details])
        with littoral.load(made.path) as file:
            answers.append(file.run(data))
    np.testing.assert_allclose(*scales, rtol=0.01)
    np.testing.assert_allclose(*answers, atol=0.02 * np.abs(answers[0]).max())


def test_an_open_batch_without_an_integer_form_is_refused_with_a_way_that_works(tmp_path):
    inputs = keras.Input((5, 8), name="x")
    model = keras.Model(inputs, layers.Dense(4, name="each")(inputs))
    data = {"formats": ("tflite",), "representative_data": feeds(model, 4, seed=0)}
    with pytest.raises(ConversionError, match=r"SHAPE \(layer each\); fix the batch \(--batch 1\)"):
        convert(model, tmp_path, schemes=("strict_int8",), batch=None, **data)
    assert convert(model, tmp_path, schemes=("strict_int8",), batch=1, **data)


@pytest.mark.parametrize("scheme", ["strict_int8", "int16x8"])
def test_onnx_refuses_what_it_cannot_promise(scheme, tmp_path):
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    with pytest.raises(InputError, match=f"onnx cannot express the scheme {scheme}"):
        convert(model, tmp_path, formats=("onnx",), schemes=(scheme,))


def test_what_cannot_be_made_is_left_out_where_asked(tmp_path):
    inputs = keras.Input((4, 4, 4, 2), name="x")
    model = randomize(keras.Model(inputs, layers.Conv3DTranspose(2, 2, name="film")(inputs)))
    reasons = {}
    variants = convert(
        model,
        tmp_path,
        schemes=("float32", "strict_int8"),
        representative_data=feeds(model, 4, seed=0),
        left_out=reasons.__setitem__,
        recommend=False,
    )
    assert [(v.format, v.scheme) for v in variants] == [("tflite", "float32"), ("onnx", "float32")]
    assert set(reasons) == {"tflite strict_int8", "onnx strict_int8"}
    assert "CONV_3D_TRANSPOSE" in reasons["tflite strict_int8"]


@pytest.mark.slow
@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_weight_int4_is_half_of_int8_and_keeps_its_accuracy(format_name, tmp_path):
    data = data_sets.load("letter")
    keras.utils.set_random_seed(1)
    inputs = keras.Input((16,), name="x")
    x = layers.Dense(192, activation="relu")(layers.Rescaling(1 / 8, -1)(inputs))
    x = layers.Dense(192, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(26, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(data.x_train, data.y_train, batch_size=128, epochs=3, verbose=0)
    small = made(model, data, tmp_path, "weight_int4", format_name)
    int8 = made(model, data, tmp_path, "dynamic_int8", format_name)
    assert small.size_bytes < 0.72 * int8.size_bytes
    assert small.verification.drop_points <= 1.5
    assert small.min_runtime == {"tflite": "litert-1.0", "onnx": "ort-1.17"}[format_name]


def test_tflite_int4_weights_are_what_the_engine_multiplies_with(tmp_path):
    inputs = keras.Input((128,), name="x")
    model = randomize(keras.Model(inputs, layers.Dense(64, use_bias=False)(inputs)), scale=1)
    (variant,) = convert(
        model, tmp_path, formats=("tflite",), schemes=("weight_int4",), tolerance=0.2
    )
    kernel = np.asarray(model.weights[0])
    quanta, scales = _int4.quantize(kernel)
    x = feeds(model, 1, seed=0)["x"]
    interpreter = Interpreter(str(variant.path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    wanted = x @ (quanta * scales)
    # The engine rounds the input to 8 bits.
    assert np.abs(got - wanted).max() < 0.02 * np.abs(wanted).max()


@pytest.mark.parametrize("layer", [layers.Conv1D(64, 4), layers.LSTM(32), layers.GRU(40)])
def test_onnx_packed_weights_are_folded_when_the_file_is_loaded(layer, tmp_path):
    inputs = keras.Input((8, 32), name="x")
    model = randomize(keras.Model(inputs, layer(inputs)), scale=0.2)
    (variant,) = convert(
        model, tmp_path, formats=("onnx",), schemes=("weight_int4",), tolerance=0.2
    )
    assert any(node.op_type == "BitShift" for node in onnx.load(variant.path).graph.node)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(variant.path, options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    assert not kinds & {"BitShift", "BitwiseAnd", "Cast", "Mul", "Sub"} or "Loop" in kinds
    assert variant.min_runtime == "ort-1.15"


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_nibbles_are_packed_as_onnx_packs_them(count):
    quanta = np.random.default_rng(count).integers(-8, 8, count).astype(np.int8)
    tensor = onnx.helper.make_tensor("q", onnx.TensorProto.INT4, [count], quanta.tolist())
    packed = np.frombuffer(tensor.SerializeToString(), np.uint8)
    ours = _int4.nibbles(quanta)
    theirs = np.array(tensor.int32_data, np.uint8) if tensor.int32_data else packed[: len(ours)]
    np.testing.assert_array_equal(ours, theirs)


def test_the_scale_of_int4_beats_the_largest_weight():
    columns = np.random.default_rng(0).normal(size=(512, 6)).astype(np.float32)
    quanta, scales = _int4.quantize(columns)
    assert quanta.min() >= -7
    assert quanta.max() <= 7
    plain = np.abs(columns).max(0) / 7
    plainly = np.rint(columns / plain) * plain
    ours = np.square(columns - quanta * scales).sum(0)
    assert (ours < 0.75 * np.square(columns - plainly).sum(0)).all()


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_float16_inputs_and_outputs_are_float32_to_the_caller(format_name, tmp_path):
    one, two = keras.Input((6,), name="one"), keras.Input((4,), dtype="int32", name="two")
    x = layers.Concatenate()([one, layers.Flatten()(layers.Embedding(9, 3)(two))])
    model = randomize(keras.Model([one, two], [layers.Dense(3, name="a")(x), x]))
    (variant,) = convert(
        model, tmp_path, formats=(format_name,), schemes=("float16",), io="float16"
    )
    data = feeds(model, 1, seed=0)
    with littoral.load(variant.path) as loaded:
        assert [spec.dtype for spec in loaded.inputs] == ["float16", "int32"]
        assert {spec.dtype for spec in loaded.outputs} == {"float16"}
        results = loaded.run(data)
    for got, wanted in zip(results.values(), keras_outputs(model, data), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, atol=4e-3 * np.abs(wanted).max())


def test_float16_inputs_are_refused_where_they_make_no_sense(tmp_path):
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    with pytest.raises(InputError, match="float32 does not go together with float16 inputs"):
        convert(model, tmp_path, schemes=("float32",), io="float16")
