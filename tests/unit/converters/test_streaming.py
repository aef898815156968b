"""Step models: file and Keras's whole-sequence model say the same, however the steps come."""

import itertools

import keras
import littoral
import numpy as np
import pytest
from converted import randomize
from keras import layers, ops
from littoral_converters import convert, verify
from littoral_converters.signature import signature_of
from littoral_converters.stepping.step_model import any_length

FORMATS = ["tflite", "onnx"]
STEPS, FEATURES = 11, 3


def sequence(dtype="float32", steps=STEPS):
    shape = (steps,) if dtype == "int32" else (steps, FEATURES)
    return keras.Input(shape, dtype=dtype, name="x")


def masked_lstms():
    x = sequence()
    h = layers.LSTM(5, return_sequences=True)(layers.Masking()(layers.Dense(4)(x)))
    return x, layers.Dense(2)(layers.LSTM(4)(h))


def grus_of_tokens():
    x = sequence("int32")
    h = layers.Embedding(6, 4, mask_zero=True)(x)
    h = layers.GRU(5, return_sequences=True, zero_output_for_mask=True)(h)
    return x, layers.TimeDistributed(layers.Dense(3))(layers.SimpleRNN(4, return_sequences=True)(h))


def stacked_cells():
    x = sequence(steps=None)
    cells = [layers.LSTMCell(4), layers.GRUCell(5, reset_after=False), layers.SimpleRNNCell(3)]
    return x, layers.RNN(cells, return_sequences=True)(layers.Masking()(x))


def causal_convolutions():
    x = h = sequence()
    for dilation in (1, 2, 4):
        more = layers.Conv1D(4, 2, padding="causal", dilation_rate=dilation, activation="relu")(h)
        h = layers.BatchNormalization()(layers.Add()([layers.Dense(4)(h), more]))
    padded = layers.DepthwiseConv1D(3)(layers.ZeroPadding1D((2, 0))(h))
    return x, [layers.Dense(2)(padded), layers.Dense(3)(layers.GlobalAveragePooling1D()(h))]


def masked_attention():
    x = sequence("int32")
    h = layers.Embedding(6, 8, mask_zero=True)(x)
    h = layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
    return x, layers.Dense(2)(layers.GlobalAveragePooling1D()(h))


def running_maximum():
    x = sequence()
    return x, layers.Dense(2)(layers.GlobalMaxPooling1D()(layers.Dense(4)(x)))


@keras.saving.register_keras_serializable("test_streaming")
class Positions(layers.Layer):
    def build(self, shape):
        self.table = layers.Embedding(STEPS, shape[-1])
        self.table.build(())

    def call(self, x):
        return x + self.table(ops.arange(ops.shape(x)[1]))


def causal_transformer():
    x = sequence()
    h = Positions()(layers.Dense(8)(x))
    for _ in range(2):
        more = layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
        h = layers.LayerNormalization()(h + more)
        h = h + layers.Dense(8)(layers.Dense(12, activation="gelu")(h))
    return x, layers.Dense(3)(h)


def two_inputs_two_outputs():
    x, extra = sequence(), keras.Input((2,), name="extra")
    h = layers.GRU(4, return_sequences=True)(x)
    last = layers.Dense(2, name="last")(layers.Concatenate()([h[:, -1], extra]))
    return [x, extra], {"each": layers.Dense(3, name="each")(h), "last": last}


def conv_lstm():
    x = keras.Input((STEPS, 4, 4, 2), name="x")
    return x, layers.ConvLSTM2D(3, 3, padding="same")(x)


def stateful():
    x = keras.Input(batch_shape=(1, 1, FEATURES), name="x")
    return x, layers.Dense(2)(layers.LSTM(4, stateful=True)(x))


MODELS = [
    masked_lstms,
    grus_of_tokens,
    stacked_cells,
    causal_convolutions,
    running_maximum,
    causal_transformer,
    masked_attention,
    two_inputs_two_outputs,
    conv_lstm,
    stateful,
]


def made(build):
    inputs, outputs = build()
    return randomize(keras.Model(inputs, outputs, name=build.__name__))


def draw(model, steps, seed=7):
    """One sequence by input name, some of its steps zeros, which masks leave out."""
    random = np.random.default_rng(seed)
    found = {}
    for spec in signature_of(model).inputs:
        shape = (steps, *spec.shape[2:]) if spec.name == "x" else spec.shape[1:]
        values = random.normal(size=shape).astype("float32")
        if spec.dtype == "int32":
            values = random.integers(0, 6, shape).astype("int32")
        if spec.name == "x":
            values[[0, 4, 5]] = 0
        found[spec.name] = values
    return found


def whole(model, data):
    """Keras's outputs on the whole sequence, by name."""
    signature = signature_of(model)
    with any_length(model):
        arrays = [values[None] for values in data.values()]
        results = keras.tree.flatten(model(signature.arrange(arrays), training=False))
    return dict(zip(signature.output_names, (np.asarray(r)[0] for r in results), strict=True))


def streamed(stream, data, chunks):
    """What a stream says after chunks of these sizes, in turn, by output name."""
    stream.reset()
    pieces, begin, steps = {}, 0, len(data["x"])
    for size in itertools.cycle(chunks):
        if begin >= steps:
            break
        results = stream.step({**data, "x": data["x"][begin : begin + size]})
        results = results if isinstance(results, dict) else {stream.outputs[0].name: results}
        for name, values in results.items():
            pieces.setdefault(name, []).append(values)
        begin += size
    return {name: np.concatenate(values) for name, values in pieces.items()}


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_steps_say_what_the_whole_sequence_says(build, format_name, tmp_path):
    model = made(build)
    (variant,) = convert(model, tmp_path, formats=(format_name,), streaming=True)
    assert variant.path.name == f"{build.__name__}.step.float32.{format_name}"
    data = draw(model, STEPS)
    wanted = whole(model, data)
    with littoral.load(variant.path) as file, file.stream() as stream:
        assert "x" in file.card.stream.by_step
        for chunks in ([1], [2, 3, 1], [STEPS]):
            got = streamed(stream, data, chunks)
            assert list(got) == list(wanted)
            for name, values in wanted.items():
                per_step = got[name] if name in file.card.stream.by_step else got[name][-1]
                scale = 1e-6 + np.abs(values).max()
                assert np.abs(per_step - values).max() / scale < 1e-5, (name, chunks)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
def test_an_output_after_any_step_is_that_of_a_sequence_that_ends_there(format_name, tmp_path):
    model = made(masked_lstms)
    (variant,) = convert(model, tmp_path, formats=(format_name,), streaming=True)
    data = draw(model, STEPS)
    with littoral.load(variant.path) as file, file.stream() as stream:
        got = stream.step(data["x"])
    for end in range(1, STEPS + 1):
        (values,) = whole(model, {"x": data["x"][:end]}).values()
        np.testing.assert_allclose(got[end - 1], values, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_scheme_streams(format_name, tmp_path):
    model = made(masked_lstms)
    samples = np.random.default_rng(1).normal(size=(16, STEPS, FEATURES)).astype("float32")
    left_out = {}
    variants = convert(
        model,
        tmp_path,
        formats=(format_name,),
        schemes=("float32", "float16", "dynamic_int8", "static_int8", "strict_int8", "int16x8"),
        representative_data=samples,
        streaming=True,
        left_out=left_out.setdefault,
        recommend=False,
    )
    assert set(left_out) <= {"onnx strict_int8", "onnx int16x8"}
    data = draw(model, STEPS)
    (wanted,) = whole(model, data).values()
    for variant in variants:
        with littoral.load(variant.path) as file, file.stream() as stream:
            got = stream.step(data["x"])[-1]
        assert np.abs(got - wanted).max() < 0.1 * np.abs(wanted).max(), variant.scheme


@pytest.mark.slow
def test_accuracy_is_that_after_the_last_step(tmp_path):
    x = sequence()
    model = keras.Model(x, layers.Dense(4, activation="softmax")(layers.GRU(5)(x)))
    randomize(model)
    samples = np.random.default_rng(2).normal(size=(24, STEPS, FEATURES)).astype("float32")
    labels = np.asarray(model(samples)).argmax(1)
    labels[:6] = (labels[:6] + 1) % 4
    (variant,) = convert(
        model,
        tmp_path,
        formats=("onnx",),
        streaming=True,
        evaluation_data={"x": samples, "y": labels},
    )
    assert variant.verification.value == variant.verification.float_value == 0.75
    again = verify(model, variant.path, data={"x": samples, "y": labels})
    assert again.passed
    assert again.value == 0.75
    other = keras.models.clone_model(model)
    assert not verify(other, variant.path, data={"x": samples, "y": labels}).passed


@pytest.mark.slow
def test_attention_of_an_open_length_needs_a_context_and_forgets_beyond_it(tmp_path):
    x = sequence(steps=None)
    h = layers.Dense(8)(x)
    outputs = layers.MultiHeadAttention(2, 4, name="attends")(h, h, use_causal_mask=True)
    model = randomize(keras.Model(x, outputs, name="open"))
    with pytest.raises(littoral.ConversionError, match=r"'attends'.*--context N"):
        convert(model, tmp_path, formats=("onnx",), streaming=True)
    (variant,) = convert(model, tmp_path, formats=("onnx",), streaming=True, context=4)
    data = draw(model, STEPS)
    with littoral.load(variant.path) as file, file.stream() as stream:
        got = stream.step(data["x"])
    for end in range(4, STEPS + 1):
        (values,) = whole(model, {"x": data["x"][end - 4 : end]}).values()
        np.testing.assert_allclose(got[end - 1], values[-1], atol=1e-5)


REFUSED = {
    "bidirectional": (lambda x: layers.Bidirectional(layers.LSTM(4))(x), "from its end"),
    "lstm": (lambda x: layers.LSTM(4, go_backwards=True, name="lstm")(x), "from its end"),
    "ahead": (
        lambda x: layers.GRU(3)(layers.Conv1D(4, 3, padding="same", name="ahead")(x)),
        "causal",
    ),
    "flat": (lambda x: layers.Dense(2)(layers.Flatten(name="flat")(x)), "all steps at once"),
    "pooled": (
        lambda x: layers.GRU(3)(layers.MaxPooling1D(2, name="pooled")(x)),
        "number of steps",
    ),
    "open_eyes": (
        lambda x: layers.MultiHeadAttention(1, 4, name="open_eyes")(x, x),
        "use_causal_mask=True",
    ),
    "again": (
        lambda x: layers.GRU(3)(layers.RepeatVector(STEPS, name="again")(layers.GRU(2)(x))),
        "steps",
    ),
    "longer": (
        lambda x: layers.UpSampling1D(2, name="longer")(layers.GRU(3, return_sequences=True)(x)),
        "number of steps",
    ),
    "across": (
        lambda x: layers.GRU(3)(layers.LayerNormalization(axis=1, name="across")(x)),
        "step",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_step_form_is_refused_by_name_with_the_way_out(name, tmp_path):
    build, reason = REFUSED[name]
    x = sequence()
    model = randomize(keras.Model(x, build(layers.Dense(3)(x))))
    with pytest.raises(littoral.ConversionError, match=rf"layer '{name}.*{reason}") as refusal:
        convert(model, tmp_path, formats=("onnx",), streaming=True)
    assert "--streaming" in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"streaming": True, "batch": None}, "batch any"),
        ({"streaming": True, "context": 0}, "context is 0"),
        ({"context": 4}, "--streaming"),
    ],
)
def test_what_does_not_go_together_with_streaming(options, complaint, tmp_path):
    with pytest.raises(littoral.InputError, match=complaint):
        convert(made(stateful), tmp_path, **options)


def test_a_model_without_time_has_no_steps(tmp_path):
    x = keras.Input((4,), name="x")
    with pytest.raises(littoral.ConversionError, match="no input has a time axis"):
        convert(keras.Model(x, layers.Dense(2)(x)), tmp_path, streaming=True)


def test_a_model_that_remembers_nothing_is_refused(tmp_path):
    x = sequence()
    with pytest.raises(littoral.ConversionError, match=r"remembers nothing .*without --streaming"):
        convert(keras.Model(x, layers.Dense(2)(x)), tmp_path, streaming=True)
    assert not list(tmp_path.iterdir())
